//! A schedule as Rust.

use std::fmt::Write as _;

use super::{Fault, Step};

/// A schedule as a test that you can paste.
pub(crate) fn as_rust(name: &str, seed: u64, games: usize, schedule: &[Step]) -> String {
    let mut text = format!("#[test]\nfn {name}() {{\n    holds({seed}, {games}, &[\n");
    for step in schedule {
        let words = match step {
            Step::Do(game, act) => format!("Do({game}, {act:?})"),
            Step::Line(game, fault) => match fault {
                Fault::HalfOpen(way) => format!("Line({game}, HalfOpen({way:?}))"),
                fault => format!("Line({game}, {fault:?})"),
            },
            step => format!("{step:?}"),
        };
        let _ = writeln!(text, "        {words},");
    }
    text.push_str("    ]);\n}\n");
    text
}
