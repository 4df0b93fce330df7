//! What is expected of an inbox.

use super::context::Lower;
use super::fields::Fields;
use super::{patterns, possible};
use crate::scenario::model::Expected;
use crate::scenario::node::Node;

impl Lower<'_> {
    /// What an action expects of an inbox.
    pub(super) fn expected(&mut self, name: &str, value: &Node, rest: &mut Fields<'_>) -> Option<Expected> {
        Some(match name {
            "receive" => Expected::One(patterns::pattern(value, self.findings)),
            "receive_next" => Expected::Next(patterns::pattern(value, self.findings)),
            "receive_in_order" => Expected::InOrder(patterns::patterns(value, name, self.findings)),
            "receive_all" => Expected::All(patterns::patterns(value, name, self.findings)),
            "collect" => {
                let pattern = patterns::pattern(value, self.findings);
                let Some(until) = rest.take("until") else {
                    let help = "say which frame is the last: `collect: { type: chunk }, until: { type: done }`";
                    self.findings.error_help(value.at, "`collect` needs `until`", help);
                    return None;
                };
                Expected::Collect { pattern, until: patterns::pattern(until, self.findings) }
            }
            "receive_nothing" => {
                if let Some(node) = rest.take("times") {
                    self.findings.error(node.at, "`times` is allowed beside `received` only");
                }
                Expected::Nothing { pattern: patterns::pattern(value, self.findings), listen: self.listen(rest) }
            }
            "received" => {
                let pattern = patterns::pattern(value, self.findings);
                let Some(times) = rest.take("times") else {
                    self.findings.error_help(
                        value.at,
                        "`received` needs `times`",
                        "write for example `times: 1`; to wait for a frame, use `receive`",
                    );
                    return None;
                };
                let before = self.findings.list.len();
                let counted = patterns::pattern(times, self.findings);
                if self.findings.list.len() == before {
                    possible::times(times, self.findings);
                }
                Expected::Counted { pattern, times: counted, listen: self.listen(rest) }
            }
            _ => {
                self.findings.unread(value.at, name);
                return None;
            }
        })
    }
}
