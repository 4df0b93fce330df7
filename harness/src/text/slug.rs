//! Names as parts of files' names.

/// A name as part of a file's: letters and digits in lower case, `-` for everything between them; `snapshot` where
/// nothing is left.
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    for character in name.chars().flat_map(char::to_lowercase) {
        if character.is_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "snapshot".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_a_safe_part_of_a_path() {
        assert_eq!(slug("../É v1.2/"), "é-v1-2");
        assert_eq!(slug("!?"), "snapshot");
    }
}
