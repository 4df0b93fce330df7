//! The text of snapshots, their files, and how they differ.

mod differences;
mod files;
mod text;
mod whole;
