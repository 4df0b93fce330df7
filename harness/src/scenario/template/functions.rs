//! What expressions can call: functions, filters behind `|`, tests behind `is`. One table, for the reference and for
//! suggestions.

/// What a word of expressions is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callable {
    /// `name(…)`.
    Function,
    /// `value | name`.
    Filter,
    /// `value is name`.
    Test,
}

/// A function, filter or test.
#[derive(Debug, Clone, Copy)]
pub struct FunctionWord {
    /// What it is.
    pub kind: Callable,
    /// Its name.
    pub name: &'static str,
    /// What it gives, in one line.
    pub doc: &'static str,
    /// An expression that uses it.
    pub example: &'static str,
    /// What the example gives, as JSON text; empty where it is another thing each time.
    pub gives: &'static str,
}

const fn word(
    kind: Callable,
    name: &'static str,
    example: &'static str,
    gives: &'static str,
    doc: &'static str,
) -> FunctionWord {
    FunctionWord { kind, name, doc, example, gives }
}

use Callable::{Filter, Function, Test};

/// Those that scenarios have a use for, in the order in which a reader should meet them.
pub const FUNCTIONS: &[FunctionWord] = &[
    word(Function, "uuid", "uuid()", "", "A new random UUID; `--seed` fixes it."),
    word(Function, "repeat", "repeat('ab', 3)", r#""ababab""#, "Repeats a text, for long values."),
    word(Function, "range", "range(1, 4) | list", "[1,2,3]", "Whole numbers from the first up to before the second."),
    word(Function, "dict", "dict(a=1)", r#"{"a":1}"#, "A map of its arguments."),
    word(Filter, "length", "[1, 2] | length", "2", "How many elements or characters; also `count`."),
    word(Filter, "unique", "[1, 1, 2] | unique | list", "[1,2]", "Each value once."),
    word(Filter, "list", "'ab' | list", r#"["a","b"]"#, "A list of what can be gone through."),
    word(
        Filter,
        "map",
        "[{'n': 1}, {'n': 2}] | map(attribute='n') | list",
        "[1,2]",
        "One attribute of each, or a filter for each: `map('upper')`.",
    ),
    word(Filter, "select", "[1, 2, 3] | select('odd') | list", "[1,3]", "Those for which a test holds."),
    word(
        Filter,
        "reject",
        "['a', 'b'] | reject('equalto', 'a') | list",
        r#"["b"]"#,
        "Those for which a test doesn't hold.",
    ),
    word(
        Filter,
        "selectattr",
        "[{'n': 1}, {'n': 2}] | selectattr('n', 'gt', 1) | list",
        r#"[{"n":2}]"#,
        "Those whose attribute holds a test.",
    ),
    word(
        Filter,
        "rejectattr",
        "[{'n': 1}, {'n': 2}] | rejectattr('n', 'gt', 1) | list",
        r#"[{"n":1}]"#,
        "Those whose attribute doesn't.",
    ),
    word(Filter, "first", "[1, 2] | first", "1", "The first element."),
    word(Filter, "last", "[1, 2] | last", "2", "The last element."),
    word(Filter, "min", "[2, 1] | min", "1", "The least."),
    word(Filter, "max", "[2, 1] | max", "2", "The greatest."),
    word(Filter, "sum", "[2, 1] | sum", "3", "All of them added up."),
    word(Filter, "sort", "[2, 1] | sort", "[1,2]", "In order; `reverse=true` and `attribute='n'` are understood."),
    word(Filter, "reverse", "[1, 2] | reverse | list", "[2,1]", "The other way round."),
    word(Filter, "slice", "[1, 2, 3] | slice(2) | list", "[[1,2],[3]]", "So many lists of about one length."),
    word(
        Filter,
        "batch",
        "[1, 2, 3] | batch(2) | list",
        "[[1,2],[3]]",
        "Splits a list into lists of this many elements.",
    ),
    word(
        Filter,
        "zip",
        "[1, 2] | zip(['a', 'b']) | list",
        r#"[[1,"a"],[2,"b"]]"#,
        "Pairs of the elements at the same index.",
    ),
    word(Filter, "chain", "[1] | chain([2]) | list", "[1,2]", "One list behind the other."),
    word(Filter, "groupby", "[{'n': 1}, {'n': 1}] | groupby('n') | length", "1", "Groups by an attribute."),
    word(Filter, "items", "{'a': 1} | items | list", r#"[["a",1]]"#, "Keys with their values."),
    word(Filter, "dictsort", "{'b': 1, 'a': 2} | dictsort", r#"[["a",2],["b",1]]"#, "The same, sorted by key."),
    word(Filter, "attr", "{'a': 1} | attr('a')", "1", "The attribute with this name."),
    word(Filter, "join", "['a', 'b'] | join('-')", r#""a-b""#, "One text, with this between."),
    word(Filter, "split", "'a-b' | split('-') | list", r#"["a","b"]"#, "The parts of a text."),
    word(Filter, "lines", "'a\\nb' | lines | list", r#"["a","b"]"#, "The lines of a text."),
    word(Filter, "upper", "'ab' | upper", r#""AB""#, "In capitals."),
    word(Filter, "lower", "'AB' | lower", r#""ab""#, "In small letters."),
    word(Filter, "title", "'ab cd' | title", r#""Ab Cd""#, "Each word with a capital."),
    word(Filter, "capitalize", "'ab' | capitalize", r#""Ab""#, "The first letter as a capital."),
    word(Filter, "trim", "' a ' | trim", r#""a""#, "Without blanks around it."),
    word(Filter, "replace", "'a-b' | replace('-', '+')", r#""a+b""#, "Each of the first replaced by the second."),
    word(Filter, "format", "'%03d' | format(7)", r#""007""#, "A text with values put in, as by printf."),
    word(Filter, "int", "'7' | int", "7", "A whole number."),
    word(Filter, "float", "'1.5' | float", "1.5", "A number."),
    word(Filter, "string", "7 | string", r#""7""#, "A text."),
    word(Filter, "bool", "1 | bool", "true", "Whether it counts as true."),
    word(Filter, "abs", "-1 | abs", "1", "Without its sign."),
    word(Filter, "round", "1.26 | round(1)", "1.3", "Rounded to this many digits."),
    word(Filter, "default", "none | default('x', true)", r#""x""#, "This where there is nothing."),
    word(Filter, "tojson", "[1, 'a'] | tojson", r#""[1, \"a\"]""#, "JSON as a text."),
    word(Test, "defined", "1 is defined", "true", "There is a value."),
    word(Test, "none", "none is none", "true", "It is null."),
    word(Test, "string", "'a' is string", "true", "It is a text."),
    word(Test, "number", "1 is number", "true", "It is a number."),
    word(Test, "integer", "1 is integer", "true", "It is a whole number."),
    word(Test, "boolean", "true is boolean", "true", "It is true or false."),
    word(Test, "mapping", "{} is mapping", "true", "It is a map."),
    word(Test, "sequence", "[] is sequence", "true", "It is a list."),
    word(Test, "iterable", "[] is iterable", "true", "It can be gone through."),
    word(Test, "odd", "1 is odd", "true", "It is odd."),
    word(Test, "even", "2 is even", "true", "It is even."),
    word(Test, "divisibleby", "6 is divisibleby(3)", "true", "It can be divided by this."),
    word(Test, "equalto", "1 is equalto(1)", "true", "It is equal to this; also `eq`."),
    word(Test, "gt", "2 is gt(1)", "true", "It is greater than this; also `ge`, `lt`, `le`, `ne`."),
    word(Test, "in", "1 is in([1])", "true", "It is one of these."),
    word(Test, "startingwith", "'ab' is startingwith('a')", "true", "The text begins with this."),
    word(Test, "endingwith", "'ab' is endingwith('b')", "true", "The text ends with this."),
    word(Test, "upper", "'A' is upper", "true", "It is in capitals."),
    word(Test, "lower", "'a' is lower", "true", "It is in small letters."),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::scenario::error::Findings;
    use crate::scenario::template::Expr;
    use crate::source::{Position, Source};

    #[test]
    fn every_example_gives_what_it_says() {
        for word in FUNCTIONS {
            let mut findings = Findings::new(Source::new("t.yaml", word.example));
            let expr = Expr::lower(word.example, Position { line: 1, column: 1 }, &mut findings).unwrap();
            assert!(findings.list.is_empty(), "{:?}", findings.list);
            let value =
                expr.eval(&BTreeMap::new()).unwrap_or_else(|error| panic!("{}: {}", word.example, error.message));
            if !word.gives.is_empty() {
                assert_eq!(value.to_string(), word.gives, "{}", word.example);
            }
        }
    }
}
