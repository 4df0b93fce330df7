//! Reviewing snapshots: what changed in all pending ones, by meaning and by cause.
//!
//! - [`Review::gather`] reads the pending snapshots (`pending`) of the tree, or of what a run elsewhere left;
//! - `outliers` puts what most new values have in common into fingerprints;
//! - [`group`] puts changes of one fingerprint together, outliers first;
//! - [`decide`] keeps what was decided and carries it out;
//! - [`session`] is a terminal's state and [`screen`] what it shows; [`html`] is the page of all changes;
//! - [`orphans`] are snapshots of no scenario.

pub mod decide;
mod gather;
pub mod group;
pub mod html;
pub mod orphans;
mod outliers;
mod pending;
pub mod screen;
pub mod session;

#[cfg(test)]
mod tests;

pub use gather::Review;
pub use group::{ChangeGroup, ShapeFamily};
pub use pending::PendingSnapshot;
