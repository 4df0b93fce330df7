//! Walks over steps without playing them: every nested step, action, template and capture, in file order.

use super::model::{
    Action, Body, Call, Capture, Checks, Connect, Expected, Http, OutgoingFrame, ServerAction, Step, StepKind,
};
use super::template::{Expr, Template};

/// One part of a step.
#[derive(Debug, Clone, Copy)]
pub(crate) enum StepPart<'s> {
    /// The step itself, before what it holds.
    Step(&'s Step),
    /// What an actor does.
    Action(&'s Action),
    /// A value, a text or a pattern.
    Template(&'s Template),
    /// An expression that stands alone.
    Expr(&'s Expr),
    /// A name for a value.
    Capture(&'s Capture),
}

/// Calls `visit` with each part of some steps. Verbs that they call aren't entered.
pub(crate) fn steps<'s>(list: &'s [Step], visit: &mut dyn FnMut(StepPart<'s>)) {
    for one in list {
        visit(StepPart::Step(one));
        match &one.kind {
            StepKind::Act { action: inner, .. } => action(inner, visit),
            StepKind::Parallel(branches) => branches.iter().for_each(|branch| steps(branch, visit)),
            StepKind::Race(race) => {
                action(&race.action, visit);
                for outcome in &race.outcomes {
                    outcome.count.iter().for_each(|count| visit(StepPart::Template(count)));
                    checks(&outcome.checks, visit);
                }
            }
            StepKind::Repeat { count, steps: inner } => {
                visit(StepPart::Template(count));
                steps(inner, visit);
            }
            StepKind::ForEach { values, steps: inner, .. } => {
                visit(StepPart::Template(values));
                steps(inner, visit);
            }
            StepKind::Snapshot { name, .. } => visit(StepPart::Template(name)),
            StepKind::Check(expr) => visit(StepPart::Expr(expr)),
            StepKind::Note(text) => visit(StepPart::Template(text)),
            StepKind::Server(ServerAction::Logged { pattern, .. }) => visit(StepPart::Template(pattern)),
            StepKind::Server(_) => {}
        }
    }
}

/// Calls `visit` with each part of an action.
pub(crate) fn action<'s>(action: &'s Action, visit: &mut dyn FnMut(StepPart<'s>)) {
    visit(StepPart::Action(action));
    match action {
        Action::Http(one) => http(one, visit),
        Action::Connect(Connect { path, name, query, headers, subprotocols, refused, expect_headers, .. }) => {
            let values = headers.iter().map(|(_, value)| value);
            for template in std::iter::once(path).chain(name).chain(query).chain(values).chain(subprotocols) {
                visit(StepPart::Template(template));
            }
            expect_headers.iter().for_each(|pattern| visit(StepPart::Template(pattern)));
            refused.iter().for_each(|refused| checks(refused, visit));
        }
        Action::Send {
            frame: OutgoingFrame::Json(body) | OutgoingFrame::Text(body) | OutgoingFrame::Binary(body),
            via,
        } => {
            visit(StepPart::Template(body));
            via.iter().for_each(|via| visit(StepPart::Template(via)));
        }
        Action::Close { code, reason, via, .. } => {
            [code, reason].into_iter().chain(via).for_each(|template| visit(StepPart::Template(template)));
        }
        Action::Closed { pattern, via, .. } => {
            std::iter::once(pattern).chain(via).for_each(|template| visit(StepPart::Template(template)));
        }
        Action::Drop { via } | Action::Reading { via, .. } | Action::Mark { via, .. } => {
            via.iter().for_each(|via| visit(StepPart::Template(via)));
        }
        Action::Expect(expect) => {
            patterns(&expect.what)
                .into_iter()
                .chain(&expect.via)
                .for_each(|template| visit(StepPart::Template(template)));
            expect.capture.iter().for_each(|capture| visit(StepPart::Capture(capture)));
        }
        Action::Stub { action, to } => {
            action.templates().into_iter().chain(to).for_each(|template| visit(StepPart::Template(template)));
        }
        Action::Call(Call { args, refused, via, capture, .. }) => {
            args.iter().map(|(_, value)| value).chain(via).for_each(|template| visit(StepPart::Template(template)));
            refused.iter().for_each(|refused| checks(refused, visit));
            capture.iter().for_each(|capture| visit(StepPart::Capture(capture)));
        }
    }
}

/// Calls `visit` with each part of a request.
pub(crate) fn http<'s>(http: &'s Http, visit: &mut dyn FnMut(StepPart<'s>)) {
    let body = http.body.as_ref().map(|body| match body {
        Body::Json(body) | Body::Text(body) | Body::Form(body) => body,
    });
    let values = http.headers.iter().map(|(_, value)| value);
    for template in std::iter::once(&http.path).chain(&http.query).chain(values).chain(body) {
        visit(StepPart::Template(template));
    }
    checks(&http.checks, visit);
}

fn checks<'s>(checks: &'s Checks, visit: &mut dyn FnMut(StepPart<'s>)) {
    for template in checks.status.iter().chain(&checks.expect).chain(&checks.expect_headers) {
        visit(StepPart::Template(template));
    }
    checks.capture.iter().for_each(|capture| visit(StepPart::Capture(capture)));
}

/// The patterns of an expectation, the number of times included.
pub(crate) fn patterns(expected: &Expected) -> Vec<&Template> {
    match expected {
        Expected::One(pattern) | Expected::Next(pattern) | Expected::Nothing { pattern, .. } => vec![pattern],
        Expected::InOrder(list) | Expected::All(list) => list.iter().collect(),
        Expected::Collect { pattern, until } => vec![pattern, until],
        Expected::Counted { pattern, times, .. } => vec![pattern, times],
    }
}

/// Every expression of some steps, those in templates included.
pub(crate) fn expressions(list: &[Step], visit: &mut dyn FnMut(&Expr)) {
    steps(list, &mut |part| match part {
        StepPart::Template(template) => template.visit(visit),
        StepPart::Expr(expr) => visit(expr),
        _ => {}
    });
}

/// The verbs that some steps call themselves, by name.
pub(crate) fn calls(list: &[Step]) -> Vec<String> {
    let mut names = Vec::new();
    steps(list, &mut |part| {
        if let StepPart::Action(Action::Call(call)) = part {
            names.push(call.verb.clone());
        }
    });
    names
}

/// The words of an expression's text: whatever may be a name, an attribute, or the text of a literal.
pub(crate) fn words(source: &str) -> impl Iterator<Item = &str> {
    source.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}
