//! Stopping a scenario: before its steps, or at its first failure, with everything still connected. Whoever sits at the
//! desk looks into inboxes, evaluates expressions, and sends frames and requests by hand.
//!
//! While it waits for a command the scenario's runtime goes on: frames arrive and pings are answered. No deadline of the
//! scenario runs, since none has begun; the server's own timers do.

use std::io::{BufRead as _, IsTerminal as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::sync::mpsc;

use super::by_hand::{ask_by_hand, send_by_hand, split};
use super::look::{addresses, evaluated, inboxes, inspect};

use crate::event::{Failure, Place};
use crate::lock::lock;
use crate::run::context::step_context::{Debugger, Decision, StepContext};
use crate::scenario::model::Step;
use crate::text::paint::{Paint, Style};
use crate::text::shorten;

const HELP: &str = "\
  n, Enter         play this step, stop before the next
  s                step into: stop before the steps of a verb too
  c [LINE]         go on, up to that line of the scenario or to the end
  k                skip this step
  i [WHO]          everybody's inboxes; or all of one participant: values, connections, every frame
  p EXPR           the value of an expression here: p alice.id
  send WHO FRAME   send a frame by hand; WHO/NAME names one of several connections
  get WHO PATH     make a request by hand; post, put, patch and delete take a JSON body behind the path
  l                the scenario around this line
  a                addresses, tokens, and lines to paste into a shell
  q                end the run
";

/// The interactive debugger of a run.
pub struct Desk {
    commands: tokio::sync::Mutex<mpsc::UnboundedReceiver<String>>,
    out: Box<dyn Fn(String) + Send + Sync>,
    pub(super) paint: Paint,
    stops: Mutex<Stops>,
    steps: bool,
    on_failure: bool,
    /// Whether commands come from elsewhere than a terminal, which would show them itself.
    echoes: bool,
    ended: AtomicBool,
    told: AtomicBool,
}

/// Where the next stop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stops {
    /// Before the scenario's own steps.
    Steps,
    /// Before every step.
    Inside,
    /// Before the step in this line.
    Line(usize),
    /// Nowhere.
    Nowhere,
}

impl Desk {
    /// A desk at standard input. What it tells goes to `out`; it stops before steps, at a failure, or both.
    pub fn new(steps: bool, on_failure: bool, paint: Paint, out: Box<dyn Fn(String) + Send + Sync>) -> Self {
        let (tell, commands) = mpsc::unbounded_channel();
        // A terminal can't be read without blocking. The thread ends with the input, or with the program.
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                let Ok(line) = line else { break };
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            commands: tokio::sync::Mutex::new(commands),
            out,
            paint,
            stops: Mutex::new(Stops::Nowhere),
            steps,
            on_failure,
            echoes: !std::io::stdin().is_terminal(),
            ended: false.into(),
            told: false.into(),
        }
    }

    /// A scenario begins.
    pub(crate) fn begin(&self) {
        *lock(&self.stops) = if self.steps { Stops::Steps } else { Stops::Nowhere };
    }

    /// Whether the run was ended here.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    pub(super) fn say(&self, text: impl AsRef<str>) {
        (self.out)(format!("{}\n", text.as_ref()));
    }

    /// The next command, its words trimmed; none where the input has ended.
    async fn command(&self) -> Option<String> {
        (self.out)(self.paint.text(Style::Strong, "roundtable> "));
        let command = self.commands.lock().await.recv().await;
        match &command {
            Some(command) if self.echoes => self.say(command),
            Some(_) => {}
            None => self.say("(the input has ended)"),
        }
        command.map(|command| command.trim().to_owned())
    }

    /// Whether a step is stopped at.
    fn stops_at(&self, context: &StepContext, step: &Step) -> bool {
        let own = context.place.depth == 0;
        match *lock(&self.stops) {
            Stops::Steps => own,
            Stops::Inside => true,
            Stops::Line(line) => step.at.line == line && step.source.path == context.world.scenario.source.path,
            Stops::Nowhere => false,
        }
    }

    /// Asks what becomes of a step.
    async fn ask(&self, context: &StepContext, step: &Step) -> Decision {
        if self.has_ended() {
            return Decision::End;
        }
        if !self.stops_at(context, step) {
            return Decision::Play;
        }
        self.greet();
        let place = Place::new(&step.source, step.at);
        let file = place.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let who = context.me.as_ref().map(|me| format!(" ({})", me.key())).unwrap_or_default();
        self.say("");
        self.say(inboxes(&context.world.cast, self.paint));
        let head = self.paint.text(Style::Note, &format!("before {file}:{}", place.at.line));
        self.say(format!("{head}{who}  {}", self.paint.text(Style::Strong, &shorten(&place.text, 160))));
        loop {
            let Some(command) = self.command().await else { return self.end() };
            let (word, rest) = split(&command);
            *lock(&self.stops) = match (word, rest) {
                ("" | "n" | "next", "") => match *lock(&self.stops) {
                    Stops::Inside => Stops::Inside,
                    _ => Stops::Steps,
                },
                ("s" | "step", "") => Stops::Inside,
                ("k" | "skip", "") => return Decision::Skip,
                ("c" | "continue", "") => Stops::Nowhere,
                ("c" | "continue", line) => match line.parse() {
                    Ok(line) => Stops::Line(line),
                    Err(_) => {
                        self.say(format!("`{line}` is no line"));
                        continue;
                    }
                },
                ("q" | "quit", "") => return self.end(),
                _ => {
                    self.other(context, word, rest, Some(step)).await;
                    continue;
                }
            };
            return Decision::Play;
        }
    }

    /// Stops at a failure, where that is asked for.
    pub(crate) async fn failed(&self, context: &StepContext, failures: &[Failure]) {
        let Some(first) = failures.first() else { return };
        if !(self.on_failure || self.steps) || self.has_ended() {
            return;
        }
        self.greet();
        self.say("");
        self.say(inboxes(&context.world.cast, self.paint));
        self.say(format!("{} {}", self.paint.text(Style::Bad, "✗"), self.paint.text(Style::Strong, &first.headline)));
        for place in first.place.iter().chain(&first.inside) {
            self.say(format!("  {}:{}  {}", place.file.display(), place.at.line, shorten(&place.text, 140)));
        }
        self.say(addresses(context));
        self.say("c ends the scenario and prints the whole failure; ? lists all commands");
        loop {
            let Some(command) = self.command().await else {
                self.end();
                return;
            };
            match split(&command) {
                ("c" | "continue", "") => return,
                ("q" | "quit", "") => {
                    self.end();
                    return;
                }
                ("" | "n" | "next" | "s" | "k", "") => self.say("the scenario has failed: c ends it"),
                (word, rest) => self.other(context, word, rest, None).await,
            }
        }
    }

    fn greet(&self) {
        if !self.told.swap(true, Ordering::Relaxed) {
            self.say(
                "everything stays connected and pings are answered while you look; the server's own timers go on. ? for help",
            );
        }
    }

    fn end(&self) -> Decision {
        self.ended.store(true, Ordering::Relaxed);
        Decision::End
    }

    /// Commands that inspect or act, and don't continue the scenario.
    async fn other(&self, context: &StepContext, word: &str, rest: &str, step: Option<&Step>) {
        let told = match (word, rest) {
            ("?" | "h" | "help", _) => HELP.trim_end().to_owned(),
            ("i" | "inspect", "") => inboxes(&context.world.cast, self.paint),
            ("i" | "inspect", who) => inspect(&context.world, who),
            ("p" | "print", expr) if !expr.is_empty() => evaluated(context, expr),
            ("a" | "addresses", "") => addresses(context),
            ("l" | "list", "") => listing(context, step),
            ("send", rest) => send_by_hand(context, rest).await,
            ("get" | "post" | "put" | "patch" | "delete", rest) => ask_by_hand(context, word, rest).await,
            _ => format!("`{word}` is no command here; ? shows them"),
        };
        self.say(told);
    }
}

impl Debugger for Desk {
    fn before<'a>(&'a self, context: &'a StepContext, step: &'a Step) -> BoxFuture<'a, Decision> {
        self.ask(context, step).boxed()
    }
}

/// The scenario's lines around a step.
fn listing(context: &StepContext, step: Option<&Step>) -> String {
    const AROUND: usize = 5;
    let source = step.map_or(&context.world.scenario.source, |step| &step.source);
    let line = step.map_or(context.place.line.max(1), |step| step.at.line);
    let last = source.text.lines().count();
    let lines: Vec<String> = (line.saturating_sub(AROUND).max(1)..=(line + AROUND).min(last))
        .map(|number| format!("{} {number:>4} | {}", if number == line { ">" } else { " " }, source.line(number)))
        .collect();
    lines.join("\n")
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("on_failure", &self.on_failure).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
