//! Where values come from: defaults, then a file, then the environment, then flags.

use std::path::Path;

use serde_json::{Map, Value};

use super::error::{ConfigError, nearest};
use super::file::parse_by_extension;
use super::keys::Config;

/// Collects values, later ones over earlier ones.
#[derive(Debug, Default)]
pub struct Layers {
    values: Map<String, Value>,
}

impl Layers {
    /// Takes the keys of a file, TOML or JSON by its extension.
    ///
    /// # Errors
    /// The file cannot be read or parsed, or a key in it is wrong.
    pub fn file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let place = path.display().to_string();
        let unreadable = |problem: String| ConfigError::Unreadable(format!("{place}: {problem}"));
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
        let value = parse_by_extension(path, &text).map_err(unreadable)?;
        self.value(value).map_err(|error| error.at(place.clone()))
    }

    /// Takes the keys of an object; null counts as an empty one.
    ///
    /// # Errors
    /// It is no object, or a key in it is wrong.
    pub fn value(&mut self, value: Value) -> Result<(), ConfigError> {
        let object = match value {
            Value::Null => return Ok(()),
            Value::Object(object) => object,
            _ => {
                return Err(ConfigError::Unreadable("the configuration must be an object".into()));
            }
        };
        for (key, value) in object {
            known(&key)?;
            well_typed(&key, value.clone())?;
            self.values.insert(key, value);
        }
        Ok(())
    }

    /// Takes the variables whose names begin with `ROUNDTABLE_` and go on like a key. Returns the ones that
    /// look like ours and are no key.
    ///
    /// # Errors
    /// A variable's value does not fit its key.
    pub fn environment(
        &mut self,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Vec<String>, ConfigError> {
        let mut strange = Vec::new();
        for (name, text) in variables {
            let Some(key) = name.strip_prefix("ROUNDTABLE_").map(str::to_ascii_lowercase) else {
                continue;
            };
            if known(&key).is_err() {
                strange.push(name);
                continue;
            }
            self.text(&key, &text).map_err(|error| error.at(name))?;
        }
        strange.sort();
        Ok(strange)
    }

    /// Takes one key as text: as JSON where that fits the key, else as the text itself.
    ///
    /// # Errors
    /// There is no such key, or the text does not fit it.
    pub fn text(&mut self, key: &str, text: &str) -> Result<(), ConfigError> {
        known(key)?;
        let as_json = serde_json::from_str::<Value>(text).ok();
        let fitting = as_json.filter(|value| well_typed(key, value.clone()).is_ok());
        let value = fitting.unwrap_or_else(|| Value::String(text.to_owned()));
        well_typed(key, value.clone())?;
        self.values.insert(key.to_owned(), value);
        Ok(())
    }

    /// The configuration that all layers amount to.
    ///
    /// # Errors
    /// A value is out of range.
    pub fn finish(self) -> Result<Config, ConfigError> {
        let config: Config = serde_json::from_value(Value::Object(self.values))
            .map_err(|error| ConfigError::Unreadable(error.to_string()))?;
        config.check()?;
        Ok(config)
    }
}

impl Config {
    /// The defaults with the keys of a JSON object in their place.
    ///
    /// # Errors
    /// Names the key that does not exist (with the nearest one that does), has a wrong type, or is out of range.
    pub fn from_value(value: Value) -> Result<Self, ConfigError> {
        let mut layers = Layers::default();
        layers.value(value)?;
        layers.finish()
    }
}

fn known(key: &str) -> Result<(), ConfigError> {
    let keys = match serde_json::to_value(Config::default()) {
        Ok(Value::Object(keys)) => keys,
        _ => Map::new(),
    };
    if keys.contains_key(key) {
        return Ok(());
    }
    Err(ConfigError::UnknownKey {
        key: key.to_owned(),
        suggestion: nearest(key, keys.keys().map(String::as_str)).map(str::to_owned),
    })
}

fn well_typed(key: &str, value: Value) -> Result<(), ConfigError> {
    let alone = Value::Object(Map::from_iter([(key.to_owned(), value)]));
    match serde_json::from_value::<Config>(alone) {
        Ok(_) => Ok(()),
        Err(error) => Err(ConfigError::wrong(key, format!("has a wrong value: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error_of(value: Value) -> String {
        Config::from_value(value).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn nothing_given_is_the_default() {
        assert_eq!(Config::from_value(Value::Null).unwrap(), Config::default());
        assert_eq!(Config::from_value(json!({})).unwrap(), Config::default());
        Config::default().check().unwrap();
    }

    #[test]
    fn given_keys_replace_defaults() {
        let config = Config::from_value(json!({"queue_capacity": 5, "testing": true})).unwrap();
        assert_eq!((config.queue_capacity, config.testing), (5, true));
        assert_eq!(config.port, 8000);
    }

    #[test]
    fn an_unknown_key_is_named_with_the_nearest_one() {
        assert_eq!(
            error_of(json!({"queue_capcity": 5})),
            "unknown configuration key `queue_capcity`; did you mean `queue_capacity`?"
        );
        assert_eq!(error_of(json!({"zzzz": 5})), "unknown configuration key `zzzz`");
    }

    #[test]
    fn a_wrong_type_names_the_key() {
        let error = error_of(json!({"port": "many"}));
        assert!(error.starts_with("configuration key `port` has a wrong value: "), "{error}");
        let error = error_of(json!({"log_format": "xml"}));
        assert!(error.contains("`log_format`") && error.contains("`json`"), "{error}");
    }

    #[test]
    fn a_value_out_of_range_names_the_key_and_the_range() {
        assert_eq!(
            error_of(json!({"queue_capacity": 0})),
            "configuration key `queue_capacity` must be from 1 to 1000000, not 0"
        );
    }

    #[test]
    fn a_wrong_expression_in_the_script_names_the_key() {
        let error = error_of(json!({"ai_script": [{"match": "(", "chunks": ["x"]}]}));
        assert!(error.starts_with("configuration key `ai_script` "), "{error}");
    }

    #[test]
    fn an_ai_provider_needs_what_it_uses_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        std::fs::write(&key, " \n").unwrap();
        let url = "http://127.0.0.1:1";
        let cases = [
            (json!({"ai_url": url}), "`ai_url` needs `ai_provider` to be `nlweb` or `openai`"),
            (json!({"ai_provider": "gpt"}), "`ai_provider` has a wrong value"),
            (json!({"ai_provider": "scripted"}), "`ai_script` is needed by `ai_provider`"),
            (json!({"ai_provider": "nlweb"}), "`ai_url` is needed by `ai_provider`"),
            (json!({"ai_provider": "nlweb", "ai_url": "llm:80"}), "`ai_url` must be a URL"),
            (
                json!({"ai_provider": "nlweb", "ai_url": url, "ai_model": "m"}),
                "`ai_model` needs `ai_provider` to be `openai`",
            ),
            (
                json!({"ai_provider": "nlweb", "ai_url": url, "ai_script": []}),
                "`ai_script` needs `ai_provider` to be `scripted`",
            ),
            (json!({"ai_provider": "openai", "ai_url": url}), "`ai_model` is needed by `ai_provider`"),
            (json!({"ai_provider": "openai", "ai_url": url, "ai_model": "m", "ai_site": "s"}), "`ai_site` needs"),
            (json!({"ai_provider": "nlweb", "ai_url": url, "ai_key": "a", "ai_key_file": key}), "keep one of them"),
            (json!({"ai_provider": "nlweb", "ai_url": url, "ai_key_file": key}), "the file is empty"),
            (json!({"ai_provider": "nlweb", "ai_url": url, "ai_key_file": "/nowhere"}), "/nowhere: No such file"),
            (json!({"ai_provider": "nlweb", "ai_url": url, "ai_key": "a\nb"}), "`ai_key` has characters"),
        ];
        for (config, told) in cases {
            let error = error_of(config.clone());
            assert!(error.contains(told), "{config}: {error}");
        }
        std::fs::write(&key, "sk-1\n").unwrap();
        let config = json!({"ai_provider": "openai", "ai_url": url, "ai_model": "m", "ai_key_file": key});
        let config = Config::from_value(config).unwrap();
        assert_eq!(config.ai_authorization().unwrap().unwrap(), "Bearer sk-1");
    }

    #[test]
    fn authentication_needs_one_key_of_the_right_kind() {
        let secret = "0123456789abcdef0123456789abcdef";
        let cases = [
            (json!({"auth": "jwt"}), "`auth` is `jwt` but there is no key"),
            (json!({"jwt_secret": secret}), "`jwt_secret` needs `auth` to be `jwt`"),
            (json!({"auth": "jwt", "jwt_secret": "short"}), "at least 32 bytes"),
            (json!({"auth": "jwt", "jwt_secret": secret, "jwt_algorithm": "HS512"}), "at least 64 bytes"),
            (
                json!({"auth": "jwt", "jwt_secret": secret, "jwt_jwks": "x"}),
                "`jwt_jwks` cannot be set beside `jwt_secret`",
            ),
            (json!({"allowed_origins": ["chat.example"]}), "is no origin"),
            (json!({"allowed_origins": ["https://chat.example/page"]}), "is no origin"),
        ];
        for (config, told) in cases {
            let error = error_of(config);
            assert!(error.contains(told), "{error}");
        }
        let config = Config::from_value(json!({"auth": "jwt", "jwt_secret": secret})).unwrap();
        assert!(!format!("{config:?}{}", serde_json::to_value(&config).unwrap()).contains(secret));
    }

    #[test]
    fn environment_values_are_text_and_fit_their_keys() {
        let mut layers = Layers::default();
        let variables = [
            ("ROUNDTABLE_PORT", "0"),
            ("ROUNDTABLE_LOG", "123"),
            ("ROUNDTABLE_TESTING", "true"),
            ("ROUNDTABLE_PROT", "1"),
            ("PATH", "/bin"),
        ];
        let variables = variables.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let strange = layers.environment(variables.into_iter()).unwrap();
        assert_eq!(strange, ["ROUNDTABLE_PROT"]);
        let config = layers.finish().unwrap();
        assert_eq!((config.port, config.log.as_str(), config.testing), (0, "123", true));

        let mut layers = Layers::default();
        let variable = ("ROUNDTABLE_PORT".to_owned(), "many".to_owned());
        let error = layers.environment([variable].into_iter()).unwrap_err().to_string();
        assert!(error.starts_with("ROUNDTABLE_PORT: configuration key `port`"), "{error}");
    }

    #[test]
    fn a_file_is_named_in_its_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.toml");
        std::fs::write(&path, "prot = 1\n").unwrap();
        let error = Layers::default().file(&path).unwrap_err().to_string();
        assert!(error.ends_with("server.toml: unknown configuration key `prot`; did you mean `port`?"), "{error}");
        std::fs::write(&path, "port = 1\nhost = \"::1\"\n").unwrap();
        let mut layers = Layers::default();
        layers.file(&path).unwrap();
        assert_eq!(layers.finish().unwrap().port, 1);
    }
}
