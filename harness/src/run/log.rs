//! Which lines of a server's log belong to a scenario.

use std::sync::atomic::Ordering;

use super::world::{World, lock};
use crate::event::LoggedLine;
use crate::text::trouble::tells_trouble;

/// The lines of the server's log that belong to this scenario: on a server of its own all of them, else those that
/// name its participants or what it captured, came while it was alone, or tell a stack trace.
pub(super) fn own_lines(world: &World) -> Vec<LoggedLine> {
    const KEPT: usize = 400;
    let lines = lock(&world.log.lines).clone();
    let names: Vec<String> = lock(&world.vars)
        .values()
        .filter_map(serde_json::Value::as_str)
        .filter(|text| text.len() >= 8)
        .map(str::to_owned)
        .collect();
    // Why a server ended stands in its last lines, whomever they name.
    let shared = world.log.shared.load(Ordering::Relaxed) && world.server.died().is_none();
    let alone = world.log.alone();
    let mut trouble = false;
    let own = lines.into_iter().enumerate().filter(|(place, line)| {
        trouble = tells_trouble(&line.text, trouble);
        !shared
            || trouble
            || alone.get(*place).copied().unwrap_or(false)
            || line.text.contains(&world.run)
            || names.iter().any(|name| line.text.contains(name))
    });
    let own = own.map(|(_, line)| line);
    let own: Vec<LoggedLine> = own.collect();
    own[own.len().saturating_sub(KEPT)..].to_vec()
}
