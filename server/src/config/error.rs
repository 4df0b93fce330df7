//! What can be wrong with a configuration, told so that it can be mended.

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A key that does not exist.
    #[error("unknown configuration key `{key}`{}", hint(suggestion.as_deref()))]
    UnknownKey {
        /// The key as given.
        key: String,
        /// The nearest key that exists.
        suggestion: Option<String>,
    },
    /// A value of a wrong type or out of range.
    #[error("configuration key `{key}` {problem}")]
    WrongValue {
        /// The key.
        key: String,
        /// What is wrong with its value.
        problem: String,
    },
    /// A file that cannot be read or parsed, or a value that is no object.
    #[error("{0}")]
    Unreadable(String),
    /// An error with the place where the key was set.
    #[error("{place}: {error}")]
    At {
        /// The file or the environment variable.
        place: String,
        /// What is wrong there.
        error: Box<ConfigError>,
    },
}

impl ConfigError {
    pub(crate) fn wrong(key: &str, problem: impl Into<String>) -> Self {
        Self::WrongValue { key: key.to_owned(), problem: problem.into() }
    }

    pub(super) fn at(self, place: impl Into<String>) -> Self {
        Self::At { place: place.into(), error: Box::new(self) }
    }
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map(|key| format!("; did you mean `{key}`?")).unwrap_or_default()
}

/// The candidate nearest to `word`, if it is near enough to be what was meant.
pub(super) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = candidates.map(|candidate| (distance(word, candidate), candidate));
    let (score, best) = scored.min()?;
    (score <= 2.max(word.chars().count() / 3)).then_some(best)
}

/// Levenshtein's distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("prot", "port"), 2);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn far_words_are_not_suggested() {
        assert_eq!(nearest("prot", ["port", "host"].into_iter()), Some("port"));
        assert_eq!(nearest("zzzzzz", ["port", "host"].into_iter()), None);
    }
}
