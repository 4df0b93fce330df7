//! Which connection a step means.

use std::sync::Arc;

use super::step_context::StepContext;
use crate::event::Failure;
use crate::run::state::connection::Connection;
use crate::run::state::mailbox::Mailbox;
use crate::run::state::stub_actor::StubActor;
use crate::scenario::template::Template;

/// What a step looks at.
pub(crate) enum Watched {
    /// The frames of a connection.
    Connection(Arc<Connection>),
    /// The requests to a stub.
    Stub(Arc<StubActor>),
}

impl Watched {
    /// Where it arrives.
    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        match self {
            Self::Connection(connection) => &connection.mailbox,
            Self::Stub(stub) => &stub.mailbox,
        }
    }
}

/// What a step looks at: a stub's requests, or the connection that is meant.
pub(crate) fn watched(context: &StepContext, via: Option<&Template>) -> Result<Watched, Box<Failure>> {
    match stub(context) {
        Some(stub) => Ok(Watched::Stub(Arc::clone(stub))),
        None => Ok(Watched::Connection(connection(context, via)?)),
    }
}

/// The stub that acts, where one does.
pub(crate) fn stub(context: &StepContext) -> Option<&Arc<StubActor>> {
    context.world.cast.stubs.get(context.me.as_ref()?.key())
}

/// The connection that is meant: named by the step, by the call, or the only one.
pub(crate) fn connection(context: &StepContext, via: Option<&Template>) -> Result<Arc<Connection>, Box<Failure>> {
    let me = context.actor()?;
    let name = match via {
        Some(via) => Some(context.text(via)?),
        None => context.call.via.clone(),
    };
    let current = me.current();
    if let Some(name) = name {
        return current
            .into_iter()
            .find(|connection| connection.mailbox.name == name)
            .ok_or_else(|| context.wrong(format!("`{}` has no connection `{name}`", me.key())));
    }
    let mut open: Vec<Arc<Connection>> = current.iter().filter(|connection| connection.is_open()).cloned().collect();
    if open.is_empty() {
        // The newest, so that what came before its end can still be looked at.
        open.extend(current.into_iter().max_by_key(|connection| connection.id));
    }
    match &open[..] {
        [one] => Ok(Arc::clone(one)),
        [] => Err(context.wrong(format!("`{}` has no connection: connect first", me.key()))),
        many => {
            let names: Vec<&str> = many.iter().map(|connection| connection.mailbox.name.as_str()).collect();
            let names = names.join(", ");
            Err(context.wrong(format!("`{}` has several connections open ({names}): say which with `via`", me.key())))
        }
    }
}
