//! Values with templates in them, and what the templates see.
//!
//! `"{{ expr }}"` alone keeps the type of the expression's value; in a longer string the value becomes text. The
//! expressions are minijinja's. An undefined name is an error, always.
//!
//! - `value`: a value with templates in it; `parse`: the expressions in a text; `text`: values as texts;
//! - `expr`: one expression; `scope`: where it finds its names; `environment`: where it is compiled and evaluated;
//! - [`functions`]: what it can call; `calls`: what it does call.

mod calls;
mod environment;
mod error;
mod expr;
pub mod functions;
mod parse;
mod scope;
mod text;
mod value;

pub use error::RenderError;
pub use expr::Expr;
pub use scope::{BUILT_IN, Scope};
pub use text::{as_text, is_true, texts_of};
pub use value::Template;
