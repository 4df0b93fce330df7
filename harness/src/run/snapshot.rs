//! Snapshots of a running scenario: what every participant is told and has got, when everything has arrived.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use super::here::Here;
use super::world::{Participant, World, lock};
use crate::event::{Failure, FailureKind, Place, SnapshotChange};
use crate::plan::{self, SnapshotOptions};
use crate::scenario::model::Http;
use crate::snapshot::changes::{ChangeKind, Fingerprint, changes};
use crate::snapshot::store::{self, FrontMatter};
use crate::snapshot::{Material, StateAnswer, diff_lines, normalise};

/// A snapshot that a step took.
pub(crate) struct Taken {
    name: String,
    text: String,
    place: Option<Place>,
    idle_redactions: Vec<String>,
    /// A race before it after which somebody has no name but its own.
    raced: Option<Place>,
}

/// What comparing a scenario's snapshots gave.
#[derive(Default)]
pub(crate) struct Compared {
    pub(crate) failures: Vec<Failure>,
    pub(crate) touched: Vec<PathBuf>,
    pub(crate) updated: usize,
    pub(crate) idle_redactions: Vec<String>,
}

/// What of the participants a snapshot shows.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    /// Kinds whose order was raced.
    pub(crate) unordered: &'a [String],
    /// Who is shown; everybody where it is empty.
    pub(crate) of: &'a [String],
    /// Streams, kinds of frames and states that are left out.
    pub(crate) without: &'a [String],
}

/// Takes a snapshot, after every open socket has passed its barrier.
pub(crate) async fn take(here: &Here, name: String, view: View<'_>) -> Result<(), Box<Failure>> {
    here.settle().await?;
    let world = &here.world;
    let mut state = Vec::new();
    let shown: Vec<Arc<Participant>> = if view.of.is_empty() {
        world.actors("all")
    } else {
        view.of.iter().flat_map(|name| world.actors(name)).collect()
    };
    let keys: Vec<String> = shown.iter().map(|participant| participant.key().to_owned()).collect();
    for participant in &shown {
        let mut there = here.clone();
        there.me = Some(Arc::clone(participant));
        for (name, http) in participant.spec.protocol.state.iter().filter(|(name, _)| !view.without.contains(name)) {
            let answer = ask(&there, http).await?;
            state.push(StateAnswer { participant: participant.key().to_owned(), name: name.clone(), answer });
        }
    }
    let (roles, raced_from, unnamed) = {
        let roles = lock(&world.roles);
        (roles.named.clone(), roles.began.unwrap_or(0), roles.unnamed.clone())
    };
    let members = world.members();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    let captures = lock(&world.vars).clone();
    // Held while the text is made: a record of many large frames is not copied.
    let record = lock(&world.record);
    let protocol = &world.scenario.protocol;
    let normalised = normalise(&Material {
        history: &record,
        members: &members,
        roles: &roles,
        raced_from,
        now,
        captures: &captures,
        run: &world.run,
        state: &state,
        streams: &protocol.streams,
        rules: &world.scenario.snapshot,
        unordered_kinds: view.unordered,
        without: view.without,
        shown: &keys,
    });
    drop(record);
    let repeated = lock(&world.snapshots).iter().any(|taken| taken.name == name);
    if repeated {
        return Err(here.wrong(format!("a snapshot named `{name}` was taken already: names stand once in a scenario")));
    }
    let text = match &world.secrets {
        Some(secrets) => secrets.mask(&normalised.text).into_owned(),
        None => normalised.text,
    };
    lock(&world.snapshots).push(Taken {
        name,
        text,
        place: here.trail.first().cloned(),
        idle_redactions: normalised.unmatched_redactions,
        raced: unnamed,
    });
    Ok(())
}

/// What a participant is told: the body of a good answer, else the status with it.
async fn ask(there: &Here, http: &Http) -> Result<Value, Box<Failure>> {
    let query = http.query.as_ref().map(|query| there.render(query)).transpose()?;
    let url = there.url(&there.text(&http.path)?, query.as_ref())?;
    let answer = there.get(&super::http::target(&url), "state").await?;
    if (200..300).contains(&answer.status) {
        return Ok(answer.body);
    }
    Ok(json!({ "status": answer.status, "answer": answer.body }))
}

/// Compares the snapshots of a scenario with the stored ones, or stores them. Where something else didn't hold, nothing
/// is written: what a broken scenario shows is not what anybody should accept.
pub(crate) fn compare(world: &World, keep: Option<&SnapshotOptions>, held: bool) -> Compared {
    let mut compared = Compared::default();
    let Some(keep) = keep else { return compared };
    let scenario = &world.scenario;
    let stem = scenario.id.rsplit('/').next().unwrap_or(&scenario.id);
    let row = Some(world.row.name.as_str()).filter(|name| !name.is_empty());
    let taken = lock(&world.snapshots);
    // One that did something in any snapshot of the scenario has a purpose there.
    if let Some((first, others)) = taken.split_first() {
        compared.idle_redactions.clone_from(&first.idle_redactions);
        compared.idle_redactions.retain(|idle| others.iter().all(|other| other.idle_redactions.contains(idle)));
    }
    for taken in taken.iter() {
        let path = store::path_of(&keep.folder, &scenario.suite, stem, &taken.name, row);
        compared.touched.push(path.clone());
        let source = std::path::absolute(&scenario.source.path).unwrap_or_else(|_| scenario.source.path.clone());
        let source = source.strip_prefix(&keep.top).unwrap_or(&scenario.source.path);
        let meta = FrontMatter {
            source: source.to_string_lossy().replace('\\', "/"),
            expression: taken.name.clone(),
            line: taken.place.as_ref().and_then(|place| u32::try_from(place.at.line).ok()),
            scenario: Some(plan::label(scenario, &world.row.name).to_string()),
        };
        if let Err(failure) = settle(&mut compared, keep, &path, taken, &meta, held) {
            compared.failures.push(*failure);
        }
    }
    compared
}

/// What changed most, and how much more there is.
fn headline(name: &str, old: &str, new: &str) -> String {
    let found = changes(Some(old), new);
    let causes: BTreeSet<&Fingerprint> = found.iter().map(|change| &change.fingerprint).collect();
    let Some(worst) = found.iter().min_by_key(|change| change.fingerprint.kind) else {
        return format!("the snapshot `{name}` differs");
    };
    let what = if worst.fingerprint.kind == ChangeKind::Shape { "changed its shape" } else { "differs" };
    let more = match causes.len() {
        0 | 1 => String::new(),
        causes => format!(" (and {})", crate::text::counted(causes - 1, "other change", "other changes")),
    };
    format!("the snapshot `{name}` {what}: {}{more}", worst.meaning)
}

fn settle(
    compared: &mut Compared,
    keep: &SnapshotOptions,
    path: &std::path::Path,
    taken: &Taken,
    meta: &FrontMatter,
    held: bool,
) -> Result<(), Box<Failure>> {
    let failed = |headline: String| {
        let mut failure = Failure::new(FailureKind::Snapshot, headline);
        failure.place.clone_from(&taken.place);
        failure
    };
    let io = |error: store::StoreError| {
        let mut failure = failed(error.to_string());
        if let store::StoreError::Io { .. } = error {
            failure.kind = FailureKind::Environment;
        }
        failure
    };
    let outcome = store::compare(path, &taken.text).map_err(io)?;
    if let store::Comparison::Same = outcome {
        if let Some(pending) = keep.pending(path) {
            store::clear_pending(&pending).map_err(io)?;
        }
        return Ok(());
    }
    if keep.update && keep.writable && held {
        store::accept(path, &taken.text, meta).map_err(io)?;
        compared.updated += 1;
        return Ok(());
    }
    if let Some(pending) = keep.pending(path).filter(|_| held) {
        let old = if let store::Comparison::Differs { old, .. } = &outcome { Some(old.as_str()) } else { None };
        store::write_pending(&pending, &taken.text, meta, old).map_err(io)?;
    }
    let shown = crate::source::shown_path(path);
    let changed = |old: Option<String>| {
        let file = path.strip_prefix(&keep.folder).unwrap_or(path).to_path_buf();
        Some(SnapshotChange { name: taken.name.clone(), file, old, new: taken.text.clone() })
    };
    let mut failure = match outcome {
        store::Comparison::Missing { .. } => {
            let mut failure = failed(format!("the snapshot `{}` is not stored yet", taken.name));
            failure.details.push(format!("it belongs in {}", shown.display()));
            failure.diff = diff_lines("", &taken.text);
            failure.snapshot = changed(None);
            failure
        }
        store::Comparison::Differs { old, new } => {
            let lines = diff_lines(&old, &new);
            let mut failure = failed(headline(&taken.name, &old, &new));
            failure.details.push(format!("stored in {}", shown.display()));
            failure.diff = lines;
            if let Some(race) = &taken.raced {
                failure.details.push(format!(
                    "the race at line {} may end in another way each time: where its outcomes have names \
                     (`as: winner`), snapshots call everybody by them",
                    race.at.line
                ));
            }
            failure.snapshot = changed(Some(old));
            failure
        }
        store::Comparison::Same => return Ok(()),
    };
    if !held {
        let why = "nothing was written for it, since something else failed: that comes first";
        failure.details.push(why.to_owned());
    } else if keep.writable {
        failure.details.push("review it with `roundtable review`, or take all with `--update-snapshots`".to_owned());
    } else if let Some(root) = keep.elsewhere.as_ref().map(|root| crate::source::shown_path(root)) {
        failure.details.push(format!("review it elsewhere with `roundtable review --from {}`", root.display()));
    } else {
        failure.details.push("nothing is written where CI is set: accept it elsewhere and commit the file".to_owned());
    }
    Err(Box::new(failure))
}
