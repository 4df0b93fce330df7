//! What a message may be, whether it comes over a socket or over REST.

use serde_json::{Map, Value};

use super::ClientMessageId;

/// Limits of what a message says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MessageLimits {
    /// The most characters of the content.
    pub(crate) max_message_chars: usize,
    /// The most characters of a client's id.
    pub(crate) max_id_chars: usize,
    /// The most characters of a site or a mode.
    pub(crate) max_mode_chars: usize,
    /// The most sites.
    pub(crate) max_sites: usize,
}

/// A message that may be posted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ValidMessage {
    /// The text.
    pub(crate) content: String,
    /// The client's own id.
    pub(crate) message_id: Option<ClientMessageId>,
    /// `sites` and `mode`, as they came.
    pub(crate) metadata: Map<String, Value>,
}

/// Why a message may not be posted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidMessage {
    /// A field is missing or wrong; the text names it.
    #[error("{0}")]
    Field(String),
    /// Too many characters.
    #[error("content must have at most {0} characters")]
    TooLarge(usize),
}

/// Reads the fields of a message. An error comes with the client's id of it, where there is a good one.
pub(crate) fn read_message(
    mut fields: Map<String, Value>,
    limits: MessageLimits,
) -> Result<ValidMessage, (InvalidMessage, Option<ClientMessageId>)> {
    let message_id = message_id(&fields, limits).map_err(|error| (error, None))?;
    let rest = read_rest(&mut fields, limits);
    match rest {
        Ok((content, metadata)) => Ok(ValidMessage { content, message_id, metadata }),
        Err(error) => Err((error, message_id)),
    }
}

fn wrong<T>(problem: impl Into<String>) -> Result<T, InvalidMessage> {
    Err(InvalidMessage::Field(problem.into()))
}

fn is_longer(text: &str, most: usize) -> bool {
    // A text has no more characters than bytes.
    text.len() > most && text.chars().nth(most).is_some()
}

fn message_id(fields: &Map<String, Value>, limits: MessageLimits) -> Result<Option<ClientMessageId>, InvalidMessage> {
    match fields.get("message_id") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id)) if id.trim().is_empty() => wrong("message_id must not be empty"),
        Some(Value::String(id)) if is_longer(id, limits.max_id_chars) => {
            wrong(format!("message_id must have at most {} characters", limits.max_id_chars))
        }
        Some(Value::String(id)) => Ok(Some(ClientMessageId::from(id.as_str()))),
        Some(_) => wrong("message_id must be a string"),
    }
}

fn read_rest(
    fields: &mut Map<String, Value>,
    limits: MessageLimits,
) -> Result<(String, Map<String, Value>), InvalidMessage> {
    let content = match fields.remove("content") {
        None | Some(Value::Null) => return wrong("content is required"),
        Some(Value::String(content)) if content.is_empty() => return wrong("content must not be empty"),
        Some(Value::String(content)) if is_longer(&content, limits.max_message_chars) => {
            return Err(InvalidMessage::TooLarge(limits.max_message_chars));
        }
        Some(Value::String(content)) => content,
        Some(_) => return wrong("content must be a string"),
    };
    let mut metadata = Map::new();
    if let Some(sites) = fields.remove("sites").filter(|sites| !sites.is_null()) {
        read_sites(&sites, limits)?;
        metadata.insert("sites".to_owned(), sites);
    }
    match fields.remove("mode") {
        None | Some(Value::Null) => {}
        Some(Value::String(mode)) if is_longer(&mode, limits.max_mode_chars) => {
            return wrong(format!("mode must have at most {} characters", limits.max_mode_chars));
        }
        Some(mode @ Value::String(_)) => {
            metadata.insert("mode".to_owned(), mode);
        }
        Some(_) => return wrong("mode must be a string"),
    }
    Ok((content, metadata))
}

/// Reads a list of sites.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn read_sites(value: &Value, limits: MessageLimits) -> Result<Vec<String>, InvalidMessage> {
    let Value::Array(list) = value else {
        return wrong("sites must be a list");
    };
    if list.len() > limits.max_sites {
        return wrong(format!("sites must have at most {} entries", limits.max_sites));
    }
    let site = |value: &Value| match value {
        Value::String(site) if is_longer(site, limits.max_mode_chars) => {
            wrong(format!("sites must have at most {} characters each", limits.max_mode_chars))
        }
        Value::String(site) => Ok(site.clone()),
        _ => wrong("sites must be a list of strings"),
    };
    list.iter().map(site).collect()
}
