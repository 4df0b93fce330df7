//! The program as people run it. Each snapshot below `snapshots/` is what somebody sees: read it as such.

mod files;
mod first;
mod results;
mod selection;
mod servers;
mod shown;
mod stored;
