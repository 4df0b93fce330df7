//! What is done by hand in a scenario that is stopped.

use serde_json::Value;

use super::look::nobody;
use crate::run::acts::request::request_by_hand;
use crate::run::context::connections::connection;
use crate::run::context::step_context::StepContext;
use crate::run::state::connection::Sender;
use crate::scenario::error::Findings;
use crate::scenario::node::{Kind, Node};
use crate::scenario::template::Template;
use crate::source::Source;
use crate::wire::codec::Message;

/// `WHO FRAME`: JSON, or text as it is; templates in it are filled.
pub(super) async fn send_by_hand(context: &StepContext, rest: &str) -> String {
    let (who, frame) = split(rest);
    let (who, name) = who.split_once('/').map_or((who, None), |(who, name)| (who, Some(name)));
    let Some(participant) = context.world.cast.participants.get(who) else { return nobody(&context.world.cast, who) };
    if frame.is_empty() {
        return "send WHO FRAME: the frame is missing".to_owned();
    }
    let mut there = context.acting(participant);
    there.call.via = name.map(str::to_owned);
    let text = match filled_text(&there, frame) {
        Ok(text) => text,
        Err(why) => return why,
    };
    let connection = match connection(&there, None) {
        Ok(connection) => connection,
        Err(failure) => return failure.headline,
    };
    let message = Message::Text(text);
    let payload = message.payload();
    match connection.send(context.place.number, message, payload, Sender::Step) {
        Ok(written) => {
            let _ = written.await;
            "sent".to_owned()
        }
        Err(why) => why,
    }
}

/// `WHO PATH [BODY]`: a request with the participant's headers.
pub(super) async fn ask_by_hand(context: &StepContext, method: &str, rest: &str) -> String {
    let (who, rest) = split(rest);
    let Some(participant) = context.world.cast.participants.get(who) else { return nobody(&context.world.cast, who) };
    let there = context.acting(participant);
    // Filled first: templates may hold blanks.
    let filled = match filled_text(&there, rest) {
        Ok(filled) => filled,
        Err(why) => return why,
    };
    let (path, body) = split(&filled);
    if !path.starts_with('/') {
        return format!("{method} WHO PATH: the path begins with `/`");
    }
    match request_by_hand(&there, method, path, (!body.is_empty()).then(|| body.to_owned())).await {
        Ok(answer) => {
            let body = match &answer.body {
                Value::String(text) => text.clone(),
                value => serde_json::to_string_pretty(value).unwrap_or_default(),
            };
            format!("{}\n{body}", answer.status)
        }
        Err(failure) => failure.headline,
    }
}

fn filled_text(context: &StepContext, text: &str) -> Result<String, String> {
    let mut findings = Findings::new(Source::new("", ""));
    let node = Node { at: Default::default(), kind: Kind::String(text.to_owned()) };
    let template = Template::lower(&node, &mut findings);
    if let Some(finding) = findings.list.first() {
        return Err(finding.message.clone());
    }
    template.render_text(context).map_err(|error| error.message)
}

/// The first word of a command, and the rest.
pub(super) fn split(command: &str) -> (&str, &str) {
    let (word, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    (word, rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_a_word_and_the_rest() {
        assert_eq!(split("send ann  {\"a\": 1} "), ("send", "ann  {\"a\": 1}"));
        assert_eq!(split("n"), ("n", ""));
    }
}
