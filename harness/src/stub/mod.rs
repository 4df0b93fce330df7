//! Stubs: HTTP servers on loopback, bound before the server under test starts, for which a scenario answers.
//!
//! - [`server`]: the port, its connections, and the answers for which there is no step;
//! - `exchange`: one request, and its answer;
//! - `reply`: an answer ready to be sent; `parts`: headers and queries as patterns see them;
//! - `line`: a connection that knows what has been written, and the body of an answer;
//! - `framing`: what a stream makes of its chunks; pure.
//!
//! Every request has a connection of its own, so that ending one touches no other. What happens is told to a sink;
//! until the scenario has one, it is kept.

mod exchange;
mod framing;
mod line;
mod parts;
mod reply;
mod server;

pub(crate) use exchange::{Stage, StubRequest};
pub(crate) use framing::{event, framed};
pub(crate) use reply::RenderedReply;
pub(crate) use server::{RunningStub, RunningStubs, StubEvent, scope, start};
