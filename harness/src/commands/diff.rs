//! `diff`.

use std::path::Path;

use super::output::{print, refuse};
use crate::cli::DiffArgs;
use crate::diff::compare;
use crate::diff::describe::difference_text;
use crate::diff::timeline::Timeline;
use crate::event::{Instance, Outcome};
use crate::exit::Exit;
use crate::report::files::event_file;
use crate::text::paint::{Paint, Style};

pub(crate) fn diff(args: &DiffArgs, paint: Paint) -> Exit {
    let (files, names): (Vec<&String>, Vec<&String>) = args.what.iter().partition(|what| Path::new(what).is_file());
    let wanted = match &names[..] {
        [] => None,
        [one] => Some(one.as_str()),
        [first, ..] => return refuse(&format!("there is no file {first}")),
    };
    let mut read = Vec::new();
    for file in &files {
        match event_file::read(Path::new(file)) {
            Ok(events) => read.push(Timeline::all(&events)),
            Err(error) => return refuse(&error.to_string()),
        }
    }
    let chosen = match (&files[..], &read[..]) {
        ([one], [playings]) => pair(playings, playings, wanted).map(|pair| (pair, (one.as_str(), one.as_str()))),
        ([one, other], [a, b]) => pair(a, b, wanted).map(|pair| (pair, (one.as_str(), other.as_str()))),
        ([], _) => Err(format!("there is no file {}", names.first().map_or("", |name| name.as_str()))),
        _ => Err("diff compares one or two event files".to_owned()),
    };
    let ((a, b), (one, other)) = match chosen {
        Ok(chosen) => chosen,
        Err(error) => return refuse(&error),
    };
    let width =
        terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)).filter(|width| *width > 0).unwrap_or(160);
    let compared = compare(a, b);
    let label = a.instance.as_ref().map(|instance| &*instance.label).unwrap_or_default();
    let names = (title(a, one), title(b, other));
    let mut text = format!("{}\n", paint.text(Style::Strong, label));
    text.push_str(&difference_text(a, b, &compared, (&names.0, &names.1), width, paint));
    print(&text);
    if compared.first.is_some() { Exit::Failed } else { Exit::Passed }
}

/// `pass.jsonl, passed`.
fn title(playing: &Timeline, file: &str) -> String {
    let file = Path::new(file).file_name().unwrap_or_default().to_string_lossy();
    let how = if passed(playing) { "passed" } else { "failed" };
    let instance = playing.instance.as_ref();
    let which = |number: Option<usize>, word: &str| match number {
        Some(number) if number > 1 => format!(" {word} {number}"),
        _ => String::new(),
    };
    let repetition = which(instance.map(|instance| instance.repetition), "repetition");
    let attempt = which(instance.map(|instance| instance.attempt), "attempt");
    format!("{file}{repetition}{attempt}, {how}")
}

fn passed(playing: &Timeline) -> bool {
    playing
        .result
        .as_ref()
        .is_some_and(|result| matches!(result.outcome, Outcome::Passed | Outcome::FailedAsExpected { .. }))
}

fn label(playing: &Timeline) -> Option<String> {
    playing.instance.as_ref().map(|instance| instance.label.to_string())
}

/// Picks two runs of one scenario to compare: a passing and a failing one where there are both.
fn pair<'p>(
    a: &'p [Timeline],
    b: &'p [Timeline],
    wanted: Option<&str>,
) -> Result<(&'p Timeline, &'p Timeline), String> {
    let same_file = std::ptr::eq(a, b);
    let fits = |playing: &&Timeline| {
        let label = label(playing).unwrap_or_default();
        // A full label selects that scenario alone, even if other labels contain it.
        let exact = wanted.is_some_and(|wanted| b.iter().any(|one| self::label(one).as_deref() == Some(wanted)));
        wanted.is_none_or(|wanted| if exact { label == wanted } else { label.contains(wanted) })
    };
    let mut labels: Vec<String> = Vec::new();
    for playing in b.iter().filter(fits) {
        let Some(name) = label(playing) else { continue };
        let others = a.iter().filter(|other| label(other).as_ref() == Some(&name));
        let usable =
            if same_file { !passed(playing) && others.clone().any(passed) } else { others.clone().next().is_some() };
        if usable && !labels.contains(&name) {
            labels.push(name);
        }
    }
    if !same_file && labels.len() > 1 {
        // The scenarios that both files have and that ended differently.
        let differ: Vec<String> = labels
            .iter()
            .filter(|name| {
                let end = |list: &[Timeline]| list.iter().find(|one| label(one).as_ref() == Some(name)).map(passed);
                end(a) != end(b) || b.iter().any(|one| label(one).as_ref() == Some(name) && !passed(one))
            })
            .cloned()
            .collect();
        if !differ.is_empty() {
            labels = differ;
        }
    }
    let name = match &labels[..] {
        [one] => one.clone(),
        [] if same_file => return Err("no scenario of the file both passed and failed in it".to_owned()),
        [] => return Err("the files have no scenario in common, or none of that name".to_owned()),
        many => return Err(format!("which scenario? there are {}", many.join(", "))),
    };
    let of = |list: &'p [Timeline], wish: bool| {
        let mut fitting = list.iter().filter(|one| label(one).as_deref() == Some(name.as_str()));
        let wished = fitting.clone().find(|one| passed(one) == wish && !one.nodes.is_empty());
        wished.or_else(|| fitting.clone().find(|one| !one.nodes.is_empty())).or_else(|| fitting.next())
    };
    let (Some(one), Some(other)) = (of(a, true), of(b, false)) else {
        return Err(format!("{name} is not in both files"));
    };
    for playing in [one, other] {
        if playing.nodes.is_empty() {
            let Instance { repetition, attempt, .. } =
                playing.instance.clone().unwrap_or(Instance { label: name.as_str().into(), repetition: 1, attempt: 1 });
            return Err(format!(
                "no details of {name} (repetition {repetition}, attempt {attempt}) are in the file: record it with `--report json=FILE --trace on`"
            ));
        }
    }
    Ok((one, other))
}
