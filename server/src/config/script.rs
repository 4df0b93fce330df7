//! The script of the AI participant as it is written down: a list of rules. The first rule whose expression is found in
//! a message answers it.

use std::path::Path;

use regex::Regex;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::error::ConfigError;
use super::file::parse_by_extension;

/// Where the script of the AI participant stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum AiScript {
    /// In a file: TOML or JSON by its extension, with the rules in a list called `rules`.
    File(String),
    /// Here.
    Rules(Vec<Rule>),
}

/// How one kind of message is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Regular expression that is searched in the message; without one the rule fits every message.
    #[serde(rename = "match", default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
    /// What happens.
    #[serde(default)]
    pub reply: ScriptedReply,
    /// The pieces that are streamed before the reply, in order. `$1` or `${name}` stands for what a group of
    /// the expression matched, `$$` for a dollar sign, `{sender}` for the name of who asked, `{context}` for the
    /// last human messages with their senders, one a line, and `{last_answer}` for the last answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chunks: Vec<ScriptChunk>,
    /// The whole answer, with groups as in chunks; without it the `ai_chunk` pieces joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What the error says, with `reply = "error"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a rule does after its chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptedReply {
    /// Store the whole answer.
    #[default]
    Answer,
    /// Say nothing.
    Silent,
    /// Fail.
    Error,
    /// Never end, so that the timeout strikes.
    Hang,
}

/// A piece of an answer: text alone, or with its type and data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ScriptChunk {
    /// A piece of type `ai_chunk`.
    Text(String),
    /// A piece of any type.
    Typed {
        /// `ai_chunk`, `summary`, `result_batch` and so on.
        #[serde(rename = "type")]
        message_type: String,
        /// The text.
        #[serde(default)]
        content: String,
        /// Structured content.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<Value>,
    },
}

// By hand, because a derived untagged enum cannot say what is wrong with a rule.
impl<'de> Deserialize<'de> for AiScript {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(path) => Ok(Self::File(path)),
            Value::Array(rules) => {
                let rule = |rule| serde_json::from_value(rule).map_err(D::Error::custom);
                rules.into_iter().map(rule).collect::<Result<_, _>>().map(Self::Rules)
            }
            _ => Err(D::Error::custom("expected the path of a file or a list of rules")),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptFile {
    rules: Vec<Rule>,
}

impl AiScript {
    /// Reads and compiles the script.
    ///
    /// # Errors
    /// Names the file or the rule that is wrong.
    pub(crate) fn compile(&self) -> Result<Vec<(Regex, Rule)>, ConfigError> {
        let read = || match self {
            Self::Rules(rules) => Ok(rules.clone()),
            Self::File(path) => {
                let path = Path::new(path);
                let at = |problem: String| format!("is not usable: {}: {problem}", path.display());
                let text = std::fs::read_to_string(path).map_err(|error| at(error.to_string()))?;
                let value = parse_by_extension(path, &text).map_err(at)?;
                let file: ScriptFile = serde_json::from_value(value).map_err(|error| at(error.to_string()))?;
                Ok(file.rules)
            }
        };
        read().and_then(compile).map_err(|problem| ConfigError::WrongValue { key: "ai_script".to_owned(), problem })
    }
}

fn compile(rules: Vec<Rule>) -> Result<Vec<(Regex, Rule)>, String> {
    let compile = |(index, rule): (usize, Rule)| {
        let expression = Regex::new(rule.matches.as_deref().unwrap_or_default())
            .map_err(|error| format!("has a wrong expression in rule {}: {error}", index + 1))?;
        Ok((expression, rule))
    };
    rules.into_iter().enumerate().map(compile).collect()
}
