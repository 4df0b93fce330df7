//! Requests: built from a step, sent, recorded, and their answers compared with what was expected.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Url;
use reqwest::cookie::CookieStore as _;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::answer::Answer;
use super::exchange::{Got, Request};
use super::here::{Here, MainMode};
use super::release::Racer;
use super::world::{Participant, lock};
use crate::event::{EventKind, Failure, FailureKind};
use crate::history::{Exchange, What};
use crate::scenario::model::{Body, Http};
use crate::scenario::template::{Template, as_text};

/// The header of W3C trace context.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// Between two askings of `eventually`.
const PAUSE: Duration = Duration::from_millis(20);

/// A request as it goes out.
struct Outgoing {
    url: Url,
    headers: HeaderMap,
    body: Option<String>,
    json: Option<Value>,
    /// What it is for, where no step asks.
    purpose: Option<&'static str>,
}

impl Here {
    /// Plays a request step.
    pub(crate) async fn http(&mut self, http: &Http, is_main: bool) -> Result<(), Box<Failure>> {
        let mode = if is_main { self.main.clone() } else { MainMode::Own };
        let outgoing = self.outgoing(http)?;
        let limit = self.world.deadlines.of(http.within.or(self.within));
        let holds_back = http.eventually.is_none() && http.gives_up.is_none();
        match mode {
            MainMode::Observed(racer) => {
                let answer = self.ask_as(http.method.as_str(), &outgoing, limit, Some(&racer)).await?;
                *lock(&racer.answer) = Some(answer);
                Ok(())
            }
            MainMode::Refused(checks) => {
                let answer = self.ask(http.method.as_str(), &outgoing, limit).await?;
                self.must(&answer, &checks, true)
            }
            MainMode::Released(racer) if holds_back => {
                let answer = self.ask_as(http.method.as_str(), &outgoing, limit, Some(&racer)).await?;
                self.must(&answer, &http.checks, true)
            }
            MainMode::Own | MainMode::Released(_) if http.gives_up.is_some() => {
                let patience = self.world.deadlines.of(http.gives_up);
                // Dropping the exchange drops its connection: the server sees a client that went away.
                match tokio::time::timeout(patience, self.ask(http.method.as_str(), &outgoing, limit.max(patience)))
                    .await
                {
                    Err(_) => Ok(()),
                    Ok(Err(failure)) => Err(failure),
                    Ok(Ok(answer)) => Err(self.failure(format!(
                        "{}: answered {} before the client gave up after {patience:?}",
                        answer.what, answer.status
                    ))),
                }
            }
            MainMode::Own | MainMode::Released(_) => match http.eventually {
                None => {
                    let answer = self.ask(http.method.as_str(), &outgoing, limit).await?;
                    self.must(&answer, &http.checks, true)
                }
                Some(patience) => {
                    let until = tokio::time::Instant::now() + self.world.deadlines.of(Some(patience));
                    loop {
                        let answer = self.ask(http.method.as_str(), &outgoing, limit).await?;
                        let failed = self.must(&answer, &http.checks, true);
                        match failed {
                            Ok(()) => return Ok(()),
                            Err(mut failure) if tokio::time::Instant::now() >= until => {
                                failure.details.push(format!("asked again for {patience:?}; this is the last answer"));
                                return Err(failure);
                            }
                            Err(_) => tokio::time::sleep(PAUSE).await,
                        }
                    }
                }
            },
        }
    }

    /// A plain GET with the participant's headers, which no step asks for; events tell the purpose.
    pub(crate) async fn get(&self, path: &str, purpose: &'static str) -> Result<Answer, Box<Failure>> {
        let url = self.url(path, None)?;
        let headers = self.headers(&[], &url)?;
        let outgoing = Outgoing { headers, url, body: None, json: None, purpose: Some(purpose) };
        self.ask("GET", &outgoing, self.world.deadlines.of(None)).await
    }

    /// A request that somebody makes by hand.
    pub(super) async fn by_hand(&self, method: &str, path: &str, body: Option<String>) -> Result<Answer, Box<Failure>> {
        let url = self.url(path, None)?;
        let mut headers = self.headers(&[], &url)?;
        let json = body.as_ref().and_then(|body| serde_json::from_str(body).ok());
        if json.is_some() {
            headers.insert("content-type", HeaderValue::from_static("application/json"));
        }
        let method = match method {
            "post" => "POST",
            "put" => "PUT",
            "patch" => "PATCH",
            "delete" => "DELETE",
            _ => "GET",
        };
        self.ask(method, &Outgoing { url, headers, body, json, purpose: None }, self.world.deadlines.of(None)).await
    }

    fn outgoing(&self, http: &Http) -> Result<Outgoing, Box<Failure>> {
        let query = http.query.as_ref().map(|query| self.render(query)).transpose()?;
        let url = self.url(&self.text(&http.path)?, query.as_ref())?;
        let mut headers = self.headers(&http.headers, &url)?;
        let mut json = None;
        let (kind, body) = match &http.body {
            None => (None, None),
            Some(Body::Json(template)) => {
                let value = self.render(template)?;
                let text = value.to_string();
                json = Some(value);
                (Some("application/json"), Some(text))
            }
            Some(Body::Text(template)) => {
                let text = self.text(template)?;
                // Text may be JSON of the scenario's own spelling; the record keeps what it means.
                json = serde_json::from_str(&text).ok();
                (None, Some(text))
            }
            Some(Body::Form(template)) => {
                let Value::Object(fields) = self.render(template)? else {
                    return Err(self.wrong("`form` must be a map"));
                };
                let mut pairs = reqwest::Url::parse("http://form/").map_err(|error| self.wrong(error.to_string()))?;
                pairs.query_pairs_mut().extend_pairs(fields.iter().map(|(name, value)| (name, as_text(value))));
                (Some("application/x-www-form-urlencoded"), Some(pairs.query().unwrap_or_default().to_owned()))
            }
        };
        let named = http.headers.iter().any(|(name, _)| name == "content-type");
        if let Some(kind) = kind
            && !named
        {
            headers.insert("content-type", HeaderValue::from_static(kind));
        }
        Ok(Outgoing { url, headers, body, json, purpose: None })
    }

    /// A path on the server under test, with its query.
    pub(crate) fn url(&self, path: &str, query: Option<&Value>) -> Result<Url, Box<Failure>> {
        let mut url = Url::parse(&format!("{}{path}", self.world.server.url()))
            .map_err(|error| self.wrong(format!("`{path}` is no path: {error}")))?;
        match query {
            None | Some(Value::Null) => {}
            Some(Value::Object(fields)) => {
                for (name, value) in fields {
                    let values: Vec<&Value> = match value {
                        Value::Null => Vec::new(),
                        Value::Array(items) => items.iter().collect(),
                        one => vec![one],
                    };
                    for value in values {
                        url.query_pairs_mut().append_pair(name, &as_text(value));
                    }
                }
            }
            Some(_) => return Err(self.wrong("`query` must be a map")),
        }
        Ok(url)
    }

    /// The headers of a request: the protocol's, the participant's, the step's, and its cookies.
    pub(crate) fn headers(&self, own: &[(String, Template)], url: &Url) -> Result<HeaderMap, Box<Failure>> {
        let me = self.actor()?;
        let mut headers = HeaderMap::new();
        if let Some(trace) = &self.world.trace {
            // A span of its own for each request; a step that sets the header, or takes it away, has the last word.
            let span = &uuid::Uuid::new_v4().simple().to_string()[..16];
            if let Ok(value) = HeaderValue::from_str(&format!("00-{trace}-{span}-01")) {
                headers.insert(TRACEPARENT, value);
            }
        }
        for (name, template) in me.spec.protocol.headers.iter().chain(&me.spec.headers).chain(own) {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| self.wrong(format!("`{name}` is no header name")))?;
            let value = self.render(template)?;
            if value.is_null() {
                headers.remove(&name);
                continue;
            }
            let text = as_text(&value);
            let value = HeaderValue::from_bytes(text.as_bytes())
                .map_err(|_| self.wrong(format!("the header `{name}` can't have the value {text:?}")))?;
            headers.insert(name, value);
        }
        if !headers.contains_key("cookie")
            && let Some(cookies) = me.jar.cookies(url)
        {
            headers.insert("cookie", cookies);
        }
        Ok(headers)
    }

    async fn ask(&self, method: &'static str, outgoing: &Outgoing, limit: Duration) -> Result<Answer, Box<Failure>> {
        self.ask_as(method, outgoing, limit, None).await
    }

    /// Sends a request and records its answer; as a racer, over a connection of its own that waits for the release.
    async fn ask_as(
        &self,
        method: &'static str,
        outgoing: &Outgoing,
        limit: Duration,
        racer: Option<&Racer>,
    ) -> Result<Answer, Box<Failure>> {
        let me = self.actor()?;
        let world = &self.world;
        let target = target(&outgoing.url);
        let what = format!("{method} {target}");
        let exchange = world.exchanges.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let tell = || {
            world.tell(|| EventKind::Requested {
                participant: me.key().to_owned(),
                step: self.step,
                exchange,
                method: method.to_owned(),
                path: target,
                headers: told_headers(&outgoing.headers),
                body: outgoing.body.clone(),
                purpose: outgoing.purpose.map(str::to_owned),
            });
        };
        let verb = reqwest::Method::from_bytes(method.as_bytes()).map_err(|error| self.wrong(error.to_string()))?;
        let request =
            Request { method: verb, url: &outgoing.url, headers: &outgoing.headers, body: outgoing.body.as_ref() };
        let began = lock(&world.record).entries.len();
        let mut sent_at = world.at();
        let waits = self.waits(format!("an answer to {what}"));
        let missed = || format!("{what}: no answer within {limit:?}");
        let got = match racer {
            None => {
                tell();
                let client = lock(&world.http).clone();
                self.patiently(limit, request.over(&client), missed).await?
            }
            Some(racer) => match self.patiently(limit, request.held_back(), missed).await? {
                Ok(asked) => {
                    let release = self.waits("the release of the race");
                    racer.released(Some(&asked.latch)).await;
                    drop(release);
                    sent_at = world.at();
                    tell();
                    self.patiently(limit, Got::of(asked), missed).await?
                }
                Err(broken) => Err(broken),
            },
        };
        drop(waits);
        let Got { status, headers: header_map, body } = match got {
            Ok(got) => got,
            Err(broken) => {
                let mut failure = self.failure(format!("{what}: no answer: {}", broken.why));
                if (broken.unreached && self.world.server.is_remote()) || broken.ours {
                    failure.kind = FailureKind::Environment;
                }
                // Where nobody listens, the server ended earlier, and it is known how, or it was stopped.
                return Err(match self.world.server.died() {
                    Some(death) => self.server_died(&death),
                    None if broken.unreached => failure,
                    None => self.or_death(failure).await,
                });
            }
        };
        keep_cookies(me, &header_map, &outgoing.url);
        let headers: BTreeMap<String, String> = header_map
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let value = super::socket::body_value(&body);
        let recorded = Exchange {
            method: method.to_owned(),
            path: outgoing.url.path().to_owned(),
            query: query_of(&outgoing.url),
            json: outgoing.json.clone(),
            status,
            headers: headers.clone(),
            answer: value.clone(),
            began,
            sent_at,
        };
        let entry = world.note(me.key(), Some(self.step), What::Exchange(Box::new(recorded)));
        world.tell(|| EventKind::Answered {
            participant: me.key().to_owned(),
            exchange,
            entry,
            status,
            headers: told_headers(&header_map),
            body: String::from_utf8_lossy(&body).into_owned(),
            took: world.at().saturating_sub(sent_at),
        });
        Ok(Answer { what, status, headers, body: value, entry: Some(entry) })
    }

    /// Waits for an answer so long, and then a moment more, to say whether it came late or never.
    pub(crate) async fn patiently<T>(
        &self,
        limit: Duration,
        asking: impl Future<Output = T>,
        missed: impl FnOnce() -> String,
    ) -> Result<T, Box<Failure>> {
        let mut asking = std::pin::pin!(asking);
        if let Ok(answer) = tokio::time::timeout(limit, &mut asking).await {
            return Ok(answer);
        }
        let (deadline, late) = (tokio::time::Instant::now(), self.world.deadlines.late());
        let mut failure = self.failure(missed());
        match tokio::time::timeout(late, asking).await {
            Ok(_) => {
                failure.kind = FailureKind::Late;
                failure.late = Some(format!("it came {} ms after the deadline", deadline.elapsed().as_millis()));
            }
            Err(_) => failure.late = Some(format!("it never came: the runner listened {late:?} longer")),
        }
        Err(failure)
    }
}

fn keep_cookies(me: &Participant, headers: &HeaderMap, url: &Url) {
    let mut cookies = headers.get_all("set-cookie").iter().peekable();
    if cookies.peek().is_some() {
        me.jar.set_cookies(&mut cookies, url);
    }
}

/// Path and query of a URL.
pub(crate) fn target(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

/// The query of a URL, decoded.
pub(crate) fn query_of(url: &Url) -> BTreeMap<String, String> {
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// Whether a failure comes from this machine: no descriptor, no port, no space.
pub(crate) fn is_ours(error: &(dyn std::error::Error + 'static)) -> bool {
    use rustix::io::Errno;
    const OURS: [Errno; 6] =
        [Errno::MFILE, Errno::NFILE, Errno::ADDRNOTAVAIL, Errno::NOSPC, Errno::NOBUFS, Errno::NOMEM];
    let mut cause = Some(error);
    while let Some(error) = cause {
        let number = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error);
        if number.is_some_and(|number| OURS.iter().any(|ours| ours.raw_os_error() == number)) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Headers as events tell them: without the values that prove who somebody is.
fn told_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    const PROOFS: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "set-cookie"];
    let told = |(name, value): (&HeaderName, &HeaderValue)| {
        let name = name.as_str();
        let value = if PROOFS.contains(&name) { "…".into() } else { String::from_utf8_lossy(value.as_bytes()) };
        (name.to_owned(), value.into_owned())
    };
    headers.iter().map(told).collect()
}
