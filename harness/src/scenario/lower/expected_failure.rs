//! `expect_failure`: which failure a scenario is known to have.

use super::fields::{self, Fields};
use crate::scenario::error::Findings;
use crate::scenario::model::{ExpectedClass, ExpectedFailure, FailureMark};
use crate::scenario::node::{Kind, Node};

pub(super) fn expected_failure(node: &Node, findings: &mut Findings) -> Option<ExpectedFailure> {
    if let Kind::String(why) = &node.kind {
        let help = "write `expect_failure: { class: product, says: A TEXT OF ITS MESSAGE, why: THE REASON }`";
        findings.warning(node.at, "this takes any failure for the one that is expected", help);
        return Some(ExpectedFailure { why: why.clone(), mark: None });
    }
    let mut inner = Fields::of(node, "expect_failure", findings)?;
    let mut text = |key: &str, findings: &mut Findings| {
        let node = inner.need(key, "an expected failure", findings)?;
        let text = fields::string(node, key, findings)?;
        if text.trim().is_empty() {
            findings.error(node.at, format!("`{key}` is empty"));
            return None;
        }
        Some((text, node.at))
    };
    let class = text("class", findings).and_then(|(word, at)| {
        let class = ExpectedClass::ALL.into_iter().find(|class| class.key() == word);
        if class.is_none() {
            findings.unknown(at, "class of an expected failure", &word, ExpectedClass::ALL.map(ExpectedClass::key));
        }
        class
    });
    let (says, why) = (text("says", findings), text("why", findings));
    inner.finish("key of `expect_failure`", &["class", "says", "why"], findings);
    let (class, (says, _), (why, _)) = (class?, says?, why?);
    Some(ExpectedFailure { why, mark: Some(FailureMark { class, says }) })
}
