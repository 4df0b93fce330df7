//! Who sends a request: `source` (where its token stands), `tokens` (what it means, which depends on the mode), `jwt`,
//! `keys`, `jwks` and `ring` (how tokens are verified), `origin` (which web pages
//! may open sockets and read answers) and `hosts` (under which names the server may be asked).

mod hosts;
mod jwks;
mod jwt;
mod keys;
mod origin;
mod ring;
mod source;
mod tokens;

pub(crate) use self::hosts::Hosts;
pub(crate) use self::origin::{CrossOrigin, Origins};
pub(crate) use self::source::token;
pub(crate) use self::tokens::{AuthError, Caller, Tokens};
