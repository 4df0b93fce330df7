//! Which provider answers.

use std::sync::Arc;

use super::nlweb::NlwebProvider;
use super::openai::OpenAiProvider;
use super::provider::Provider;
use super::script::ScriptedProvider;
use crate::config::{AiProvider, Config, ConfigError};

/// The provider that a configuration asks for, if it asks for one.
///
/// # Errors
/// Names the key that is wrong or missing.
pub(crate) fn provider(config: &Config) -> Result<Option<Arc<dyn Provider>>, ConfigError> {
    let Some(kind) = config.ai_provider_choice() else {
        return Ok(None);
    };
    Ok(Some(match kind {
        AiProvider::Scripted => Arc::new(ScriptedProvider::new(config.ai_rules()?)),
        AiProvider::Nlweb => Arc::new(NlwebProvider::new(config, &config.ai_endpoint()?)?),
        AiProvider::Openai => Arc::new(OpenAiProvider::new(config, &config.ai_endpoint()?, config.ai_model_name()?)?),
    }))
}
