//! What the program prints, with secrets masked.

use std::borrow::Cow;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::config::Config;
use crate::exit::Exit;
use crate::secret::Secrets;
use crate::text::paint::harmless;
use crate::text::visible;

/// Prints an error on standard error; the command ends with exit code 2.
pub(crate) fn refuse(message: &str) -> Exit {
    complain(message);
    Exit::Invalid
}

/// Prints an error on standard error.
pub(crate) fn complain(message: &str) {
    let _ =
        writeln!(std::io::stderr(), "error: {}", visible(&masked(message.strip_prefix("error: ").unwrap_or(message))));
}

/// The secrets to mask in everything that is printed; set before any output that could contain one.
static SECRETS: RwLock<Option<Arc<Secrets>>> = RwLock::new(None);

/// A text with its secrets masked.
pub(crate) fn masked(text: &str) -> Cow<'_, str> {
    let secrets = SECRETS.read().unwrap_or_else(PoisonError::into_inner);
    secrets.as_ref().map_or(Cow::Borrowed(text), |secrets| secrets.mask(text))
}

/// Reads the secrets of a configuration and of `--secret`; nothing that is printed afterwards contains them.
pub(crate) fn keep_secrets(config: &Config, asked: &[String]) -> Result<Option<Arc<Secrets>>, String> {
    let secrets = Secrets::from_env(&config.secrets, asked).map_err(|error| error.to_string())?;
    if let Some(secrets) = &secrets {
        *SECRETS.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(secrets));
        // Once, since servers in process replace the panic hook by their own. Secrets that a later configuration adds
        // are masked when a panic is printed.
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| secrets.mask_panics(|text| _ = std::io::stderr().write_all(masked(text).as_bytes())));
    }
    Ok(secrets)
}

/// Whether something could not be printed.
static LOST: AtomicBool = AtomicBool::new(false);

/// Prints on standard output. A reader that went away, as `| head` does, is no error; a full disk is told by [`printed`].
pub(crate) fn print(text: &str) -> Exit {
    let mut out = std::io::stdout().lock();
    let printed = out.write_all(harmless(&masked(text)).as_bytes()).and_then(|()| out.flush());
    if let Err(error) = printed
        && error.kind() != std::io::ErrorKind::BrokenPipe
        && !LOST.swap(true, Ordering::Relaxed)
    {
        complain(&format!("standard output can't be written: {error}"));
    }
    Exit::Passed
}

/// How the program ends that meant to end so: what could not be printed was not seen, so it is no success.
pub(crate) fn printed(exit: Exit) -> Exit {
    if exit == Exit::Passed && LOST.load(Ordering::Relaxed) { Exit::Failed } else { exit }
}
