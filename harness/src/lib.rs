//! The runner.

pub mod invariant;
pub mod pattern;
pub mod record;
pub mod scenario {
    //! What a scenario file says.
    pub mod stream;
}
pub mod snapshot;
