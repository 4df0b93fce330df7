//! Where templates find their names.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, Serde};
use serde_json::Value;

use crate::source::Position;

/// Under this name, which no expression can write, `uuid()` asks the scope for a value.
pub(super) const UUID: &str = "uuid()";

/// What every expression may call or name besides its scope.
pub const BUILT_IN: &[&str] =
    &["uuid", "repeat", "range", "dict", "namespace", "debug", "env", "true", "false", "none", "loop"];

/// Where a template finds its names.
pub trait Scope: Send + Sync {
    /// The value of a top-level name.
    fn lookup(&self, name: &str) -> Option<Value>;

    /// One attribute of a top-level name's value, so that a large object isn't copied for one of its values.
    fn attribute(&self, name: &str, attribute: &str) -> Option<Value> {
        match self.lookup(name)? {
            Value::Object(mut map) => map.remove(attribute),
            _ => None,
        }
    }

    /// Whether a name means somebody or everybody, whose attributes are looked up one by one.
    fn is_record(&self, name: &str) -> bool {
        let _ = name;
        false
    }

    /// A new UUID for an expression that stands here, where the scope has chance of its own, which a seed fixes.
    fn uuid(&self, at: Position) -> Option<Value> {
        let _ = at;
        None
    }

    /// The same scope, to be kept.
    fn share(&self) -> Arc<dyn Scope>;
}

impl Scope for BTreeMap<String, Value> {
    fn lookup(&self, name: &str) -> Option<Value> {
        self.get(name).cloned()
    }

    fn share(&self) -> Arc<dyn Scope> {
        Arc::new(self.clone())
    }
}

/// A scope as minijinja sees it, with the place of the expression: names are looked up when that asks for them.
pub(super) struct TemplateContext(pub(super) Arc<dyn Scope>, pub(super) Position);

/// A name's value whose attributes are looked up one by one.
pub(super) struct Record {
    scope: Arc<dyn Scope>,
    name: String,
}

impl fmt::Debug for TemplateContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("scope")
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Object for TemplateContext {
    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        let name = key.as_str()?;
        if name == UUID {
            return self.0.uuid(self.1).map(|value| minijinja::Value::from(Serde(value)));
        }
        if name == "env" {
            return Some(minijinja::Value::from(Serde(environment_variables())));
        }
        if self.0.is_record(name) {
            return Some(minijinja::Value::from_object(Record { scope: Arc::clone(&self.0), name: name.to_owned() }));
        }
        self.0.lookup(name).map(|value| minijinja::Value::from(Serde(value)))
    }
}

impl Object for Record {
    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        self.scope.attribute(&self.name, key.as_str()?).map(|value| minijinja::Value::from(Serde(value)))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.scope.lookup(&self.name) {
            Some(Value::Object(map)) => {
                Enumerator::Values(map.keys().map(|key| minijinja::Value::from(key.as_str())).collect())
            }
            _ => Enumerator::NonEnumerable,
        }
    }
}

fn environment_variables() -> Value {
    let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
    Value::Object(std::env::vars_os().map(|(name, value)| (text(name), Value::String(text(value)))).collect())
}
