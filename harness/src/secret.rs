//! Values that must never be shown: in no line, report, trace or snapshot.
//!
//! They are named by environment variables, in `secrets` of roundtable.toml or with `--secret NAME`. Whatever leaves a
//! scenario goes through [`Secrets::mask`]: events, results, the text of snapshots, and every line that is printed.

mod forms;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use regex::Regex;

use forms::{SHORTEST, forms_of};

use crate::text::expression::alternatives;

/// The lines of a value of several lines are masked one by one from this length on.
const SHORTEST_LINE: usize = 8;
/// The beginning of a value that was cut off is masked from this length on.
const SHORTEST_CUT: usize = 3;

/// Why a secret can't be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Its variable isn't set.
    #[error("the secret {0}: the environment variable is not set; set it, or leave `--secret {0}` out")]
    Unset(String),
    /// Its variable is no UTF-8.
    #[error("the secret {0}: its value is no UTF-8 text, so it can't be found in what is shown")]
    NoText(String),
    /// It is too short.
    #[error(
        "the secret {name} {}: it can be hidden from {SHORTEST} characters on, since shorter values stand in innocent \
         texts too; give it a longer value, or don't call it a secret",
        if *length == 0 { "is empty".to_owned() } else { format!("has {}", crate::text::counted(*length, "character", "characters")) }
    )]
    Short {
        /// Its name.
        name: String,
        /// Its length.
        length: usize,
    },
    /// Too much is to be looked for.
    #[error("the secrets are too long to be looked for in everything that is shown")]
    Long,
}

/// The secrets of a run, in every form in which they may be shown.
pub struct Secrets {
    /// What stands in place of each form.
    forms: BTreeMap<String, String>,
    find: Regex,
}

/// Names the secrets and not their values, so that nothing that holds them can show them.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.forms.values().collect::<BTreeSet<_>>()).finish()
    }
}

impl Secrets {
    /// The values of variables of the environment. Those that roundtable.toml names may be unset, those that are asked
    /// for on the command line may not.
    ///
    /// # Errors
    /// Which can't be kept, and why.
    pub fn from_env(configured: &[String], asked: &[String]) -> Result<Option<Arc<Self>>, SecretError> {
        let mut values = BTreeMap::new();
        for (name, must) in configured.iter().map(|name| (name, false)).chain(asked.iter().map(|name| (name, true))) {
            match std::env::var(name) {
                Ok(value) => _ = values.insert(name.clone(), value),
                Err(std::env::VarError::NotUnicode(_)) => return Err(SecretError::NoText(name.clone())),
                Err(std::env::VarError::NotPresent) if must => return Err(SecretError::Unset(name.clone())),
                Err(std::env::VarError::NotPresent) => {}
            }
        }
        Self::new(&values)
    }

    /// These values, by name; `None` if there are none.
    ///
    /// # Errors
    /// Which can't be kept, and why.
    pub fn new(values: &BTreeMap<String, String>) -> Result<Option<Arc<Self>>, SecretError> {
        let mut forms = BTreeMap::new();
        for (name, value) in values {
            let length = value.trim().chars().count();
            if length < SHORTEST {
                return Err(SecretError::Short { name: name.clone(), length });
            }
            let lines = value.lines().map(str::trim).filter(|line| line.chars().count() >= SHORTEST_LINE);
            for text in std::iter::once(value.trim()).chain(lines) {
                for form in forms_of(text) {
                    forms.entry(form).or_insert_with(|| format!("[secret {name}]"));
                }
            }
        }
        if forms.is_empty() {
            return Ok(None);
        }
        let any = alternatives(longest_first(&forms).into_iter().map(|(form, _)| form));
        let find = Regex::new(&any).map_err(|_| SecretError::Long)?;
        Ok(Some(Arc::new(Self { forms, find })))
    }

    /// A text without the secrets; also without their beginnings where the text was cut off (`…`).
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let whole = self.find.replace_all(text, |found: &regex::Captures<'_>| {
            self.forms.get(&found[0]).cloned().unwrap_or_else(|| "[secret]".to_owned())
        });
        if !whole.contains('…') {
            return whole;
        }
        let mut masked = String::with_capacity(whole.len());
        for (number, piece) in whole.split('…').enumerate() {
            if number > 0 {
                self.mask_cut(&mut masked);
                masked.push('…');
            }
            masked.push_str(piece);
        }
        Cow::Owned(masked)
    }

    /// Masks the beginning of a secret with which a text ends.
    fn mask_cut(&self, text: &mut String) {
        // A log line that was cut has a space there.
        let end = text.trim_end().len();
        let cut = self.forms.iter().filter_map(|(form, shown)| {
            let ends = form.char_indices().map(|(place, _)| place).skip(SHORTEST_CUT);
            let longest = ends.filter(|length| text[..end].ends_with(&form[..*length])).last()?;
            Some((longest, shown))
        });
        if let Some((length, shown)) = cut.max_by_key(|(length, _)| *length) {
            text.replace_range(end - length..end, shown);
        }
    }

    /// Commands for `sed` that mask lines as [`mask`](Self::mask) does, one a line, none of them empty.
    pub(crate) fn as_sed(&self) -> String {
        let escaped = |text: &str, special: &str| -> String {
            let chars = text.chars();
            chars
                .flat_map(|one| special.contains(one).then_some('\\').into_iter().chain(std::iter::once(one)))
                .collect()
        };
        // What holds a line end is in no line; its lines are forms of their own.
        let forms = longest_first(&self.forms).into_iter().filter(|(form, _)| !form.contains('\n'));
        let command = |(form, shown): (_, _)| format!("s/{}/{}/g\n", escaped(form, r"\/.*[^$"), escaped(shown, r"\/&"));
        forms.map(command).collect()
    }

    /// Installs a panic hook that passes the masked message to `tell`, with the stack where `RUST_BACKTRACE` asks for it.
    pub(crate) fn mask_panics(self: &Arc<Self>, tell: impl Fn(&str) + Send + Sync + 'static) {
        let secrets = Arc::clone(self);
        std::panic::set_hook(Box::new(move |panic| {
            let thread = std::thread::current();
            let text = format!("\nthread '{}' {panic}\n", thread.name().unwrap_or("<unnamed>"));
            let stack = std::backtrace::Backtrace::capture();
            let stack = match stack.status() {
                std::backtrace::BacktraceStatus::Captured => format!("stack backtrace:\n{stack}\n"),
                _ => String::new(),
            };
            tell(&format!("{}{stack}", secrets.mask(&text)));
        }));
    }
}

/// Forms with what stands for them, the longest first: of several that fit it is the one to take.
fn longest_first(forms: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    let mut sorted: Vec<_> = forms.iter().map(|(form, shown)| (form.as_str(), shown.as_str())).collect();
    sorted.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(value: &str) -> Arc<Secrets> {
        Secrets::new(&BTreeMap::from([("KEY".to_owned(), value.to_owned())])).unwrap().unwrap()
    }

    #[test]
    fn every_form_is_masked() {
        let secrets = secrets("p\"ss wörd/1");
        for text in [
            "p\"ss wörd/1",
            r#"{"a":"p\"ss wörd/1"}"#,
            r#""{\"a\":\"p\\\"ss wörd/1\"}""#,
            "p%22ss%20w%C3%B6rd%2F1",
            "p%22ss+w%c3%b6rd%2f1",
            // `p"ss wörd/1`, `u:p"ss wörd/1`, `me:p"ss wörd/1` in base64.
            "cCJzcyB3w7ZyZC8x",
            "dTpwInNzIHfDtnJkLzE=",
            "bWU6cCJzcyB3w7ZyZC8x",
            "702273732077c3b672642f31",
        ] {
            let masked = secrets.mask(text).into_owned();
            assert!(masked.contains("[secret KEY]"), "{text} became {masked}");
            assert!(!masked.contains("rd/1") && !masked.contains("JzcyB3w7ZyZC"), "{masked}");
        }
    }

    #[test]
    fn a_panic_says_no_secret() {
        let (told, telling) = std::sync::mpsc::channel();
        let told = std::sync::Mutex::new(told);
        secrets("opensesame").mask_panics(move |text| {
            // Other tests may panic meanwhile, and on purpose.
            if text.contains("it says") {
                told.lock().unwrap().send(text.to_owned()).unwrap();
            }
        });
        let thread = std::thread::Builder::new().name("runner".to_owned());
        let panicked = thread.spawn(|| panic!("it says opensesame")).unwrap().join();
        drop(std::panic::take_hook());
        assert!(panicked.is_err());
        let text = telling.recv().unwrap();
        assert!(text.contains("thread 'runner' panicked at") && text.contains("it says [secret KEY]"), "{text}");
    }

    #[test]
    fn its_own_debug_form_says_no_secret() {
        assert_eq!(format!("{:?}", secrets("opensesame")), r#"{"[secret KEY]"}"#);
    }

    #[test]
    fn sed_masks_as_we_do() {
        let secrets = secrets(r"a*b[c]^d$e/f.g\h&i");
        let folder = tempfile::tempdir().unwrap();
        let (commands, log) = (folder.path().join("commands"), folder.path().join("log"));
        std::fs::write(&commands, secrets.as_sed()).unwrap();
        let text = "a*b[c]^d$e/f.g\\h&i and a%2Ab%5Bc%5D%5Ed%24e%2Ff.g%5Ch%26i\nYSpiW2NdXmQkZS9mLmdcaCZp\naab[c]\n";
        std::fs::write(&log, text).unwrap();
        let sed = std::process::Command::new("sed").arg("-f").arg(&commands).arg(&log).output().unwrap();
        let masked = String::from_utf8(sed.stdout).unwrap();
        assert_eq!(masked, "[secret KEY] and [secret KEY]\n[secret KEY]\naab[c]\n");
        assert_eq!(masked, secrets.mask(text));
    }

    #[test]
    fn a_beginning_that_was_cut_off_is_masked() {
        let secrets = secrets("opensesame");
        assert_eq!(secrets.mask(r#"{"token":"openses… and open…"#), r#"{"token":"[secret KEY]… and [secret KEY]…"#);
        assert_eq!(secrets.mask("key=opense … (9 bytes cut)"), "key=[secret KEY] … (9 bytes cut)");
        assert_eq!(secrets.mask("it was … and shut"), "it was … and shut");
    }

    #[test]
    fn what_is_no_secret_stays() {
        assert!(matches!(secrets("opensesame").mask("open sesame"), Cow::Borrowed("open sesame")));
    }

    #[test]
    fn a_value_of_several_lines_is_masked_line_by_line() {
        assert_eq!(secrets("-----BEGIN\nMIIEvQIBADANBg\n-----END").mask("  MIIEvQIBADANBg"), "  [secret KEY]");
    }

    #[test]
    fn short_and_unset_values_are_refused() {
        let values = BTreeMap::from([("KEY".to_owned(), "abc".to_owned())]);
        assert_eq!(Secrets::new(&values).unwrap_err(), SecretError::Short { name: "KEY".to_owned(), length: 3 });
        let unset = "ROUNDTABLE_NEVER_SET".to_owned();
        assert!(Secrets::from_env(std::slice::from_ref(&unset), &[]).unwrap().is_none());
        assert_eq!(Secrets::from_env(&[], std::slice::from_ref(&unset)).unwrap_err(), SecretError::Unset(unset));
    }
}
