//! Where expressions are compiled and evaluated.

use std::sync::LazyLock;

use minijinja::value::Kwargs;
use minijinja::{Environment, ErrorKind, State, UndefinedBehavior};

use super::scope::UUID;

/// Where expressions are evaluated.
pub(super) fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_function("uuid", |state: &State<'_, '_>, _: Kwargs| match state.lookup(UUID) {
            Some(value) if !value.is_undefined() => value.to_string(),
            _ => uuid::Uuid::new_v4().to_string(),
        });
        environment.add_function("repeat", |text: String, times: usize| -> Result<String, minijinja::Error> {
            const MOST: usize = 16 << 20;
            if text.len().saturating_mul(times) > MOST {
                let kind = ErrorKind::InvalidOperation;
                return Err(minijinja::Error::new(kind, format!("repeat makes more than {MOST} bytes")));
            }
            Ok(text.repeat(times))
        });
        environment
    });
    &ENVIRONMENT
}
