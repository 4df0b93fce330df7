//! Pages in one file: a template whose places are filled with styles, scripts and data.

/// The parts of a page in order. Each place of `fills` stands once in the template, in the order of `fills`; what is put
/// in is never looked through for further places.
pub(super) fn fill<'p>(template: &'p str, fills: Vec<(&str, Vec<&'p [u8]>)>) -> Vec<&'p [u8]> {
    let mut parts: Vec<&[u8]> = Vec::new();
    let mut rest = template;
    for (place, with) in fills {
        let (before, after) = rest.split_once(place).unwrap_or((rest, ""));
        parts.push(before.as_bytes());
        parts.extend(with);
        rest = after;
    }
    parts.push(rest.as_bytes());
    parts
}

/// JSON in which no HTML parser sees a tag or a comment.
pub(super) fn inert_json(json: &str) -> String {
    json.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_no_template() {
        let parts = fill("<{title}|{data}>", vec![("{title}", vec![b"{data}"]), ("{data}", vec![b"1", b",2"])]);
        assert_eq!(String::from_utf8(parts.concat()).unwrap(), "<{data}|1,2>");
    }

    #[test]
    fn data_holds_no_markup() {
        assert_eq!(inert_json(r#"{"a":"</script><!--"}"#), r#"{"a":"\u003c/script>\u003c!--"}"#);
    }
}
