//! The provider that answers from a script; for tests and demonstrations.
//!
//! A script is a list of rules. The first rule whose expression is found in a message answers it; a message
//! that no rule matches gets no answer.

use std::path::Path;
use std::sync::Arc;

use regex::{Captures, Regex};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;

use super::{AiError, Answering, Provider, Question};
use crate::config::ConfigError;
use crate::conversation::event::AiChunk;
use crate::domain::Message;

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
    pub reply: Reply,
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
pub enum Reply {
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
    pub(crate) fn load(&self) -> Result<ScriptedProvider, ConfigError> {
        let read = || match self {
            Self::Rules(rules) => Ok(rules.clone()),
            Self::File(path) => {
                let path = Path::new(path);
                let at = |problem: String| format!("is not usable: {}: {problem}", path.display());
                let text = std::fs::read_to_string(path).map_err(|error| at(error.to_string()))?;
                let value = crate::config::parse_by_extension(path, &text).map_err(at)?;
                let file: ScriptFile = serde_json::from_value(value).map_err(|error| at(error.to_string()))?;
                Ok(file.rules)
            }
        };
        let rules = read()
            .and_then(compile)
            .map_err(|problem| ConfigError::WrongValue { key: "ai_script".to_owned(), problem })?;
        Ok(ScriptedProvider { rules })
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

/// Answers by the first rule that matches.
#[derive(Debug)]
pub(crate) struct ScriptedProvider {
    rules: Vec<(Regex, Rule)>,
}

/// A rule with its groups filled in.
struct Performance {
    reply: Reply,
    pieces: Vec<AiChunk>,
    text: String,
    error: String,
}

impl ScriptedProvider {
    fn perform(&self, question: &Question) -> Option<Performance> {
        let (rule, groups) = self
            .rules
            .iter()
            .find_map(|(expression, rule)| Some((rule, expression.captures(&question.message.content)?)))?;
        let expand = |template: &str| fill(template, &groups, question);
        let piece = |chunk: &ScriptChunk| match chunk {
            ScriptChunk::Text(content) => {
                AiChunk { message_type: "ai_chunk".to_owned(), content: expand(content), data: None }
            }
            ScriptChunk::Typed { message_type, content, data } => {
                AiChunk { message_type: message_type.clone(), content: expand(content), data: data.clone() }
            }
        };
        let pieces: Vec<AiChunk> = rule.chunks.iter().map(piece).collect();
        let joined = || {
            let texts = pieces.iter().filter(|piece| piece.message_type == "ai_chunk");
            texts.map(|piece| piece.content.as_str()).collect()
        };
        let failed = || "scripted error".to_owned();
        Some(Performance {
            reply: rule.reply,
            text: rule.text.as_deref().map_or_else(joined, expand),
            error: rule.error.as_deref().map_or_else(failed, expand),
            pieces,
        })
    }
}

/// Fills a template in one pass, so that nothing that a message says is taken for a part of the template.
fn fill(template: &str, groups: &Captures<'_>, question: &Question) -> String {
    let said = |message: &Arc<Message>| format!("{}: {}", message.sender_name, message.content);
    let value = |name: &str| match name {
        "sender" => Some(question.message.sender_name.clone()),
        "context" => {
            let lines: Vec<String> = question.context.human.iter().map(said).collect();
            Some(lines.join("\n"))
        }
        "last_answer" => {
            let answer = question.context.last_answer.as_ref();
            Some(answer.map(|answer| answer.content.clone()).unwrap_or_default())
        }
        _ => None,
    };
    let mut text = String::new();
    let mut plain = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        plain.push_str(before);
        let named = behind.split_once('}').and_then(|(name, after)| Some((value(name)?, after)));
        // `${name}` is a group, and an unknown name is plain text.
        if let Some((value, after)) = named.filter(|_| !before.ends_with('$')) {
            groups.expand(&plain, &mut text);
            plain.clear();
            text.push_str(&value);
            rest = after;
        } else {
            plain.push('{');
            rest = behind;
        }
    }
    plain.push_str(rest);
    groups.expand(&plain, &mut text);
    text
}

impl Provider for ScriptedProvider {
    fn answer(&self, question: Question, pieces: mpsc::Sender<AiChunk>) -> Answering {
        let performance = self.perform(&question);
        Box::pin(async move {
            let Some(performance) = performance else {
                return Ok(None);
            };
            for piece in performance.pieces {
                // The conversation is gone; so is whoever would hear the rest.
                if pieces.send(piece).await.is_err() {
                    return Ok(None);
                }
            }
            match performance.reply {
                Reply::Answer => Ok(Some(performance.text)),
                Reply::Silent => Ok(None),
                Reply::Error => Err(AiError::Failed(performance.error)),
                Reply::Hang => std::future::pending().await,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ai::context::Context;
    use crate::domain::{MessageId, MessageKind, SequenceId, Timestamp, UserId};

    fn scripted(rules: Value) -> ScriptedProvider {
        let script: AiScript = serde_json::from_value(rules).unwrap();
        script.load().unwrap()
    }

    fn asked(content: &str) -> Question {
        let message = Arc::new(Message {
            id: MessageId::from("msg_1"),
            client_id: None,
            sequence: SequenceId(1),
            sender: UserId::from("ann"),
            sender_name: "Ann".to_owned(),
            content: content.to_owned(),
            kind: MessageKind::Text,
            timestamp: Timestamp::from_millis(0),
            metadata: serde_json::Map::new(),
        });
        let context = Context { human: vec![Arc::clone(&message)], last_answer: None };
        Question { message, context, sites: Vec::new(), mode: String::new() }
    }

    fn text(provider: &ScriptedProvider, content: &str) -> Option<String> {
        provider.perform(&asked(content)).map(|performance| performance.text)
    }

    #[test]
    fn the_first_matching_rule_answers() {
        let provider = scripted(json!([
            {"match": "^weather in (?<town>\\w+)", "chunks": ["In ${town} ", "it rains."]},
            {"match": "price", "chunks": [{"type": "result_batch", "data": [1]}, "5 $$"], "text": "Five."},
        ]));
        let weather = provider.perform(&asked("weather in Oslo?")).unwrap();
        assert_eq!(weather.text, "In Oslo it rains.");
        assert_eq!(weather.pieces[0].content, "In Oslo ");
        let price = provider.perform(&asked("the price")).unwrap();
        assert_eq!((price.text.as_str(), price.pieces[1].content.as_str()), ("Five.", "5 $"));
        assert_eq!(price.pieces[0].message_type, "result_batch");
        assert_eq!(text(&provider, "hello"), None);
    }

    #[test]
    fn a_template_knows_the_question_and_is_filled_once() {
        let provider = scripted(json!([
            {"match": "^say (.*)", "text": "{sender}: $1, {other} ${1}"},
            {"text": "[{context}] [{last_answer}]"},
        ]));
        assert_eq!(text(&provider, "say {sender}").unwrap(), "Ann: {sender}, {other} {sender}");
        assert_eq!(text(&provider, "$1 {context}").unwrap(), "[Ann: $1 {context}] []");
    }

    #[test]
    fn a_wrong_rule_says_what_is_wrong() {
        let script = serde_json::from_value::<AiScript>(json!([{"chunk": []}]));
        let error = script.unwrap_err().to_string();
        assert!(error.contains("unknown field `chunk`"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let script = AiScript::File("/nowhere/script.toml".into());
        let error = script.load().unwrap_err().to_string();
        let expected = "configuration key `ai_script` is not usable: /nowhere/script.toml";
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn a_file_holds_rules() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("script.toml");
        std::fs::write(&path, "[[rules]]\nmatch = \"hi\"\nreply = \"silent\"\n").unwrap();
        let provider = AiScript::File(path.display().to_string()).load().unwrap();
        assert_eq!(provider.perform(&asked("hi")).unwrap().reply, Reply::Silent);
    }
}
