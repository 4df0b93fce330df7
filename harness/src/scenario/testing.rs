//! Scenarios for the tests of other modules, from their texts.

use std::sync::Arc;

use super::error::{Findings, Severity};
use super::lower::{self, Loaded};
use super::model::{Protocol, Scenario};
use super::yaml;
use crate::source::Source;

/// The scenario of a text; whatever protocol it uses is that of the other text.
///
/// # Panics
/// Where one of the texts is wrong.
#[track_caller]
pub(crate) fn scenario(protocol_text: &str, text: &str) -> Arc<Scenario> {
    let protocol = protocol(protocol_text);
    let mut findings = Findings::new(Source::new("story.yaml", text));
    let mut find = |_: &str| Loaded::Found(Arc::clone(&protocol));
    let root = yaml::parse(&mut findings);
    let read = root.and_then(|root| lower::scenario(&root, &mut findings, "suite/story", &mut find));
    no_errors(&findings);
    Arc::new(read.unwrap())
}

#[track_caller]
fn protocol(text: &str) -> Arc<Protocol> {
    let mut findings = Findings::new(Source::new("chat.yaml", text));
    let mut nothing = |file: &str| Loaded::Missing(vec![file.to_owned()]);
    let read = yaml::parse(&mut findings).and_then(|root| lower::protocol(&root, &mut findings, &mut nothing));
    no_errors(&findings);
    Arc::new(read.unwrap())
}

#[track_caller]
fn no_errors(findings: &Findings) {
    let errors: Vec<_> = findings.list.iter().filter(|one| one.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
}
