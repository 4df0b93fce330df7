//! The provider that answers from a script; for tests and demonstrations.
//!
//! A message that no rule matches gets no answer.

use std::sync::Arc;

use regex::{Captures, Regex};
use tokio::sync::mpsc;

use super::provider::{AiError, Answering, Provider, Question};
use crate::config::{Rule, ScriptChunk, ScriptedReply};
use crate::domain::{AiChunk, Message};

/// Answers by the first rule that matches.
#[derive(Debug)]
pub(crate) struct ScriptedProvider {
    rules: Vec<(Regex, Rule)>,
}

/// A rule with its groups filled in.
struct ScriptedAnswer {
    reply: ScriptedReply,
    pieces: Vec<AiChunk>,
    text: String,
    error: String,
}

impl ScriptedProvider {
    /// A provider that answers by these rules.
    pub(super) fn new(rules: Vec<(Regex, Rule)>) -> Self {
        Self { rules }
    }

    fn perform(&self, question: &Question) -> Option<ScriptedAnswer> {
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
        Some(ScriptedAnswer {
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
                ScriptedReply::Answer => Ok(Some(performance.text)),
                ScriptedReply::Silent => Ok(None),
                ScriptedReply::Error => Err(AiError::Failed(performance.error)),
                ScriptedReply::Hang => std::future::pending().await,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::AiScript;
    use crate::domain::{AiContext, MessageId, MessageKind, SequenceId, Timestamp, UserId};

    fn scripted(rules: Value) -> ScriptedProvider {
        let script: AiScript = serde_json::from_value(rules).unwrap();
        ScriptedProvider::new(script.compile().unwrap())
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
        let context = AiContext { human: vec![Arc::clone(&message)], last_answer: None };
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
        let error = script.compile().unwrap_err().to_string();
        let expected = "configuration key `ai_script` is not usable: /nowhere/script.toml";
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn a_file_holds_rules() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("script.toml");
        std::fs::write(&path, "[[rules]]\nmatch = \"hi\"\nreply = \"silent\"\n").unwrap();
        let provider = ScriptedProvider::new(AiScript::File(path.display().to_string()).compile().unwrap());
        assert_eq!(provider.perform(&asked("hi")).unwrap().reply, ScriptedReply::Silent);
    }
}
