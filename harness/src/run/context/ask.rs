//! Sends requests as a participant: addresses, headers, and answers, which are recorded and reported.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::step_context::StepContext;
use super::wait::{or_death, patiently};
use crate::event::{EventKind, Failure, FailureKind};
use crate::history::{EntryKind, Exchange};
use crate::run::state::answer::Answer;
use crate::run::state::release::Racer;
use crate::scenario::template::{Template, texts_of};
use crate::text::{counted, shorten};
use crate::wire::http::{AnswerSoFar, HeaderMap, HeaderName, HeaderValue, Request, Response};
use crate::wire::url::{Url, query};

/// The header of W3C trace context.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// How much of an incomplete answer a failure shows.
const SHOWN: usize = 240;

/// A request as it goes out.
pub(crate) struct OutgoingRequest {
    pub(crate) method: &'static str,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<String>,
    /// What the body means, where it is JSON.
    pub(crate) json: Option<Value>,
    /// What it is for, where no step asks.
    pub(crate) purpose: Option<&'static str>,
}

/// The address of a path for the actor: the one place that knows which server somebody is on, and what stands between.
pub(crate) fn address(context: &StepContext, path: &str, query: Option<&Value>) -> Result<Url, Box<Failure>> {
    let mut pairs = Vec::new();
    match query {
        None | Some(Value::Null) => {}
        Some(Value::Object(fields)) => {
            for (name, value) in fields {
                let texts = if value.is_null() { Vec::new() } else { texts_of(value) };
                pairs.extend(texts.into_iter().map(|text| (name.clone(), text)));
            }
        }
        Some(_) => return Err(context.wrong("`query` must be a map")),
    }
    let address = context.world.target.address(path, &pairs);
    address.map_err(|error| context.wrong(format!("`{path}` is no path: {error}")))
}

/// The headers of a request: the protocol's, the participant's, the step's, and its cookies.
pub(crate) fn headers(context: &StepContext, own: &[(String, Template)], url: &Url) -> Result<HeaderMap, Box<Failure>> {
    let me = context.actor()?;
    let mut headers = HeaderMap::new();
    if let Some(trace) = &context.world.target.trace {
        // A span of its own for each request; a step that sets the header, or takes it away, has the last word.
        let span = &uuid::Uuid::new_v4().simple().to_string()[..16];
        if let Ok(value) = HeaderValue::from_str(&format!("00-{trace}-{span}-01")) {
            headers.insert(TRACEPARENT, value);
        }
    }
    for (name, template) in me.spec.protocol.headers.iter().chain(&me.spec.headers).chain(own) {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| context.wrong(format!("`{name}` is no header name")))?;
        let value = context.render(template)?;
        if value.is_null() {
            headers.remove(&name);
            continue;
        }
        // Each layer replaces what the one below it says; a list is the same header several times.
        headers.remove(&name);
        for text in texts_of(&value) {
            let value = HeaderValue::from_bytes(text.as_bytes())
                .map_err(|_| context.wrong(format!("the header `{name}` can't have the value {text:?}")))?;
            headers.append(&name, value);
        }
    }
    if !headers.contains_key("cookie")
        && let Some(cookies) = me.cookies.header(url)
    {
        headers.insert("cookie", cookies);
    }
    Ok(headers)
}

/// A plain GET with the participant's headers, which no step asks for; events tell the purpose.
pub(crate) async fn get(context: &StepContext, path: &str, purpose: &'static str) -> Result<Answer, Box<Failure>> {
    let url = address(context, path, None)?;
    let headers = headers(context, &[], &url)?;
    let outgoing = OutgoingRequest { method: "GET", headers, url, body: None, json: None, purpose: Some(purpose) };
    ask(context, &outgoing, context.world.settings.deadlines.of(None), None).await
}

/// Sends a request and keeps its answer; as a racer, over a connection of its own that waits for the release.
pub(crate) async fn ask(
    context: &StepContext,
    outgoing: &OutgoingRequest,
    limit: Duration,
    racer: Option<&Racer>,
) -> Result<Answer, Box<Failure>> {
    let me = context.actor()?;
    let (target, recorder) = (&context.world.target, &context.world.recorder);
    let OutgoingRequest { method, url, .. } = outgoing;
    let path = target.path_and_query(url);
    let what = format!("{method} {path}");
    let heard = AnswerSoFar::default();
    let exchange = recorder.next_exchange();
    let tell = || {
        recorder.tell(|| EventKind::Requested {
            participant: me.key().to_owned(),
            step: context.place.number,
            exchange,
            method: (*method).to_owned(),
            path,
            headers: told_headers(&outgoing.headers),
            body: outgoing.body.clone(),
            purpose: outgoing.purpose.map(str::to_owned),
        });
    };
    let request = Request { method, url, headers: &outgoing.headers, body: outgoing.body.as_deref() };
    let began = recorder.len();
    let mut sent_at = recorder.at();
    let waits = context.waits(format!("an answer to {what}"));
    let missed = || format!("{what}: no answer within {limit:?}");
    let response = match racer {
        None => {
            tell();
            patiently(context, limit, request.answer(&target.route, &heard), missed).await
        }
        Some(racer) => match patiently(context, limit, request.held_back(&target.route, &heard), missed).await? {
            Ok(pending) => {
                let release = context.waits("the release of the race");
                racer.released(Some(&pending.latch)).await;
                drop(release);
                sent_at = recorder.at();
                tell();
                patiently(context, limit, pending.response(), missed).await
            }
            Err(error) => Ok(Err(error)),
        },
    };
    drop(waits);
    let response = match response {
        Ok(Ok(response)) => response,
        // The limit was reached; more may have come meanwhile.
        Err(mut failure) => {
            if let Some(begun) = heard.so_far() {
                let status = begun.status;
                failure.headline = format!("{what}: answered {status}, but the answer did not end within {limit:?}");
                failure.details.splice(0..0, beginning(&begun));
            }
            return Err(failure);
        }
        Ok(Err(error)) => {
            let begun = heard.so_far();
            let mut failure = context.failure(match &begun {
                Some(begun) => format!("{what}: answered {}, but the answer broke off: {}", begun.status, error.why),
                None => format!("{what}: no answer: {}", error.why),
            });
            failure.details.extend(begun.iter().flat_map(beginning));
            if error.local || (error.unreached && target.server.is_remote()) {
                failure.kind = FailureKind::Environment;
            }
            return Err(or_death(context, failure).await);
        }
    };
    me.cookies.keep(&response.headers, url);
    let mut answer = Answer::new(what, &response, None);
    let kept = Exchange {
        method: (*method).to_owned(),
        path: target.path(url).to_owned(),
        query: query(url),
        json: outgoing.json.clone(),
        status: answer.status,
        headers: answer.headers.clone(),
        answer: answer.body.clone(),
        began,
        sent_at,
    };
    let entry = recorder.note(me.key(), Some(context.place.number), EntryKind::Exchange(Box::new(kept)));
    recorder.tell(|| EventKind::Answered {
        participant: me.key().to_owned(),
        exchange,
        entry,
        status: answer.status,
        headers: told_headers(&response.headers),
        body: String::from_utf8_lossy(&response.body).into_owned(),
        took: recorder.at().saturating_sub(sent_at),
    });
    answer.entry = Some(entry);
    Ok(answer)
}

/// An incomplete answer, for people: its headers, and its body so far.
pub(crate) fn beginning(begun: &Response) -> [String; 2] {
    let headers = told_headers(&begun.headers);
    let headers: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let headers = if headers.is_empty() { "none".to_owned() } else { headers.join(", ") };
    let body = match begun.body.len() {
        0 => "nothing of the body".to_owned(),
        length => {
            let text = Value::from(String::from_utf8_lossy(&begun.body)).to_string();
            format!("{} of the body: {}", counted(length, "byte", "bytes"), shorten(&text, SHOWN))
        }
    };
    [format!("headers: {headers}"), format!("came: {body}")]
}

/// Headers as events tell them: repeated ones joined by commas, and without the values that prove who somebody is.
fn told_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    const PROOFS: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "set-cookie"];
    let told = |name: &HeaderName| {
        let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let told =
            if PROOFS.contains(&name.as_str()) { "…".to_owned() } else { values.collect::<Vec<_>>().join(", ") };
        (name.as_str().to_owned(), told)
    };
    headers.keys().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_tell_headers_without_what_proves_who_somebody_is() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("authorization", "Bearer s3cret"), ("cookie", "session=s3cret"), ("accept", "*/*")] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let told = told_headers(&headers);
        let shown: Vec<String> = told.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(shown, ["accept: */*", "authorization: …", "cookie: …"]);
    }
}
