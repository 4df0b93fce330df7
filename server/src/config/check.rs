//! What must hold between keys.

use super::choices::{AuthMode, StoreChoice};
use super::error::ConfigError;
use super::keys::Config;

/// Two ids of so many characters, four bytes each, fit one entry of an index.
const POSTGRES_ID_CHARS: usize = 300;

fn is_postgres(store: &str) -> bool {
    ["postgres://", "postgresql://"].iter().any(|scheme| store.starts_with(scheme))
}

impl Config {
    /// Checks that every value makes sense, and that the AI script can be read.
    ///
    /// # Errors
    /// Names the key and its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_ranges()?;
        for (key, value) in
            [("ai_participant_id", &self.ai_participant_id), ("ai_participant_name", &self.ai_participant_name)]
        {
            if value.is_empty() {
                return Err(ConfigError::wrong(key, "must not be empty"));
            }
        }
        if !(1..=self.max_invite_seconds).contains(&self.invite_seconds) {
            let problem = format!("must be from 1 to {}, not {}", self.max_invite_seconds, self.invite_seconds);
            return Err(ConfigError::wrong("invite_seconds", problem));
        }
        self.check_auth()?;
        self.check_ai()?;
        self.check_store()
    }

    fn check_store(&self) -> Result<(), ConfigError> {
        if !["memory", "sqlite"].contains(&self.store.as_str()) && !is_postgres(&self.store) {
            return Err(ConfigError::wrong("store", "must be `sqlite`, `memory`, or a URL `postgres://…`"));
        }
        if self.data.is_empty() {
            return Err(ConfigError::wrong("data", "must not be empty"));
        }
        if is_postgres(&self.store) && self.max_id_chars > POSTGRES_ID_CHARS {
            let problem =
                format!("must be at most {POSTGRES_ID_CHARS} with PostgreSQL, whose indexes hold no longer keys");
            return Err(ConfigError::wrong("max_id_chars", problem));
        }
        Ok(())
    }

    /// Which store `store` names.
    pub(crate) fn store_choice(&self) -> StoreChoice {
        match self.store.as_str() {
            "memory" => StoreChoice::Memory,
            url if is_postgres(url) => StoreChoice::Postgres,
            _ => StoreChoice::Sqlite,
        }
    }

    /// One key, and only where it is used: a key that is set and ignored would look like protection.
    fn check_auth(&self) -> Result<(), ConfigError> {
        let keys = [
            ("jwt_secret", self.jwt_secret.is_some()),
            ("jwt_public_key", self.jwt_public_key.is_some()),
            ("jwt_jwks", self.jwt_jwks.is_some()),
        ];
        let mut given = keys.iter().filter(|(_, is_set)| *is_set).map(|(key, _)| *key);
        match (self.auth, given.next(), given.next()) {
            (AuthMode::Dev, Some(key), _) => {
                return Err(ConfigError::wrong(key, "needs `auth` to be `jwt`; in mode `dev` every token is accepted"));
            }
            (AuthMode::Jwt, None, _) => {
                let problem = "is `jwt` but there is no key: set `jwt_secret`, `jwt_public_key` or `jwt_jwks`";
                return Err(ConfigError::wrong("auth", problem));
            }
            (AuthMode::Jwt, Some(first), Some(second)) => {
                return Err(ConfigError::wrong(second, format!("cannot be set beside `{first}`: keep one of them")));
            }
            _ => {}
        }
        for origin in self.allowed_origins.iter().flatten() {
            let authority = origin.split_once("://").map(|(_, authority)| authority.trim_end_matches('/'));
            if origin != "*" && authority.is_none_or(|authority| authority.is_empty() || authority.contains('/')) {
                let problem =
                    format!("has {origin:?}, which is no origin; write `https://host`, `https://host:port` or `*`");
                return Err(ConfigError::wrong("allowed_origins", problem));
            }
        }
        for host in self.allowed_hosts.iter().flatten() {
            if host.is_empty() || host.contains(['/', ' ', '@']) || host.contains("://") {
                let problem = format!("has {host:?}, which is no name of a host; write `chat.example` or `*`");
                return Err(ConfigError::wrong("allowed_hosts", problem));
            }
        }
        if let Some(secret) = &self.jwt_secret {
            let (least, given) = (self.jwt_algorithm.least_secret(), secret.text().len());
            if given < least {
                let problem = format!("must have at least {least} bytes for its algorithm, not {given}");
                return Err(ConfigError::wrong("jwt_secret", problem));
            }
        }
        Ok(())
    }

    /// A limit that is off in development unless it is set; 0 switches it off anywhere.
    pub(crate) fn by_mode<N: Default + PartialEq>(&self, given: Option<N>, in_production: N) -> Option<N> {
        let default = (self.auth == AuthMode::Jwt).then_some(in_production);
        given.or(default).filter(|limit| *limit != N::default())
    }
}
