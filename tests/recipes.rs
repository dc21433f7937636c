//! The recipes of CONTRIBUTING.md, carried out to the letter on a copy of the workspace.
//!
//! A block of Rust after `path`: is a new file. A block of a diff after `path`: adds lines behind the lines that it
//! shows. What they add is proved by the machine that proves everything else. It compiles the library once more, so it
//! is no part of `cargo test`; `.ci/run` calls it by name.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the recipes add.
const ADDED: [&str; 2] = ["gudermannian", "quadratic_form"];
/// What the copy does without.
const LEFT_OUT: [&str; 4] = [".git", ".ci", "target", "data"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// In the folder that cargo builds in. It has a target of its own: cargo takes crates at the same place of two
/// workspaces for the same ones.
fn copy() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("recipes")
}

/// Writes what is not there already, so that a second run compiles nothing.
fn write(path: &Path, bytes: &[u8]) {
    if std::fs::read(path).ok().as_deref() != Some(bytes) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// The files of a folder, by their paths in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut pending, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(inside) = pending.pop() {
        for entry in std::fs::read_dir(inside).into_iter().flatten() {
            let path = entry.unwrap().path();
            let relative = path.strip_prefix(folder).unwrap().to_owned();
            match path.is_dir() {
                true if LEFT_OUT.iter().any(|name| relative == Path::new(name)) => {}
                true => pending.push(path),
                false => found.push(relative),
            }
        }
    }
    found
}

/// A step of a recipe: a file, and the block that follows its name.
#[derive(Debug, PartialEq)]
struct Step {
    path: String,
    is_diff: bool,
    block: String,
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut rest, mut before) = (text, "");
    while let Some((above, block)) = rest.split_once("\n```") {
        let (language, block) = block.split_once('\n').unwrap();
        let (block, below) = block.split_once("\n```").unwrap();
        before = if above.trim().is_empty() { before } else { above.trim_end() };
        let path = before.strip_suffix("`:").and_then(|words| words.rsplit_once('`')).map(|(_, path)| path);
        if let (Some(path), true) = (path, ["rust", "diff"].contains(&language)) {
            let block = format!("{block}\n");
            steps.push(Step { path: path.to_owned(), is_diff: language == "diff", block });
        }
        rest = below;
    }
    steps
}

/// Adds the lines with a plus behind those without, which must be found once; spaces and line breaks do not count.
fn patched(source: &str, diff: &str) -> String {
    let (mut shown, mut added) = (String::new(), String::new());
    for line in diff.lines() {
        match line.strip_prefix('+') {
            Some(line) => added.push_str(&format!("\n{line}")),
            None => shown.extend(line.chars().filter(|c| !c.is_whitespace())),
        }
    }
    let places: Vec<usize> = source.char_indices().filter(|(_, c)| !c.is_whitespace()).map(|(at, _)| at).collect();
    let bare: String = places.iter().map(|&at| source[at..].chars().next().unwrap()).collect();
    let found: Vec<usize> = bare.match_indices(&shown).map(|(at, _)| at + shown.len()).collect();
    let [end] = found[..] else { panic!("{shown} stands {} times in\n{source}", found.len()) };
    let last = places[bare[..end].chars().count() - 1];
    let at = last + source[last..].chars().next().unwrap().len_utf8();
    format!("{}{added}{}", &source[..at], &source[at..])
}

/// The workspace with the recipes carried out.
fn carry_out() {
    let (copy, wanted) = (copy(), files(root()));
    let steps = steps(&std::fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap());
    assert_eq!(steps.len(), 4, "{steps:?}");
    for old in files(&copy).iter().filter(|old| !wanted.contains(old) && steps.iter().all(|step| **old != *step.path)) {
        std::fs::remove_file(copy.join(old)).unwrap();
    }
    for path in &wanted {
        let mut bytes = std::fs::read(root().join(path)).unwrap();
        for step in steps.iter().filter(|step| Path::new(&step.path) == path) {
            assert!(step.is_diff, "{} is there already", step.path);
            bytes = patched(std::str::from_utf8(&bytes).unwrap(), &step.block).into_bytes();
        }
        write(&copy.join(path), &bytes);
    }
    for step in &steps {
        let is_there = wanted.iter().any(|path| path == Path::new(&step.path));
        assert_eq!(step.is_diff, is_there, "{}", step.path);
        if !step.is_diff {
            write(&copy.join(&step.path), step.block.as_bytes());
        }
    }
}

/// Hands on the crates of others as they are built, so that only ours are compiled again; cargo finds out by itself
/// which of them fit.
fn hand_on() {
    let profile = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
    let (name, own) = (profile.file_name().unwrap().to_owned(), copy().join("target"));
    for part in ["deps", "build", ".fingerprint"] {
        for path in files(&profile.join(part)).iter().filter(|path| !path.to_string_lossy().contains("kronograph")) {
            let to = own.join(&name).join(part).join(path);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            // What is there already is from an earlier run; what cannot be linked is compiled.
            let _ = std::fs::hard_link(profile.join(part).join(path), to);
        }
    }
}

#[test]
fn what_the_recipes_add_is_proved() {
    carry_out();
    hand_on();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--offline", "--test", "proof"]).args((!cfg!(debug_assertions)).then_some("--release"));
    cargo.arg("every_entry_is_proved_on_its_samples").current_dir(copy());
    let done = cargo.env("PROOF", ADDED.join(",")).env("CARGO_TARGET_DIR", copy().join("target")).output().unwrap();
    let told = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
    assert!(done.status.success() && told.contains("1 passed"), "{told}");
}

#[test]
fn each_name_is_looked_for() {
    // An entry that nobody added would fail the proof: the names above are those of the recipes.
    for name in ADDED {
        assert!(kronograph::registry().get(name).is_err(), "{name} is there without the recipe");
    }
}

#[test]
fn steps_and_diffs_are_read() {
    let text = "In `a/b.rs`:\n\n```diff\n fn f() {\n+    1;\n```\n\nand\n\n```sh\nx\n```\n\nThe file, `c.rs`:\n\n```rust\nuse d;\n```\n";
    let step = |path: &str, is_diff, block: &str| Step { path: path.into(), is_diff, block: block.into() };
    assert_eq!(steps(text), [step("a/b.rs", true, " fn f() {\n+    1;\n"), step("c.rs", false, "use d;\n")]);
    assert_eq!(patched("fn f() {2;}", " fn f() {\n+    1;\n"), "fn f() {\n    1;2;}");
}
