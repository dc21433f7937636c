//! Every kind of error has a page, and every page is of a kind that there is. What is public is read in the sources.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const CRATES: [&str; 5] = ["graph", "ops", "sparse", "rewrites", "."];
const SECTIONS: [&str; 3] = ["**Meaning.** ", "**Usual causes.** ", "**Repair.** "];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: PathBuf, extension: &str) -> Vec<PathBuf> {
    let (mut pending, mut found) = (vec![folder], Vec::new());
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => pending.push(path),
                false if path.extension().is_some_and(|has| has == extension) => found.push(path),
                false => {}
            }
        }
    }
    found
}

/// `NotSquare` as `not_square`.
fn snake(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(c.to_lowercase());
    }
    text
}

/// The name at the beginning of a text.
fn name_at(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// The types of a source that derive `Error`: `kind::variant` of each variant of an enum, `kind` of a struct.
fn kinds(source: &str) -> Vec<String> {
    let derived = source.split("#[derive(").skip(1).filter(|rest| rest.lines().next().unwrap().contains("Error"));
    let items = derived.filter_map(|rest| {
        let at = |word: &str| rest.find(word).map(|at| (at, &rest[at + word.len()..]));
        let (item, is_enum) = match (at("enum "), at("struct ")) {
            (Some((a, item)), Some((b, _))) if a < b => (item, true),
            (Some((_, item)), None) => (item, true),
            (_, Some((_, item))) => (item, false),
            (None, None) => return None,
        };
        Some((snake(name_at(item)), is_enum.then(|| item.split("\n}\n").next().unwrap())))
    });
    let each = items.flat_map(|(kind, body)| match body {
        None => vec![kind],
        Some(body) => {
            let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
            let variants = lines.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
            variants.map(|line| format!("{kind}::{}", snake(name_at(line)))).collect()
        }
    });
    each.collect()
}

fn declared() -> BTreeSet<String> {
    let sources = CRATES.iter().flat_map(|name| files(root().join(name).join("src"), "rs"));
    sources.flat_map(|path| kinds(&std::fs::read_to_string(path).unwrap())).collect()
}

fn pages() -> BTreeSet<String> {
    let folder = root().join("docs/errors");
    let relative = |path: PathBuf| path.strip_prefix(&folder).unwrap().with_extension("").to_path_buf();
    let name = |path: PathBuf| relative(path).to_string_lossy().replace(['/', '\\'], "::");
    files(folder.clone(), "md").into_iter().map(name).collect()
}

#[test]
fn every_kind_has_a_page_and_every_page_a_kind() {
    let (declared, pages) = (declared(), pages());
    assert!(declared.len() > 50, "the sources are not understood: {declared:?}");
    let missing: Vec<_> = declared.difference(&pages).collect();
    let stale: Vec<_> = pages.difference(&declared).collect();
    assert!(missing.is_empty() && stale.is_empty(), "without a page: {missing:?}; pages of nothing: {stale:?}");
}

/// What the documentation includes is what its tests run.
#[test]
fn every_page_is_part_of_the_documentation() {
    let list = std::fs::read_to_string(root().join("src/errors.rs")).unwrap();
    let listed: BTreeSet<String> = {
        let families = list.split("    /// ").skip(1).filter_map(|family| {
            let line = family.split_once('\n')?.1.split(';').next()?;
            let (kind, pages) = line.split_once(':')?;
            Some(pages.split(',').map(|page| format!("{}::{}", kind.trim(), page.trim())).collect::<Vec<_>>())
        });
        let alone = list.rsplit_once("pages!(").unwrap().1.split_once(')').unwrap().0;
        families.flatten().chain(alone.split(',').map(|page| page.trim().to_owned())).collect()
    };
    assert_eq!(listed, pages());
}

#[test]
fn every_page_has_its_sections_and_an_example_that_runs() {
    for path in files(root().join("docs/errors"), "md") {
        let text = std::fs::read_to_string(&path).unwrap();
        let sections = SECTIONS.iter().all(|section| text.contains(section));
        let examples = text.matches("\n```rust\n").count();
        assert!(sections && examples == 1 && text.starts_with("# `"), "{}", path.display());
    }
}

#[test]
fn the_reader_of_sources_understands_them() {
    let source = "#[derive(Debug, thiserror::Error)]\npub enum AbcError {\n    /// Doc.\n    #[error(\"x\")]\n    OneTwo {\n        \
                  /// Doc.\n        Field: usize,\n    },\n    Three(String),\n}\n\n#[derive(thiserror::Error)]\n#[error(\"y\")]\n\
                  struct Alone;\n\n#[derive(Debug)]\nenum Other {\n    No,\n}\n";
    assert_eq!(kinds(source), ["abc_error::one_two", "abc_error::three", "alone"]);
}
