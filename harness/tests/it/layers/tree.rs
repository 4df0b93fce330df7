//! The modules of a crate, read from its sources: their names, and every path that is written in them.

use std::collections::BTreeMap;

use proc_macro2::Span;
use syn::visit::Visit as _;
use syn::{Ident, Item, ItemMod, UseTree};

use super::walk;

/// A crate: a tree of modules for the library, one for the program.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) modules: Vec<Module>,
    /// What the program calls the library.
    pub(super) name: String,
}

/// A module, a file of its own or not.
#[derive(Default)]
pub(super) struct Module {
    pub(super) file: String,
    /// The module that `crate` is.
    pub(super) root: usize,
    pub(super) parent: Option<usize>,
    pub(super) names: BTreeMap<String, Vec<Binding>>,
    /// The paths before `::*`.
    pub(super) globs: Vec<Vec<String>>,
    pub(super) mentions: Vec<Mention>,
    /// The functions of `impl` blocks: the type as written, and the name.
    pub(super) methods: Vec<(Vec<String>, String)>,
    /// A macro makes items here, whose names nobody sees.
    pub(super) made: bool,
}

/// What a name stands for in a module.
pub(super) enum Binding {
    Module(usize),
    /// A type or trait: a path may go on behind it.
    Type,
    /// A function, constant or macro: a path ends.
    Value,
    Import(Vec<String>),
}

/// A path that is written somewhere.
pub(super) struct Mention {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Use,
    Glob,
    /// In code, in a macro, in an attribute.
    Path,
    /// `self.name` or `Self::name`, as the path `Type::name`.
    Own,
}

/// Gives the text of a file.
pub(super) type Read<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads the crate whose sources stand in a folder.
pub(super) fn read(folder: &str, name: &str, read: Read<'_>) -> Result<Tree, String> {
    let tree = Tree { name: name.into(), ..Tree::default() };
    let mut reader = Reader { tree, read, here: 0, folder: String::new(), owner: None, wrong: None };
    for root in ["lib.rs", "main.rs"] {
        let file = format!("{folder}/{root}");
        if read(&file).is_some() {
            let id = reader.tree.modules.len();
            reader.tree.modules.push(Module { file: file.clone(), root: id, ..Module::default() });
            reader.file(id, &file, folder.into());
        }
    }
    reader.wrong.map_or(Ok(reader.tree), Err)
}

pub(super) struct Reader<'a> {
    tree: Tree,
    read: Read<'a>,
    here: usize,
    /// Where the files of child modules stand.
    folder: String,
    /// The type of the `impl` block around.
    pub(super) owner: Option<Vec<String>>,
    wrong: Option<String>,
}

impl Reader<'_> {
    fn file(&mut self, module: usize, file: &str, folder: String) {
        match syn::parse_file(&(self.read)(file).unwrap_or_default()) {
            Ok(parsed) => self.items(module, folder, &parsed.items),
            Err(error) => self.wrong = Some(format!("{file}:{}: {error}", error.span().start().line)),
        }
    }

    fn items(&mut self, module: usize, folder: String, items: &[Item]) {
        let here = std::mem::replace(&mut self.here, module);
        let around = std::mem::replace(&mut self.folder, folder);
        for item in items {
            let (attributes, name) = walk::head(item);
            if let Some((name, binding)) = name
                && !walk::only_tests(attributes)
            {
                self.bind(name.to_string(), binding);
            }
            self.visit_item(item);
        }
        (self.here, self.folder) = (here, around);
    }

    pub(super) fn child(&mut self, item: &ItemMod) {
        let (name, id) = (item.ident.to_string(), self.tree.modules.len());
        self.bind(name.clone(), Binding::Module(id));
        let Module { file, root, .. } = self.module();
        let child = Module { file: file.clone(), root: *root, parent: Some(self.here), ..Module::default() };
        self.tree.modules.push(child);
        let folder = format!("{}/{name}", self.folder);
        if let Some((_, items)) = &item.content {
            return self.items(id, folder, items);
        }
        let files = [format!("{folder}.rs"), format!("{folder}/mod.rs")];
        match files.into_iter().find(|file| (self.read)(file).is_some()) {
            Some(file) => {
                self.tree.modules[id].file.clone_from(&file);
                self.file(id, &file, folder);
            }
            None => self.wrong = Some(format!("{}: no file of `mod {name};`", self.module().file)),
        }
    }

    pub(super) fn module(&mut self) -> &mut Module {
        &mut self.tree.modules[self.here]
    }

    fn bind(&mut self, name: String, binding: Binding) {
        self.module().names.entry(name).or_default().push(binding);
    }

    pub(super) fn mention(&mut self, path: Vec<String>, span: Span, kind: Kind) {
        self.module().mentions.push(Mention { path, line: span.start().line, kind });
    }

    /// Every import of a `use`. Those within functions count for their module: they say no less about its file.
    pub(super) fn imports(&mut self, mut path: Vec<String>, tree: &UseTree) {
        match tree {
            UseTree::Path(step) => {
                path.push(step.ident.to_string());
                self.imports(path, &step.tree);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.imports(path.clone(), tree)),
            UseTree::Glob(glob) => {
                self.module().globs.push(path.clone());
                self.mention(path, glob.star_token.spans[0], Kind::Glob);
            }
            UseTree::Name(name) => self.import(path, &name.ident, None),
            UseTree::Rename(name) => self.import(path, &name.ident, Some(&name.rename)),
        }
    }

    fn import(&mut self, mut path: Vec<String>, last: &Ident, rename: Option<&Ident>) {
        if last != "self" {
            path.push(last.to_string());
        }
        let Some(name) = rename.map(Ident::to_string).or_else(|| path.last().cloned()) else { return };
        self.bind(name, Binding::Import(path.clone()));
        self.mention(path, last.span(), Kind::Use);
    }
}
