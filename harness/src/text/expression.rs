//! Regular expressions that are made while the program runs, of escaped texts.

use regex::{Regex, RegexBuilder};

/// An expression whose variable parts are escaped texts. It has no limit of size, so that no number of texts makes it
/// fail.
///
/// # Panics
/// Where the pattern itself is wrong, which is a mistake of the caller.
pub(crate) fn of_escaped(pattern: &str) -> Regex {
    RegexBuilder::new(pattern).size_limit(usize::MAX).build().expect("an expression of escaped texts")
}

/// An expression that finds any of these texts, at one place the earliest in the list; none where there are no texts.
pub(crate) fn any_of<'t>(texts: impl IntoIterator<Item = &'t String>) -> Option<Regex> {
    let any = alternatives(texts);
    (!any.is_empty()).then(|| of_escaped(&any))
}

/// The source of an expression for any of these texts, at one place the earliest in the list.
pub(crate) fn alternatives(texts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    texts.into_iter().map(|text| regex::escape(text.as_ref())).collect::<Vec<_>>().join("|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_texts_is_found() {
        let texts: Vec<String> = (0..20_000).map(|number| format!("id_{number:020}+(")).collect();
        let any = any_of(&texts).unwrap();
        assert_eq!(any.find("x id_00000000000000019999+( y").unwrap().as_str(), texts[19_999]);
        assert!(any_of(&[]).is_none());
    }
}
