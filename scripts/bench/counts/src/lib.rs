//! The benchmarks stand in `benches/counts.rs`; see scripts/bench/instructions.
