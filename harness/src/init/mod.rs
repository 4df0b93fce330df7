//! The first files for a server of one's own: what is asked, what a probe of the server shows, what is written.
//!
//! - [`probe`]: looks at a running server, as a stranger would;
//! - [`files`]: from what was found to `roundtable.toml`, a protocol file and a scenario that passes; pure.

use std::collections::BTreeMap;

pub mod files;
pub mod probe;

/// What is known of the server before it is probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wishes {
    /// What it is called: a word for file names.
    pub name: String,
    /// How it is started or reached.
    pub start: Start,
    /// Where its WebSocket is, if that is known; may hold templates.
    pub websocket: Option<String>,
    /// A path that answers a GET, if that is known; may hold templates.
    pub get: Option<String>,
    /// Headers that every request needs; the values may hold templates.
    pub headers: Vec<(String, String)>,
}

/// How a server is started or reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// By a command.
    Command {
        /// Environment for the command.
        env: BTreeMap<String, String>,
        /// The command and its arguments; `{port}` stands for a free port.
        words: Vec<String>,
        /// The port, where the command can't be told one.
        port: Option<u16>,
    },
    /// It runs already, at this address.
    Url(String),
}

impl Start {
    /// Reads a command as a shell would, without running one: words, quotes, and `NAME=VALUE` before the program.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn command(text: &str, port: Option<u16>) -> Result<Self, String> {
        let words = shlex::split(text).ok_or("a quote is not closed")?;
        let is_setting = |word: &String| {
            word.split_once('=').is_some_and(|(name, _)| {
                !name.is_empty() && name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_')
            })
        };
        let settings = words.iter().take_while(|word| is_setting(word)).count();
        let env = words[..settings].iter().filter_map(|word| word.split_once('='));
        let env: BTreeMap<String, String> = env.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let words = words[settings..].to_vec();
        if words.is_empty() {
            return Err("there is no program in it".to_owned());
        }
        if let Some(sign) = words.iter().find(|word| matches!(word.as_str(), "&&" | "||" | "|" | ";" | "&" | ">")) {
            return Err(format!("it is started without a shell, so `{sign}` means nothing: put it into a script"));
        }
        if port.is_none() && !words.iter().chain(env.values()).any(|text| text.contains("{port}")) {
            return Err("it must say where the port goes: {port} in the command or in its environment \
                        (PORT={port} …), or --port N where the port can't be chosen"
                .to_owned());
        }
        Ok(Self::Command { env, words, port })
    }
}

/// What a probe found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// The GET that answers best.
    pub http: Option<Answer>,
    /// Its WebSocket, if one was found.
    pub socket: Option<Socket>,
    /// The paths at which a WebSocket was looked for, where none was found.
    pub tried: Vec<String>,
}

/// An answer to a GET.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The path.
    pub path: String,
    /// The status.
    pub status: u16,
    /// The body, where it is a small JSON object.
    pub body: Option<serde_json::Value>,
}

/// A WebSocket as a stranger meets it.
#[derive(Debug, Clone, PartialEq)]
pub enum Socket {
    /// It refuses strangers.
    Refused {
        /// The path.
        path: String,
        /// The status.
        status: u16,
        /// What the refusal says, on one line, where it says something.
        said: Option<String>,
    },
    /// It opens.
    Open {
        /// The path, with its templates.
        path: String,
        /// What it sends at the opening, as far as two connections got the like.
        greeting: Vec<serde_json::Value>,
        /// The ping that it answers.
        ping: Option<Box<Ping>>,
        /// What came of a message.
        message: Option<Box<Message>>,
    },
}

/// A ping that is answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Ping {
    /// What was sent: `{"type": "ping"}`, or with another field where that names kinds of frames.
    pub sent: serde_json::Value,
    /// The answer.
    pub answer: serde_json::Value,
}

/// What came of a message that one participant sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// What was sent.
    pub sent: serde_json::Value,
    /// The text that it carried.
    pub text: String,
    /// The frame in which the sender got the text back.
    pub to_sender: Option<serde_json::Value>,
    /// The frame in which another participant got it.
    pub to_other: Option<serde_json::Value>,
}
