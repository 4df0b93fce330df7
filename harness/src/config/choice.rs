//! The value of `--server`.

use std::str::FromStr;

/// How the servers of a run are started or reached: the value of `--server`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectChoice {
    /// `in-process`.
    InProcess,
    /// `subprocess`.
    Subprocess,
    /// A base URL.
    Remote(String),
}

impl FromStr for SubjectChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "in-process" => Ok(Self::InProcess),
            "subprocess" => Ok(Self::Subprocess),
            url if url.starts_with("http://") || url.starts_with("https://") => Ok(Self::Remote(url.to_owned())),
            _ => Err("it is `in-process`, `subprocess`, or a URL with http:// or https://".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_of_a_server_is_read() {
        assert_eq!("in-process".parse(), Ok(SubjectChoice::InProcess));
        assert_eq!("subprocess".parse(), Ok(SubjectChoice::Subprocess));
        assert_eq!("http://[::1]:8000".parse(), Ok(SubjectChoice::Remote("http://[::1]:8000".to_owned())));
        assert_eq!(
            "localhost:8000".parse::<SubjectChoice>(),
            Err("it is `in-process`, `subprocess`, or a URL with http:// or https://".to_owned())
        );
    }
}
