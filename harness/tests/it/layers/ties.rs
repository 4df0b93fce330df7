//! From paths to the files that define what they name.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Binding, Kind, Mention, Tree};

/// A line of a file that uses something which another file defines.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tie {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) line: usize,
    /// As written.
    pub(crate) path: String,
}

impl std::fmt::Display for Tie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{} uses {} ({})", self.from, self.line, self.path, self.to)
    }
}

/// Where a path leads: to both, where a module and a function share a name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Module(usize),
    /// An item, and the name behind it, which may be one of its functions.
    Item {
        module: usize,
        name: String,
        next: Option<String>,
    },
    OtherCrate,
}

/// Every tie of a crate, and the paths of which nobody knows where they lead: there must be none.
pub(super) fn ties(tree: &Tree) -> (BTreeSet<Tie>, Vec<String>) {
    let mut found = Ties { tree, elsewhere: BTreeMap::new(), ties: BTreeSet::new(), lost: Vec::new() };
    for (id, module) in tree.modules.iter().enumerate() {
        for (owner, function) in &module.methods {
            for target in found.resolve(id, owner) {
                if let Target::Item { module: home, name, .. } = target
                    && tree.modules[home].file != module.file
                {
                    found.elsewhere.entry((home, name, function.clone())).or_default().push(id);
                }
            }
        }
    }
    for (id, module) in tree.modules.iter().enumerate() {
        for mention in &module.mentions {
            found.mention(id, mention);
        }
    }
    (found.ties, found.lost)
}

struct Ties<'a> {
    tree: &'a Tree,
    /// The functions of types that stand in other files than the types.
    elsewhere: BTreeMap<(usize, String, String), Vec<usize>>,
    ties: BTreeSet<Tie>,
    lost: Vec<String>,
}

/// What was looked for on the way: imports may lead in a circle.
type Seen = BTreeSet<(usize, Vec<String>)>;

impl Ties<'_> {
    fn mention(&mut self, here: usize, mention: &Mention) {
        let path = &mention.path;
        let targets = self.resolve(here, path);
        if targets.is_empty() && path.len() > 1 && self.is_ours(here, &path[0]) {
            self.lost.push(format!("{}:{}: {}", self.tree.modules[here].file, mention.line, path.join("::")));
        }
        let counts = match mention.kind {
            // A parent hands on what its children define.
            Kind::Use | Kind::Glob => !self.is_child(here, path),
            Kind::Path => self.is_news(here, &path[0]),
            Kind::Own => false,
        };
        for target in targets {
            match &target {
                Target::Item { module, .. } if counts => self.tie(here, *module, mention),
                Target::Module(module) if counts && mention.kind == Kind::Glob => self.tie(here, *module, mention),
                _ => {}
            }
            if let Target::Item { module, name, next: Some(next) } = target {
                for home in self.elsewhere.get(&(module, name, next)).cloned().unwrap_or_default() {
                    self.tie(here, home, mention);
                }
            }
        }
    }

    fn tie(&mut self, here: usize, there: usize, mention: &Mention) {
        let [from, to] = [here, there].map(|id| self.tree.modules[id].file.clone());
        if from != to {
            self.ties.insert(Tie { from, to, line: mention.line, path: mention.path.join("::") });
        }
    }

    /// Whether a path that begins so says what no import of an item has said: it begins with a module, or its first
    /// name comes from a child or through a glob.
    fn is_news(&self, here: usize, first: &str) -> bool {
        let bindings = self.tree.modules[here].names.get(first);
        is_root(first)
            || bindings.is_none_or(|bindings| {
                bindings.iter().any(|binding| match binding {
                    Binding::Import(path) => self.is_child(here, path) || self.is_module(here, path),
                    _ => true,
                })
            })
    }

    /// Whether a path leads through a module that stands in this one.
    fn is_child(&self, here: usize, path: &[String]) -> bool {
        let parent = |id: &usize| self.tree.modules[*id].parent;
        (1..=path.len()).flat_map(|end| self.resolve(here, &path[..end])).any(
            |target| matches!(target, Target::Module(id) if std::iter::successors(parent(&id), parent).any(|id| id == here)),
        )
    }

    fn is_module(&self, here: usize, path: &[String]) -> bool {
        self.resolve(here, path).iter().any(|target| matches!(target, Target::Module(_)))
    }

    fn is_ours(&self, here: usize, first: &String) -> bool {
        is_root(first) || self.is_module(here, std::slice::from_ref(first))
    }

    fn resolve(&self, here: usize, path: &[String]) -> Vec<Target> {
        self.start(here, path, &mut Seen::new())
    }

    fn start(&self, here: usize, path: &[String], seen: &mut Seen) -> Vec<Target> {
        let module = &self.tree.modules[here];
        let Some((first, rest)) = path.split_first() else { return vec![Target::Module(here)] };
        match first.as_str() {
            "crate" => self.walk(module.root, rest, seen),
            "self" => self.walk(here, rest, seen),
            "super" => module.parent.map_or_else(Vec::new, |parent| match rest.first() {
                Some(next) if next == "super" => self.start(parent, rest, seen),
                _ => self.walk(parent, rest, seen),
            }),
            name if name == self.tree.name => self.walk(0, rest, seen),
            _ => self.find(here, path, seen),
        }
    }

    /// A path that goes on in a module. What is not found there is made by a macro, if any makes something there.
    fn walk(&self, module: usize, path: &[String], seen: &mut Seen) -> Vec<Target> {
        let Some((name, rest)) = path.split_first() else { return vec![Target::Module(module)] };
        let mut found = self.find(module, path, seen);
        if found.is_empty() && self.tree.modules[module].made {
            found.push(Target::Item { module, name: name.clone(), next: rest.first().cloned() });
        }
        found
    }

    fn find(&self, module: usize, path: &[String], seen: &mut Seen) -> Vec<Target> {
        if !seen.insert((module, path.to_vec())) {
            return Vec::new();
        }
        let (name, rest) = (&path[0], &path[1..]);
        let bindings = self.tree.modules[module].names.get(name).map_or(&[][..], Vec::as_slice);
        // Where a path goes on, a module or type of this name leaves imports of it to be functions.
        let holds = |binding: &Binding| matches!(binding, Binding::Module(_) | Binding::Type);
        let known = !rest.is_empty() && bindings.iter().any(holds);
        let mut found = Vec::new();
        for binding in bindings {
            match binding {
                Binding::Module(child) => found.extend(self.walk(*child, rest, seen)),
                Binding::Import(_) if known => {}
                // `use judge::judge`: the first name is the module, not what is imported.
                Binding::Import(path) if path[0] == *name => {
                    for binding in bindings {
                        if let Binding::Module(child) = binding {
                            found.extend(self.walk(*child, &path[1..], seen));
                        }
                    }
                }
                Binding::Import(path) => {
                    let targets = self.start(module, &[path, rest].concat(), seen);
                    let other = targets.is_empty() && !self.is_ours(module, &path[0]);
                    found.extend(if other { vec![Target::OtherCrate] } else { targets });
                }
                Binding::Value if !rest.is_empty() => {}
                Binding::Type | Binding::Value => {
                    found.push(Target::Item { module, name: name.clone(), next: rest.first().cloned() });
                }
            }
        }
        for glob in self.tree.modules[module].globs.iter().filter(|_| bindings.is_empty()) {
            for target in self.start(module, glob, seen) {
                if let Target::Module(other) = target {
                    found.extend(self.find(other, path, seen));
                }
            }
        }
        found.sort();
        found.dedup();
        found
    }
}

/// Whether a path that begins so begins with a module of this crate.
fn is_root(first: &str) -> bool {
    matches!(first, "crate" | "self" | "super")
}
