//! Requests: built from a step, sent, and their answers compared with what was expected.

use std::time::Duration;

use serde_json::Value;

use super::checks::must;
use crate::event::Failure;
use crate::lock::lock;
use crate::run::context::ask::{OutgoingRequest, address, ask, headers};
use crate::run::context::step_context::{MainMode, StepContext};
use crate::run::state::answer::Answer;
use crate::scenario::model::{Body, Http};
use crate::scenario::template::as_text;
use crate::wire::http::HeaderValue;
use crate::wire::url::form;

/// Between two askings of `eventually`.
const PAUSE: Duration = Duration::from_millis(20);

/// Plays a request step.
pub(super) async fn request(context: &mut StepContext, http: &Http, is_main: bool) -> Result<(), Box<Failure>> {
    let mode = if is_main { context.main.clone() } else { MainMode::Own };
    let outgoing = outgoing(context, http, None)?;
    let limit = context.patience(http.within);
    let holds_back = http.eventually.is_none() && http.gives_up.is_none();
    if http.gives_up.is_some() && matches!(mode, MainMode::Refused(_) | MainMode::Observed(_)) {
        return Err(context.wrong("`gives_up` leaves no answer that could be refused, or be an outcome of a race"));
    }
    match mode {
        MainMode::Observed(racer) => {
            let answer = ask(context, &outgoing, limit, Some(&racer)).await?;
            *lock(&racer.answer) = Some(answer);
            Ok(())
        }
        MainMode::Refused(checks) => {
            let answer = ask(context, &outgoing, limit, None).await?;
            must(context, &answer, &checks, true)
        }
        MainMode::Released(racer) if holds_back => {
            let answer = ask(context, &outgoing, limit, Some(&racer)).await?;
            must(context, &answer, &http.checks, true)
        }
        MainMode::Own | MainMode::Released(_) if http.gives_up.is_some() => {
            let patience = context.world.settings.deadlines.of(http.gives_up);
            // Dropping the exchange drops its connection: the server sees a client that went away.
            match tokio::time::timeout(patience, ask(context, &outgoing, limit.max(patience), None)).await {
                Err(_) => Ok(()),
                Ok(Err(failure)) => Err(failure),
                Ok(Ok(answer)) => Err(context.failure(format!(
                    "{}: answered {} before the client gave up after {patience:?}",
                    answer.what, answer.status
                ))),
            }
        }
        MainMode::Own | MainMode::Released(_) => match http.eventually {
            None => {
                let answer = ask(context, &outgoing, limit, None).await?;
                must(context, &answer, &http.checks, true)
            }
            Some(patience) => {
                let until = tokio::time::Instant::now() + context.world.settings.deadlines.of(Some(patience));
                loop {
                    let answer = ask(context, &outgoing, limit, None).await?;
                    let failed = must(context, &answer, &http.checks, true);
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

/// A request that somebody makes by hand.
pub(crate) async fn request_by_hand(
    context: &StepContext,
    method: &str,
    path: &str,
    body: Option<String>,
) -> Result<Answer, Box<Failure>> {
    let url = address(context, path, None)?;
    let mut headers = headers(context, &[], &url)?;
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
    let outgoing = OutgoingRequest { method, url, headers, body, json, purpose: None };
    ask(context, &outgoing, context.world.settings.deadlines.of(None), None).await
}

/// A request of a step, or of a `state`, as it goes out; where no step asks, with what it is for.
pub(crate) fn outgoing(
    context: &StepContext,
    http: &Http,
    purpose: Option<&'static str>,
) -> Result<OutgoingRequest, Box<Failure>> {
    let query = http.query.as_ref().map(|query| context.render(query)).transpose()?;
    let url = address(context, &context.text(&http.path)?, query.as_ref())?;
    let mut headers = headers(context, &http.headers, &url)?;
    let mut json = None;
    let (kind, body) = match &http.body {
        None => (None, None),
        Some(Body::Json(template)) => {
            let value = context.render(template)?;
            let text = value.to_string();
            json = Some(value);
            (Some("application/json"), Some(text))
        }
        Some(Body::Text(template)) => {
            let text = context.text(template)?;
            // Text may be JSON of the scenario's own spelling; the record keeps what it means.
            json = serde_json::from_str(&text).ok();
            (None, Some(text))
        }
        Some(Body::Form(template)) => {
            let Value::Object(fields) = context.render(template)? else {
                return Err(context.wrong("`form` must be a map"));
            };
            let body = form(fields.iter().map(|(name, value)| (name.as_str(), as_text(value))));
            (Some("application/x-www-form-urlencoded"), Some(body))
        }
    };
    let named = http.headers.iter().any(|(name, _)| name == "content-type");
    if let Some(kind) = kind
        && !named
    {
        headers.insert("content-type", HeaderValue::from_static(kind));
    }
    Ok(OutgoingRequest { method: http.method.as_str(), url, headers, body, json, purpose })
}
