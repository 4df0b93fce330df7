//! A name as part of a file's.

/// A name as part of a file's: letters and digits in lower case, `-` for everything between them; `snapshot` where it has
/// neither.
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
    fn a_name_becomes_part_of_a_file() {
        let slugs = ["After the race!", "  A & B  ", "ÄÖ 1", "/", ""].map(slug);
        assert_eq!(slugs, ["after-the-race", "a-b", "äö-1", "snapshot", "snapshot"]);
    }
}
