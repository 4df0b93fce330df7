//! A walk over items: every path, wherever it stands, but for what only tests have.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, Ident, ImplItem, Item, Meta};

use super::tree::{Binding, Kind, Reader};

/// The attributes of an item, and the name that it brings into its module. Modules and imports bring their own.
pub(super) fn head(item: &Item) -> (&[Attribute], Option<(&Ident, Binding)>) {
    match item {
        Item::Const(item) => (&item.attrs, Some((&item.ident, Binding::Value))),
        Item::Enum(item) => (&item.attrs, Some((&item.ident, Binding::Type))),
        Item::Fn(item) => (&item.attrs, Some((&item.sig.ident, Binding::Value))),
        Item::Impl(item) => (&item.attrs, None),
        Item::Macro(item) => (&item.attrs, item.ident.as_ref().map(|name| (name, Binding::Value))),
        Item::Mod(item) => (&item.attrs, None),
        Item::Static(item) => (&item.attrs, Some((&item.ident, Binding::Value))),
        Item::Struct(item) => (&item.attrs, Some((&item.ident, Binding::Type))),
        Item::Trait(item) => (&item.attrs, Some((&item.ident, Binding::Type))),
        Item::Type(item) => (&item.attrs, Some((&item.ident, Binding::Type))),
        Item::Union(item) => (&item.attrs, Some((&item.ident, Binding::Type))),
        Item::Use(item) => (&item.attrs, None),
        _ => (&[], None),
    }
}

/// Whether something is there for tests alone: `cfg(test)`, or `cfg(all(test, …))`.
pub(super) fn only_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            list.parse_args().is_ok_and(|condition| needs_test(&condition))
        }
        _ => false,
    })
}

fn needs_test(condition: &Meta) -> bool {
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => list
            .parse_args_with(syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated)
            .is_ok_and(|all| all.iter().any(needs_test)),
        _ => false,
    }
}

/// The path of a type, without what it is generic over.
fn type_path(of: &syn::Type) -> Option<Vec<String>> {
    match of {
        syn::Type::Path(of) => Some(names(&of.path)),
        syn::Type::Reference(of) => type_path(&of.elem),
        _ => None,
    }
}

fn names(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

impl Reader<'_> {
    fn path(&mut self, mut path: Vec<String>, span: Span) {
        match &self.owner {
            Some(owner) if path[0] == "Self" => {
                path.splice(..1, owner.iter().cloned());
                self.mention(path, span, Kind::Own);
            }
            _ => self.mention(path, span, Kind::Path),
        }
    }

    fn method(&mut self, name: &Ident) {
        if let Some(owner) = &self.owner {
            let path = owner.iter().cloned().chain([name.to_string()]).collect();
            self.mention(path, name.span(), Kind::Own);
        }
    }

    /// Paths among tokens whose grammar is unknown; `strings`: also those that a string holds (`with = "crate::a"`).
    fn tokens(&mut self, tokens: TokenStream, strings: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mark = |at: usize, mark| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == mark);
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let before = |back: usize, wanted| at >= back && mark(at - back, wanted);
            // A field, a lifetime, or the rest of a path such as `Vec::<u8>::new`; not the end of a range.
            let goes_on = (before(1, '.') && !before(2, '.')) || before(1, '\'') || (before(1, ':') && before(2, ':'));
            at += 1;
            match token {
                TokenTree::Group(group) => self.tokens(group.stream(), strings),
                TokenTree::Literal(literal) if strings => {
                    if let syn::Lit::Str(text) = syn::Lit::new(literal.clone())
                        && let Ok(held) = text.parse()
                    {
                        self.visit_type(&held);
                    }
                }
                TokenTree::Ident(first) => {
                    let mut path = vec![first.to_string()];
                    while let (true, true, Some(TokenTree::Ident(next))) =
                        (mark(at, ':'), mark(at + 1, ':'), tokens.get(at + 2))
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    match tokens.get(at + 1) {
                        Some(TokenTree::Ident(name)) if first == "self" && mark(at, '.') => self.method(name),
                        _ if goes_on => {}
                        _ => self.path(path, first.span()),
                    }
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

/// Visits a node unless only tests have it.
macro_rules! unless_test {
    ($($visit:ident: $node:ident),* $(,)?) => {
        $(fn $visit(&mut self, node: &'ast syn::$node) {
            if !only_tests(&node.attrs) {
                visit::$visit(self, node);
            }
        })*
    };
}

impl<'ast> Visit<'ast> for Reader<'_> {
    unless_test! {
        visit_arm: Arm, visit_expr_block: ExprBlock, visit_expr_call: ExprCall, visit_expr_macro: ExprMacro,
        visit_field: Field, visit_field_value: FieldValue, visit_impl_item_const: ImplItemConst,
        visit_impl_item_fn: ImplItemFn, visit_impl_item_type: ImplItemType, visit_local: Local,
        visit_stmt_macro: StmtMacro, visit_trait_item_const: TraitItemConst, visit_trait_item_fn: TraitItemFn,
        visit_trait_item_type: TraitItemType, visit_variant: Variant,
    }

    fn visit_item(&mut self, item: &'ast Item) {
        if !only_tests(head(item).0) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.child(item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if item.leading_colon.is_none() {
            self.imports(Vec::new(), &item.tree);
        }
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        self.module().made |= item.ident.is_none();
        visit::visit_item_macro(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let owner = type_path(&item.self_ty);
        if let (None, Some(owner)) = (&item.trait_, &owner) {
            for item in &item.items {
                let (attributes, name) = match item {
                    ImplItem::Fn(item) => (&item.attrs, &item.sig.ident),
                    ImplItem::Const(item) => (&item.attrs, &item.ident),
                    _ => continue,
                };
                if !only_tests(attributes) {
                    self.module().methods.push((owner.clone(), name.to_string()));
                }
            }
        }
        let around = std::mem::replace(&mut self.owner, owner);
        visit::visit_item_impl(self, item);
        self.owner = around;
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if !only_tests(&call.attrs) {
            if matches!(&*call.receiver, Expr::Path(receiver) if receiver.path.is_ident("self")) {
                self.method(&call.method);
            }
            visit::visit_expr_method_call(self, call);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.path(names(path), path.segments[0].ident.span());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone(), false);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone(), true);
        }
    }

    /// Who may see something uses nothing.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}
}
