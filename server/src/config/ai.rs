//! What the keys of the AI participant amount to.

use axum::http::HeaderValue;
use regex::Regex;
use reqwest::Url;

use super::choices::AiProvider;
use super::error::ConfigError;
use super::keys::Config;
use super::script::Rule;

fn lacks(key: &str) -> ConfigError {
    ConfigError::wrong(key, "is needed by `ai_provider`")
}

impl Config {
    /// Only what the provider uses: a key that is set and ignored is a mistake.
    pub(super) fn check_ai(&self) -> Result<(), ConfigError> {
        use AiProvider::{Nlweb, Openai, Scripted};
        let choice = self.ai_provider_choice();
        let given: [(&str, bool, &[AiProvider]); 7] = [
            ("ai_script", self.ai_script.is_some(), &[Scripted]),
            ("ai_url", self.ai_url.is_some(), &[Nlweb, Openai]),
            ("ai_key", self.ai_key.is_some(), &[Nlweb, Openai]),
            ("ai_key_file", self.ai_key_file.is_some(), &[Nlweb, Openai]),
            ("ai_model", self.ai_model.is_some(), &[Openai]),
            ("ai_prompt", self.ai_prompt.is_some(), &[Openai]),
            ("ai_site", self.ai_site.is_some(), &[Nlweb]),
        ];
        for (key, is_set, users) in given {
            if is_set && !choice.is_some_and(|choice| users.contains(&choice)) {
                let users: Vec<String> = users.iter().map(|user| format!("`{}`", user.name())).collect();
                return Err(ConfigError::wrong(key, format!("needs `ai_provider` to be {}", users.join(" or "))));
            }
        }
        if self.ai_key.is_some() && self.ai_key_file.is_some() {
            return Err(ConfigError::wrong("ai_key_file", "cannot be set beside `ai_key`: keep one of them"));
        }
        match choice {
            None => Ok(()),
            Some(Scripted) => self.ai_rules().map(drop),
            Some(Nlweb) => self.ai_endpoint().and_then(|_| self.ai_authorization()).map(drop),
            Some(Openai) => {
                self.ai_endpoint()?;
                self.ai_model_name()?;
                self.ai_authorization().map(drop)
            }
        }
    }

    /// Who answers for the AI participant.
    pub(crate) fn ai_provider_choice(&self) -> Option<AiProvider> {
        self.ai_provider.or_else(|| self.ai_script.as_ref().map(|_| AiProvider::Scripted))
    }

    /// The key for the AI provider, read from its file where it has one.
    ///
    /// # Errors
    /// The file cannot be read, or is empty.
    fn ai_key_text(&self) -> Result<Option<String>, ConfigError> {
        let Some(path) = &self.ai_key_file else {
            return Ok(self.ai_key.as_ref().map(|key| key.text().to_owned()));
        };
        let wrong = |problem: String| ConfigError::wrong("ai_key_file", format!("is not usable: {path}: {problem}"));
        let key = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        match key.trim() {
            "" => Err(wrong("the file is empty".to_owned())),
            key => Ok(Some(key.to_owned())),
        }
    }

    /// Where the provider is.
    ///
    /// # Errors
    /// There is no URL, or it is none of HTTP.
    pub(crate) fn ai_endpoint(&self) -> Result<Url, ConfigError> {
        let written = self.ai_url.as_deref().ok_or_else(|| lacks("ai_url"))?;
        let url = Url::parse(written).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        url.ok_or_else(|| ConfigError::wrong("ai_url", "must be a URL that begins with http:// or https://"))
    }

    /// Which model `openai` is asked for.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn ai_model_name(&self) -> Result<&str, ConfigError> {
        self.ai_model.as_deref().ok_or_else(|| lacks("ai_model"))
    }

    /// The header with the provider's key, if it wants one.
    ///
    /// # Errors
    /// The key cannot be read, or is no text for a header.
    pub(crate) fn ai_authorization(&self) -> Result<Option<HeaderValue>, ConfigError> {
        let Some(key) = self.ai_key_text()? else {
            return Ok(None);
        };
        let mut value = HeaderValue::from_str(&format!("Bearer {key}"))
            .map_err(|_| ConfigError::wrong("ai_key", "has characters that no header can have"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// The rules of the script, compiled.
    ///
    /// # Errors
    /// There is no script, or it is wrong.
    pub(crate) fn ai_rules(&self) -> Result<Vec<(Regex, Rule)>, ConfigError> {
        self.ai_script.as_ref().ok_or_else(|| lacks("ai_script"))?.compile()
    }
}
