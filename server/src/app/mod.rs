//! What all requests share: [`app`], with [`admission`] (who may do what, and how much), [`health`] (of the store) and
//! [`error`] (every error that HTTP shows).

mod admission;
#[expect(clippy::module_inception, reason = "the main file of the folder")]
mod app;
mod error;
mod health;
mod settings;

pub(crate) use self::app::App;
pub(crate) use self::error::{ApiError, RefusalCode};
