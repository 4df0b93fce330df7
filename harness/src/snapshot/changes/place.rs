//! Where something stands in a snapshot, for people and for fingerprints.

use std::sync::LazyLock;

use regex::Regex;

static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\[[^\[\]]+\]").expect("a constant expression"));

/// The part of a block in which something stands.
#[derive(Debug, Clone)]
pub(crate) enum PlacePart {
    /// What a state answered.
    State(String),
    /// A delivery of a stream, by its heading.
    Delivery { stream: String, head: DeliveryHead },
    /// A frame of a kind; its number, from 1, where there are several.
    Frame { section: String, kind: String, number: Option<usize> },
    /// Anything else.
    Other,
}

/// The heading of a delivery: `message 3 (phone)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeliveryHead {
    pub(crate) kind: String,
    pub(crate) order: Option<i64>,
    pub(crate) connections: Option<String>,
}

impl DeliveryHead {
    pub(crate) fn parse(text: &str) -> Self {
        let (rest, connections) = match text.strip_suffix(')').and_then(|text| text.rsplit_once(" (")) {
            Some((rest, connections)) => (rest, Some(connections.to_owned())),
            None => (text, None),
        };
        match rest.rsplit_once(' ').map(|(kind, order)| (kind, order.parse())) {
            Some((kind, Ok(order))) => Self { kind: kind.to_owned(), order: Some(order), connections },
            _ => Self { kind: rest.to_owned(), order: None, connections },
        }
    }

    /// `message 3`.
    pub(crate) fn short(&self) -> String {
        match self.order {
            Some(order) => format!("{} {order}", self.kind),
            None => self.kind.clone(),
        }
    }

    /// As it was written.
    pub(crate) fn text(&self) -> String {
        let connections = self.connections.as_ref().map(|names| format!(" ({names})")).unwrap_or_default();
        format!("{}{connections}", self.short())
    }
}

#[derive(Debug, Clone)]
pub(crate) enum PlaceStep {
    Key(String),
    /// An element: its place, and who or what it is.
    Element(usize, Option<String>),
}

/// Where something stands.
#[derive(Debug, Clone)]
pub(crate) struct SnapshotPlace {
    /// Whose block.
    pub(crate) who: Option<String>,
    pub(crate) part: PlacePart,
    pub(crate) steps: Vec<PlaceStep>,
}

impl SnapshotPlace {
    pub(crate) fn new(who: Option<&str>, part: PlacePart) -> Self {
        Self { who: who.map(str::to_owned), part, steps: Vec::new() }
    }

    pub(crate) fn with(&self, step: PlaceStep) -> Self {
        let mut place = self.clone();
        place.steps.push(step);
        place
    }

    /// ` for alice`, or nothing.
    pub(crate) fn whom(&self) -> String {
        self.who.as_ref().map(|who| format!(" for {who}")).unwrap_or_default()
    }

    /// For people: `conversation.participants[bob].name`, `content of message 3`. Without `names`, elements are
    /// told by their place, and the last one by its name besides: `participants[1] (bob)`.
    pub(crate) fn words(&self, names: bool) -> String {
        let mut steps = self.steps_text(|place, name| match name.filter(|_| names) {
            Some(name) => format!("[{}]", name.trim_start_matches('[').trim_end_matches(']')),
            None => format!("[{place}]"),
        });
        if let (false, Some(PlaceStep::Element(_, Some(name)))) = (names, self.steps.last()) {
            steps.push_str(&format!(" ({name})"));
        }
        let of = |what: String| if steps.is_empty() { what } else { format!("{steps} of {what}") };
        match &self.part {
            PlacePart::State(name) => join(name, &steps),
            PlacePart::Delivery { head, .. } => of(head.short()),
            PlacePart::Frame { kind, number, .. } => {
                of(number.map_or_else(|| kind.clone(), |number| format!("{kind} {number}")))
            }
            PlacePart::Other if steps.is_empty() => "the snapshot".to_owned(),
            PlacePart::Other => steps,
        }
    }

    /// The same for many: `content of message frames`.
    pub(crate) fn family(&self) -> String {
        let steps = self.steps_text(|_, _| "[]".to_owned());
        let of =
            |kind: &str| if steps.is_empty() { format!("{kind} frames") } else { format!("{steps} of {kind} frames") };
        match &self.part {
            PlacePart::State(name) => join(name, &general(&steps)),
            PlacePart::Delivery { head, .. } => of(&head.kind),
            PlacePart::Frame { kind, .. } => of(kind),
            PlacePart::Other => general(&steps),
        }
    }

    /// For a fingerprint: without participants, places and ids.
    pub(crate) fn general(&self) -> String {
        let steps = general(&self.steps_text(|_, _| "[]".to_owned()));
        match &self.part {
            PlacePart::State(name) => join(&format!("state.{name}"), &steps),
            PlacePart::Delivery { stream, head } => join(&format!("{}.{}", section(stream), head.kind), &steps),
            PlacePart::Frame { kind, .. } => join(&format!("frames.{kind}"), &steps),
            PlacePart::Other => steps,
        }
    }

    /// The whole way: `alice.state.conversation.participants[1]`.
    pub(crate) fn path(&self) -> String {
        let steps = self.steps_text(|place, _| format!("[{place}]"));
        let subject = match &self.part {
            PlacePart::State(name) => format!("state.{name}"),
            PlacePart::Delivery { stream, head } => format!("{stream}[{}]", head.text()),
            PlacePart::Frame { section, kind, number } => {
                let number = number.map(|number| format!("[{}]", number - 1)).unwrap_or_default();
                format!("{section}.{kind}{number}")
            }
            PlacePart::Other => String::new(),
        };
        join(&join(self.who.as_deref().unwrap_or_default(), &subject), &steps)
    }

    fn steps_text(&self, element: impl Fn(usize, Option<&str>) -> String) -> String {
        let mut text = String::new();
        for step in &self.steps {
            match step {
                PlaceStep::Key(key) if text.is_empty() => text.push_str(key),
                PlaceStep::Key(key) => {
                    text.push('.');
                    text.push_str(key);
                }
                PlaceStep::Element(place, name) => text.push_str(&element(*place, name.as_deref())),
            }
        }
        text
    }
}

fn join(one: &str, other: &str) -> String {
    match (one, other) {
        ("", other) => other.to_owned(),
        (one, "") => one.to_owned(),
        (one, other) if other.starts_with('[') => format!("{one}{other}"),
        (one, other) => format!("{one}.{other}"),
    }
}

/// A part's heading without the value or connection that it is for: `messages [room]`, `frames (phone)`.
pub(crate) fn section(heading: &str) -> &str {
    let heading = heading.split_once(" [").map_or(heading, |(heading, _)| heading);
    heading.split_once(" (").map_or(heading, |(heading, _)| heading)
}

/// A way without ids, which may be keys.
fn general(text: &str) -> String {
    PLACEHOLDER.replace_all(text, "[]").into_owned()
}
