//! NLWeb: `GET /ask` answering server-sent events, each a JSON object with its `message_type`.

use reqwest::Url;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::provider::{AiError, Answering, Provider, Question};
use super::remote::{Events, Remote, endpoint, is, spawn_job, too_long, unreadable};
use super::text::cut;
use crate::config::{Config, ConfigError};
use crate::domain::{AiChunk, Message};

/// Asks a server of this kind.
#[derive(Debug, Clone)]
pub(crate) struct NlwebProvider {
    remote: Remote,
    url: Url,
    /// The most bytes of an address.
    url_bytes: usize,
    /// Sent as `site` where neither the message nor the conversation names one.
    site: Option<String>,
}

/// What an event says.
#[derive(Debug, PartialEq)]
enum StreamEvent {
    Piece(AiChunk),
    /// Nothing for people.
    Nothing,
    Complete,
    Failed,
}

impl NlwebProvider {
    /// A provider at this URL.
    ///
    /// # Errors
    /// Names the key of the configuration.
    pub(super) fn new(config: &Config, url: &Url) -> Result<Self, ConfigError> {
        let url = endpoint(url, "", "ask");
        Ok(Self {
            remote: Remote::new(config, &url)?,
            url,
            url_bytes: config.ai_url_bytes,
            site: config.ai_site.clone(),
        })
    }

    /// The address of a question, as long as servers take it. What was said before is cut first, the question itself only
    /// where nothing else is left to cut; each message and its sender stay.
    fn url(&self, question: &Question) -> Url {
        let url = |budget: Budget| {
            let mut url = self.url.clone();
            url.query_pairs_mut().extend_pairs(parameters(question, self.site.as_deref(), budget));
            url
        };
        let whole = Budget { answer: self.remote.context_chars, ..Budget::ALL };
        let fits = |url: &Url| url.as_str().len() <= self.url_bytes;
        let tries = Budget::STEPS.iter().map(|most| Budget { answer: whole.answer.min(*most), ..Budget::of(*most) });
        for budget in std::iter::once(whole).chain(tries) {
            let url = url(budget);
            if fits(&url) {
                return url;
            }
        }
        // A question of half the length has half the bytes, so this ends soon.
        let mut least = Budget::of(Budget::LEAST);
        loop {
            let url = url(least);
            if fits(&url) || least.query == 0 {
                return url;
            }
            least.query = least.query.min(question.message.content.chars().count()) / 2;
        }
    }

    async fn answer(&self, question: Question, pieces: mpsc::Sender<AiChunk>) -> Result<Option<String>, AiError> {
        let answer = self.remote.ask(self.remote.get(self.url(&question))).await?;
        if !is(&answer, "text/event-stream") {
            return Err(unreadable("it is no stream of events"));
        }
        let mut events = Events::of(answer);
        let mut whole = AnswerText::default();
        let (mut came, mut long) = (false, 0);
        while let Some(data) = events.next().await? {
            came = true;
            let piece = match read_event(&data)? {
                StreamEvent::Piece(piece) => piece,
                StreamEvent::Nothing => continue,
                StreamEvent::Complete => {
                    events.done();
                    return Ok(whole.text());
                }
                StreamEvent::Failed => return Err(AiError::Failed("it told of an error of its own".to_owned())),
            };
            long += data.chars().count();
            if long > self.remote.most {
                return Err(too_long());
            }
            whole.take(&piece);
            // The conversation is gone; so is whoever would hear the rest.
            if pieces.send(piece).await.is_err() {
                return Ok(None);
            }
        }
        // Not every version tells its end; one that ended well without a word did not answer.
        if came { Ok(whole.text()) } else { Err(unreadable("it is empty")) }
    }
}

/// The most characters of each part of a question.
#[derive(Debug, Clone, Copy)]
struct Budget {
    query: usize,
    /// Of each earlier message, of a name, and of all sites together.
    before: usize,
    answer: usize,
}

impl Budget {
    const ALL: Self = Self { query: usize::MAX, before: usize::MAX, answer: usize::MAX };
    /// What is tried one after another.
    const STEPS: [usize; 6] = [2_000, 800, 300, 100, 30, Self::LEAST];
    const LEAST: usize = 8;

    fn of(most: usize) -> Self {
        Self { query: usize::MAX, before: most, answer: most }
    }
}

/// The query: the question, where to look, and what was said before.
fn parameters(question: &Question, site: Option<&str>, budget: Budget) -> Vec<(&'static str, String)> {
    let message = &question.message;
    let own = message.metadata.get("sites").and_then(Value::as_array);
    let own = own.map(|sites| sites.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>());
    let sites = own.filter(|sites| !sites.is_empty()).unwrap_or_else(|| question.sites.clone());
    let mut room = budget.before;
    let fitting = sites.iter().take_while(|site| {
        let needed = site.chars().count() + 1;
        let fits = needed <= room;
        room = room.saturating_sub(needed);
        fits
    });
    let sites: Vec<&str> = fitting.map(String::as_str).collect();
    let site = if sites.is_empty() { site.map(str::to_owned) } else { Some(sites.join(",")) };
    let mode = message.metadata.get("mode").and_then(Value::as_str).unwrap_or(&question.mode);
    let before: Vec<&Message> =
        question.context.human.iter().map(AsRef::as_ref).filter(|one: &&Message| one.id != message.id).collect();
    let previous = |one: &&Message| {
        json!({
            "query": cut(&one.content, budget.before), "user_id": cut(one.sender.as_str(), budget.before),
            "user_name": cut(&one.sender_name, budget.before),
            "timestamp": one.timestamp,
        })
    };
    let answers: Vec<Value> = question
        .context
        .last_answer
        .iter()
        .map(|answer| json!({ "content": cut(&answer.content, budget.answer), "timestamp": answer.timestamp }))
        .collect();
    let texts: Vec<&str> = before.iter().map(|one| cut(&one.content, budget.before)).collect();
    let mut all = vec![("query", cut(&message.content, budget.query).to_owned())];
    all.extend(site.map(|site| ("site", site)));
    if !mode.is_empty() {
        all.push(("generate_mode", cut(mode, budget.before).to_owned()));
    }
    all.push(("prev", json!(texts).to_string()));
    all.push(("prev_queries", Value::Array(before.iter().map(previous).collect()).to_string()));
    all.push(("last_answers", Value::Array(answers).to_string()));
    all
}

/// Reads one event.
fn read_event(data: &str) -> Result<StreamEvent, AiError> {
    let Ok(Value::Object(mut event)) = serde_json::from_str::<Value>(data) else {
        return Err(unreadable("an event is no JSON object"));
    };
    let Some(Value::String(message_type)) = event.remove("message_type") else {
        return Err(unreadable("an event has no message_type"));
    };
    match message_type.as_str() {
        "complete" => return Ok(StreamEvent::Complete),
        "error" => return Ok(StreamEvent::Failed),
        // About the request, and not for people.
        "api_key"
        | "api_version"
        | "begin-nlweb-response"
        | "end-nlweb-response"
        | "query_analysis"
        | "remember"
        | "tool_selection"
        | "decontextualized_query" => return Ok(StreamEvent::Nothing),
        _ => {}
    }
    event.remove("query_id");
    let content = match event.remove("content") {
        Some(Value::String(content)) => content,
        Some(other) => {
            event.insert("content".to_owned(), other);
            String::new()
        }
        None => match event.get("answer") {
            Some(Value::String(answer)) => answer.clone(),
            _ => String::new(),
        },
    };
    let data = (!event.is_empty()).then_some(Value::Object(event));
    Ok(StreamEvent::Piece(AiChunk { message_type, content, data }))
}

/// The whole answer: what was said; where only results came, their names and addresses.
#[derive(Debug, Default)]
struct AnswerText {
    text: String,
    results: String,
}

impl AnswerText {
    fn take(&mut self, piece: &AiChunk) {
        // Pieces of one text follow each other; a summary or an answer stands for itself.
        if piece.message_type != "ai_chunk" && !self.text.is_empty() && !piece.content.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(&piece.content);
        let found = piece.data.as_ref().and_then(|data| data.get("results").or_else(|| data.get("content")));
        for result in found.and_then(Value::as_array).into_iter().flatten() {
            let text = |name: &str| result.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            let line = match (text("name"), text("url")) {
                (Some(name), Some(url)) => format!("{name} ({url})"),
                (Some(one), None) | (None, Some(one)) => one.to_owned(),
                (None, None) => continue,
            };
            if !self.results.is_empty() {
                self.results.push('\n');
            }
            self.results.push_str(&line);
        }
    }

    fn text(self) -> Option<String> {
        let text = if self.text.trim().is_empty() { self.results } else { self.text };
        (!text.trim().is_empty()).then_some(text)
    }
}

impl Provider for NlwebProvider {
    fn answer(&self, question: Question, pieces: mpsc::Sender<AiChunk>) -> Answering {
        let this = self.clone();
        spawn_job(async move { this.answer(question, pieces).await })
    }
}

#[cfg(test)]
mod tests;
