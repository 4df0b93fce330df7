//! Settings that one scenario needs of its server.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use serde_json::{Map, Value};

/// Settings that one scenario needs of its server. Empty for most scenarios, which can then share one.
///
/// `config` holds keys of the server's own configuration: in process they are handed over, a
/// command gets them in the file behind its `{config}` placeholder. `env` and `args` are for a
/// command alone, `threads` for a server in process. Equal settings may share a server: it can stand as the key of a map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ServerSettings {
    /// Keys of the server's configuration.
    pub config: Map<String, Value>,
    /// Environment variables of the command, added to the runner's own.
    pub env: BTreeMap<String, String>,
    /// Arguments behind those of the command.
    pub args: Vec<String>,
    /// On how many threads a server in process runs; none means one. Others say that themselves, so it is nothing that
    /// is asked of them.
    pub threads: Option<NonZeroUsize>,
}

impl ServerSettings {
    /// Whether no setting is given.
    pub fn is_empty(&self) -> bool {
        self.config.is_empty() && self.env.is_empty() && self.args.is_empty()
    }

    /// These settings on top of `base`: a value here wins, tables are merged, arguments follow.
    #[must_use]
    pub fn over(&self, base: &ServerSettings) -> ServerSettings {
        let mut merged = base.clone();
        merge(&mut merged.config, &self.config);
        merged.env.extend(self.env.clone());
        merged.args.extend(self.args.iter().cloned());
        merged.threads = self.threads.or(base.threads);
        merged
    }
}

fn merge(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge(below, above),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(value: Value) -> ServerSettings {
        let Value::Object(config) = value else { panic!("an object") };
        ServerSettings { config, ..ServerSettings::default() }
    }

    #[test]
    fn a_scenario_wins_over_the_file_and_tables_merge() {
        let base = config(json!({ "ai": { "provider": "scripted", "timeout": 20 }, "queue": 5 }));
        let scenario = config(json!({ "ai": { "timeout": 1 } }));
        let merged = scenario.over(&base);
        assert_eq!(Value::Object(merged.config), json!({ "ai": { "provider": "scripted", "timeout": 1 }, "queue": 5 }));
        assert!(ServerSettings::default().is_empty() && !scenario.is_empty());
    }
}
