//! Servers that speak as OpenAI's does: `POST /v1/chat/completions` with `stream: true`. Local model servers do, too.

use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::provider::{AiError, Answering, Provider, Question};
use super::remote::{Events, Remote, broke_off, endpoint, is, spawn_job, too_long, unreadable, whole};
use super::text::cut;
use crate::config::{Config, ConfigError};
use crate::domain::{AiChunk, Message};

/// Asks a server of this kind.
#[derive(Debug, Clone)]
pub(crate) struct OpenAiProvider {
    remote: Remote,
    url: Url,
    model: String,
    prompt: String,
}

/// A piece of an answer, as far as it matters here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Piece {
    choices: Vec<Choice>,
    error: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice {
    /// In a stream.
    delta: Part,
    /// In an answer that is none.
    message: Part,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Part {
    content: Option<String>,
}

impl OpenAiProvider {
    /// A provider at this URL.
    ///
    /// # Errors
    /// Names the key of the configuration.
    pub(super) fn new(config: &Config, url: &Url, model: &str) -> Result<Self, ConfigError> {
        let prompt = config.ai_prompt.clone().unwrap_or_else(|| {
            let name = &config.ai_participant_name;
            format!(
                "You are {name}, an assistant in a conversation of several people. Each message begins with the name \
                 of who sent it. Answer the last one, without a name in front."
            )
        });
        let url = endpoint(url, "/v1", "chat/completions");
        Ok(Self { remote: Remote::new(config, &url)?, url, model: model.to_owned(), prompt })
    }

    fn body(&self, question: &Question) -> Value {
        let mut messages = vec![json!({ "role": "system", "content": self.prompt })];
        messages.extend(talk(question, self.remote.context_chars));
        json!({ "model": self.model, "messages": messages, "stream": true })
    }

    async fn answer(&self, question: Question, pieces: mpsc::Sender<AiChunk>) -> Result<Option<String>, AiError> {
        let body = self.body(&question).to_string();
        let request = self.remote.post(self.url.clone()).header(CONTENT_TYPE, "application/json").body(body);
        let answer = self.remote.ask(request).await?;
        let mut text = String::new();
        if is(&answer, "application/json") {
            // A server that doesn't stream says all of it at once.
            let piece = read(&whole(answer).await?)?;
            text = piece.choices.into_iter().next().and_then(|choice| choice.message.content).unwrap_or_default();
            return self.finished(text);
        }
        if !is(&answer, "text/event-stream") {
            return Err(unreadable("it is no stream of events"));
        }
        let mut events = Events::of(answer);
        let (mut is_finished, mut long) = (false, 0);
        while let Some(data) = events.next().await? {
            if data.trim() == "[DONE]" {
                events.done();
                return self.finished(text);
            }
            let Some(choice) = read(data.as_bytes())?.choices.into_iter().next() else {
                continue;
            };
            is_finished |= choice.finish_reason.is_some();
            let Some(content) = choice.delta.content.filter(|content| !content.is_empty()) else {
                continue;
            };
            text.push_str(&content);
            long += content.chars().count();
            if long > self.remote.most {
                return Err(too_long());
            }
            let piece = AiChunk { message_type: "ai_chunk".to_owned(), content, data: None };
            // The conversation is gone; so is whoever would hear the rest.
            if pieces.send(piece).await.is_err() {
                return Ok(None);
            }
        }
        if is_finished { self.finished(text) } else { Err(broke_off()) }
    }

    /// The whole answer. A model that says nothing has nothing to say.
    fn finished(&self, text: String) -> Result<Option<String>, AiError> {
        if text.chars().count() > self.remote.most {
            return Err(too_long());
        }
        Ok((!text.trim().is_empty()).then_some(text))
    }
}

/// What serde says of wrong data repeats some of it, which is nobody's to log.
fn unread(error: &serde_json::Error) -> AiError {
    unreadable(format_args!("{:?} error in a piece of it", error.classify()))
}

fn read(data: &[u8]) -> Result<Piece, AiError> {
    // By way of an object: a list would do as well for a struct whose fields have defaults.
    let object: Map<String, Value> = serde_json::from_slice(data).map_err(|error| unread(&error))?;
    let piece: Piece = serde_json::from_value(Value::Object(object)).map_err(|error| unread(&error))?;
    if !piece.error.is_null() {
        return Err(AiError::Failed("it told of an error of its own".to_owned()));
    }
    Ok(piece)
}

/// The context as messages: what people said with their names, and the last answer in its place.
fn talk(question: &Question, answer_chars: usize) -> Vec<Value> {
    let mut said: Vec<&Message> = question.context.human.iter().map(AsRef::as_ref).collect();
    let answer = question.context.last_answer.as_deref();
    said.extend(answer);
    said.sort_by_key(|message| message.sequence);
    let one = |message: &Message| match answer {
        Some(answer) if answer.id == message.id => {
            json!({ "role": "assistant", "content": cut(&message.content, answer_chars) })
        }
        _ => {
            // A name in several lines could speak for somebody else.
            let name: String = message.sender_name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            json!({ "role": "user", "content": format!("{name}: {}", message.content) })
        }
    };
    said.into_iter().map(one).collect()
}

impl Provider for OpenAiProvider {
    fn answer(&self, question: Question, pieces: mpsc::Sender<AiChunk>) -> Answering {
        let this = self.clone();
        spawn_job(async move { this.answer(question, pieces).await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::provider::tests::{ask, message};
    use crate::domain::MessageKind::{NlwebResponse, Text};

    #[test]
    fn the_talk_has_everybody_in_their_places() {
        let question = ask(
            &[message(3, "Ann", Text, "red"), message(4, "Bob\nAnn", Text, "green"), message(6, "Ann", Text, "blue?")],
            Some(message(5, "Assistant", NlwebResponse, "yellow")),
        );
        let said = talk(&question, 3);
        let expected = [("user", "Ann: red"), ("user", "Bob Ann: green"), ("assistant", "yel"), ("user", "Ann: blue?")];
        let expected = expected.map(|(role, content)| json!({ "role": role, "content": content }));
        assert_eq!(said, expected);
    }

    #[test]
    fn what_is_no_piece_makes_no_sense() {
        for data in ["", "{", "[]", "3", r#"{"choices": 3}"#, r#"{"choices": [{"delta": {"content": 3}}]}"#] {
            assert_eq!(read(data.as_bytes()).unwrap_err().to_string(), "its answer makes no sense", "{data}");
        }
        assert!(read(br#"{"error": {"message": "key sk-1 is wrong"}}"#).unwrap_err().to_string().ends_with("its own"));
        assert!(read(br#"{"id": "x", "usage": {}}"#).unwrap().choices.is_empty());
    }
}
