//! Which server each scenario gets, from `--server` and the configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{Config, SubjectChoice};
use crate::runner::{ChooseServer, ServerChoice};
use crate::scenario::model::Scenario;
use crate::secret::Secrets;
use crate::subject::{self, Subject};

/// Which server each scenario gets.
pub(crate) struct Servers {
    pub(crate) choose: ChooseServer,
    /// The same for people: `in process`, `as a subprocess`, or a URL.
    pub(crate) shown: String,
}

impl Servers {
    /// Reads the values of `--server`. A subprocess can be left running where `keep` is true; its log then contains none
    /// of the secrets.
    ///
    /// # Errors
    /// Which value is wrong, and why.
    pub(crate) fn of(
        config: &Config,
        given: &[String],
        keep: bool,
        secrets: Option<&Arc<Secrets>>,
    ) -> Result<Self, String> {
        let mut choice = SubjectChoice::InProcess;
        let mut urls: BTreeMap<String, String> = BTreeMap::new();
        for given in given {
            match given.split_once('=') {
                Some((name, url)) if config.servers.contains_key(name) => {
                    urls.insert(name.to_owned(), url.trim_end_matches('/').to_owned());
                }
                _ => choice = given.parse().map_err(|error| format!("--server {given}: {error}"))?,
            }
        }
        if let SubjectChoice::Remote(url) = &mut choice {
            *url = url.trim_end_matches('/').to_owned();
        }
        let shown = match &choice {
            SubjectChoice::InProcess => "in process".to_owned(),
            SubjectChoice::Subprocess => "as a subprocess".to_owned(),
            SubjectChoice::Remote(url) => url.clone(),
        };
        let (config, secrets) = (config.clone(), secrets.cloned());
        let choose: ChooseServer = Arc::new(move |scenario: &Scenario| {
            let name = scenario.protocol.server.as_deref();
            let choice = match name {
                None => choice.clone(),
                Some(name) => {
                    urls.get(name).map_or(SubjectChoice::Subprocess, |url| SubjectChoice::Remote(url.clone()))
                }
            };
            match config.server(name).and_then(|server| subject::choose(&config, server, &choice)) {
                Ok(Subject::Remote(remote)) => match why_not_remote(scenario, &remote.url) {
                    Some(reason) => ServerChoice::Skip(reason),
                    None => ServerChoice::Play(Subject::Remote(remote)),
                },
                Ok(Subject::Subprocess(mut spec)) => {
                    spec.keepable = keep;
                    spec.secrets.clone_from(&secrets);
                    ServerChoice::Play(Subject::Subprocess(spec))
                }
                Ok(subject) => ServerChoice::Play(subject),
                Err(error) => ServerChoice::Refuse(error.to_string()),
            }
        });
        Ok(Self { choose, shown })
    }
}

/// Why a scenario can't be played against a server that runs already.
fn why_not_remote(scenario: &Scenario, url: &str) -> Option<String> {
    if scenario.acts_on_server {
        return Some(format!("it stops or restarts its server, and {url} was not started here"));
    }
    if !scenario.server.is_empty() {
        return Some(format!("it asks for a configuration that {url} can't be given"));
    }
    None
}
