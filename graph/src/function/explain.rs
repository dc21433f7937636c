//! The story of a compile: which rules fired, where, and why.

use std::fmt::Write;

use crate::fgraph::Application;

pub(super) fn story(history: &[Application]) -> String {
    if history.is_empty() {
        return "no rewrite fired\n".to_owned();
    }
    let mut text = String::new();
    for (number, application) in history.iter().enumerate() {
        let Application { rule, reason, origin, before, after } = application;
        let _ = writeln!(text, "{}. {rule} at {origin}", number + 1);
        let _ = writeln!(text, "     {before}");
        let _ = writeln!(text, "  => {after}");
        let _ = writeln!(text, "     because {reason}");
    }
    text
}
