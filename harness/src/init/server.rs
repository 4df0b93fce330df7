//! How a server is started or reached, and what else its user says about it.

use std::collections::BTreeMap;

/// What its user says about a server before it is probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// Its name, which is also that of the protocol file.
    pub name: String,
    /// How it is started or reached.
    pub start: ServerStart,
    /// The path of its WebSocket, if it is known; may hold templates.
    pub websocket: Option<String>,
    /// A path that answers a GET, if it is known; may hold templates.
    pub get: Option<String>,
    /// Headers that every request needs; the values may hold templates.
    pub headers: Vec<(String, String)>,
}

/// How a server is started or reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerStart {
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

impl ServerStart {
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
            return Err(format!(
                "it is started without a shell, so `{sign}` means nothing: put the command into a script and start that"
            ));
        }
        if port.is_none() && !words.iter().chain(env.values()).any(|text| text.contains("{port}")) {
            return Err("it must say where the port goes: {port} in the command or in its environment \
                        (PORT={port} …), or --port N where the port can't be chosen"
                .to_owned());
        }
        Ok(Self::Command { env, words, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_as_a_shell_would() {
        let Ok(ServerStart::Command { env, words, .. }) =
            ServerStart::command("A=1 B='two words' run --at={port} x=y", None)
        else {
            panic!("it is a command");
        };
        assert_eq!(env.len(), 2);
        assert_eq!(words, ["run", "--at={port}", "x=y"]);
        for (text, why) in
            [("run 'x", "quote"), ("A=1", "no program"), ("cd x && run {port}", "without a shell"), ("run", "{port}")]
        {
            assert!(ServerStart::command(text, None).unwrap_err().contains(why), "{text}");
        }
    }
}
