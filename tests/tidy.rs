//! Tidiness: what the house says of its own files, checked.
//!
//! Layers, headers, sizes, and the words that may not appear. A failure lists every offender with its line.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Each crate and the house crates that it may know.
const LAYERS: [(&str, &[&str]); 4] =
    [("graph", &[]), ("ops", &["graph"]), ("sparse", &["graph", "ops"]), ("rewrites", &["graph", "ops", "sparse"])];

/// Libraries that bring arrays or numbers, which the lowest layer must not know.
const NUMERIC: [&str; 3] = ["ndarray", "faer", "sprs"];

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 40;

struct Source {
    /// The path from the root of the workspace, with slashes.
    path: String,
    text: String,
}

impl Source {
    /// Numbered lines before the unit tests, which stand at the end of a file.
    fn library_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self.text.find("#[cfg(test)]\nmod tests {").unwrap_or(self.text.len());
        self.text[..end].lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Lines without comments and the contents of strings.
    fn code_lines(&self) -> impl Iterator<Item = (usize, String)> {
        self.lines().map(|(number, line)| (number, code_of(line)))
    }

    /// The lines that have one of these words, as offenders.
    fn lines_with<'a>(&'a self, words: &'a [String]) -> impl Iterator<Item = String> + 'a {
        let hit = |code: &str| words.iter().find(|word| code.contains(word.as_str())).cloned();
        self.code_lines().filter_map(move |(number, code)| Some(format!("{}:{number}: {}", self.path, hit(&code)?)))
    }
}

/// A line of Rust without its comment, strings emptied. Strings of several lines are not understood, and not used.
fn code_of(line: &str) -> String {
    let (mut code, mut in_string, mut escaped) = (String::new(), false, false);
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            _ if in_string => {}
            '/' if rest.peek() == Some(&'/') => break,
            '\'' => skip_char_literal(&mut rest),
            c => code.push(c),
        }
    }
    code
}

/// After an apostrophe: takes the rest of a literal such as `'{'`, and nothing of a lifetime.
fn skip_char_literal(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let mut ahead = rest.clone();
    let first = ahead.next();
    let length = match (first, ahead.next(), ahead.next()) {
        (Some('\\'), Some(_), Some('\'')) => 3,
        (Some(_), Some('\''), _) => 2,
        _ => 0,
    };
    for _ in 0..length {
        rest.next();
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files under some folders of the workspace.
fn sources(folders: &[&str]) -> Outcome<Vec<Source>> {
    let mut pending: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut sources = Vec::new();
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(root())?.to_string_lossy().replace('\\', "/");
                sources.push(Source { path: relative, text: fs::read_to_string(&path)? });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn library_sources() -> Outcome<Vec<Source>> {
    sources(&["graph/src", "ops/src", "sparse/src", "rewrites/src", "src"])
}

fn all_sources() -> Outcome<Vec<Source>> {
    let mut all = library_sources()?;
    all.extend(sources(&["examples", "tests", "benchmarks/src"])?);
    Ok(all)
}

fn refuse(rule: &str, offenders: Vec<String>) -> Outcome {
    if offenders.is_empty() { Ok(()) } else { Err(format!("{rule}:\n  {}", offenders.join("\n  ")).into()) }
}

/// The names in the dependency tables of a manifest; dev-dependencies count where `dev` says so.
fn dependencies(manifest: &str, dev: bool) -> Vec<&str> {
    let mut names = Vec::new();
    let mut counts = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_end_matches(']');
            counts = table.ends_with("dependencies") && (dev || !table.ends_with("dev-dependencies"));
        } else if counts && let Some(name) = line.split(['.', '=', ' ']).next().filter(|name| !name.is_empty()) {
            names.push(name);
        }
    }
    names
}

#[test]
fn a_crate_depends_only_on_the_layers_below_it() -> Outcome {
    let mut offenders = Vec::new();
    for (layer, known) in LAYERS {
        let path = format!("{layer}/Cargo.toml");
        let manifest = fs::read_to_string(root().join(&path))?;
        for name in dependencies(&manifest, true) {
            let house = name.strip_prefix("kronograph").map(|rest| rest.trim_start_matches('-'));
            let numeric = layer == "graph" && NUMERIC.contains(&name);
            if numeric || house.is_some_and(|house| !known.contains(&house)) {
                offenders.push(format!("{path}: {name}"));
            }
        }
    }
    refuse("a layer knows only those below it", offenders)
}

#[test]
fn sources_use_only_the_layers_below_them() -> Outcome {
    let mut offenders = Vec::new();
    for (layer, known) in LAYERS {
        let above =
            LAYERS.map(|(other, _)| other).into_iter().filter(|other| *other != layer && !known.contains(other));
        let mut words: Vec<String> = above.map(|other| format!("kronograph_{other}")).collect();
        words.push("kronograph::".to_owned());
        if layer == "graph" {
            words.extend(NUMERIC.map(|name| format!("{name}::")));
        }
        for source in sources(&[&format!("{layer}/src")])? {
            offenders.extend(source.lines_with(&words));
        }
    }
    refuse("a layer's sources use only those below it", offenders)
}

#[test]
fn every_file_says_what_it_holds() -> Outcome {
    let silent = |source: &Source| !source.text.starts_with("//! ");
    let offenders = all_sources()?.into_iter().filter(silent).map(|source| source.path).collect();
    refuse("a file begins with a `//!` header", offenders)
}

#[test]
fn files_are_short() -> Outcome {
    let mut offenders = Vec::new();
    for source in library_sources()?.iter() {
        let lines = source.library_lines().count();
        if lines > FILE_LINES {
            offenders.push(format!("{}: {lines} lines", source.path));
        }
    }
    refuse("a file has at most 400 lines before its tests", offenders)
}

#[test]
fn functions_are_short() -> Outcome {
    let mut sources = library_sources()?;
    sources.extend(self::sources(&["examples", "benchmarks/src"])?);
    let offenders = sources.iter().flat_map(long_functions).collect();
    refuse("a function has at most 40 lines", offenders)
}

/// Functions of too many lines, from the line of `fn` to that of the brace that closes it.
fn long_functions(source: &Source) -> Vec<String> {
    let lines: Vec<(usize, String)> = source.library_lines().map(|(number, line)| (number, code_of(line))).collect();
    let starts = lines.iter().enumerate().filter(|(_, (_, code))| begins_function(code));
    let long = starts.filter_map(|(at, (number, code))| {
        let length = function_length(lines[at..].iter().map(|(_, code)| code.as_str()))?;
        (length > FUNCTION_LINES).then(|| format!("{}:{number}: {length} lines: {}", source.path, code.trim()))
    });
    long.collect()
}

fn begins_function(code: &str) -> bool {
    let qualifies = |word: &str| word.starts_with("pub") || ["const", "async", "unsafe", "extern"].contains(&word);
    code.split_whitespace().find(|word| !qualifies(word)) == Some("fn")
}

/// The lines up to the closing brace; `None` for a declaration without a body.
fn function_length<'a>(lines: impl Iterator<Item = &'a str>) -> Option<usize> {
    let (mut depth, mut opened) = (0i64, false);
    for (count, code) in lines.enumerate() {
        for c in code.chars() {
            match c {
                '{' => (depth, opened) = (depth + 1, true),
                '}' => depth -= 1,
                ';' if !opened && depth == 0 && code.trim_end().ends_with(';') => return None,
                _ => {}
            }
        }
        if opened && depth <= 0 {
            return Some(count + 1);
        }
    }
    None
}

#[test]
fn unsafe_code_stays_in_kernels() -> Outcome {
    let mut offenders = Vec::new();
    for source in library_sources()?.iter().filter(|source| !source.path.contains("/kernels/")) {
        let mut lines = source.code_lines();
        let used = lines.find(|(_, code)| code.contains("unsafe") && !code.contains("(unsafe_"));
        offenders.extend(used.map(|(number, _)| format!("{}:{number}", source.path)));
    }
    for source in library_sources()?.iter().filter(|source| source.path.ends_with("src/lib.rs")) {
        if !["forbid", "deny"].iter().any(|level| source.text.contains(&format!("#![{level}(unsafe_code)]"))) {
            offenders.push(format!("{}: it must forbid unsafe code, or deny it outside of its kernels", source.path));
        }
    }
    refuse("unsafe code stays in kernels", offenders)
}

#[test]
fn nothing_is_left_unfinished() -> Outcome {
    let macros = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!"));
    let words = [&macros[..], &["#[ignore".to_owned()]].concat();
    let offenders = all_sources()?.iter().flat_map(|source| source.lines_with(&words).collect::<Vec<_>>()).collect();
    refuse("no unfinished code, and no ignored test", offenders)
}

#[test]
fn no_path_of_one_machine_is_named() -> Outcome {
    let machine = [concat!("/wo", "rk/"), concat!("../sha", "red"), concat!("/ho", "me/"), concat!("/tm", "p/")];
    let mut offenders = Vec::new();
    for source in all_sources()? {
        let named = source.lines().filter(|(_, line)| machine.iter().any(|path| line.contains(path)));
        offenders.extend(named.map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim())));
    }
    refuse("no path of one machine is named", offenders)
}

#[test]
fn headers_tell_the_truth_about_what_a_file_does_not_know() -> Outcome {
    let mut offenders = Vec::new();
    for source in all_sources()? {
        for name in strangers(&source.text) {
            let used = source.library_lines().find(|(_, line)| uses(&code_of(line), name));
            offenders.extend(used.map(|(number, _)| format!("{}:{number}: it must not know {name}", source.path)));
        }
    }
    refuse("a header that says `Must not know` is right", offenders)
}

/// The single words of a header's list `Must not know: a, b`; what is said in several words is for readers.
fn strangers(text: &str) -> Vec<&str> {
    let header = text.lines().take_while(|line| line.starts_with("//!"));
    let lists = header.filter_map(|line| line.split_once("Must not know: ").map(|(_, list)| list));
    let names = lists.flat_map(|list| list.trim_end_matches('.').split(", ")).map(|name| name.trim_matches('`'));
    names.filter(|name| !name.is_empty() && !name.contains(' ')).collect()
}

/// Whether a line of code names a module or crate in a path.
fn uses(code: &str, name: &str) -> bool {
    let words = |c: char| !c.is_alphanumeric() && c != '_';
    let in_path = code.trim_start().starts_with("use ") || code.contains("::");
    in_path && code.split(words).any(|word| word == name || word.strip_prefix("kronograph_") == Some(name))
}

#[test]
fn the_checks_see_what_they_look_for() {
    assert_eq!(code_of(r#"let a = "{ // \" }"; b['{'] // fn"#), "let a = ; b[] ");
    assert_eq!(code_of("fn f<'a>(x: &'a str) {"), "fn f<a>(x: &a str) {");
    let source = |text: &str| Source { path: "x.rs".to_owned(), text: text.to_owned() };
    let long = format!("pub(crate) const fn f(\n) {{\n{}}}\nfn g() {{}}\n", "    1;\n".repeat(FUNCTION_LINES));
    assert_eq!(long_functions(&source(&long)), ["x.rs:1: 43 lines: pub(crate) const fn f("]);
    assert!(long_functions(&source("trait T {\n    fn f(&self);\n}\n")).is_empty());
    assert_eq!(strangers("//! A.\n//!\n//! Must not know: `lu`, rewrites, the weather.\n"), ["lu", "rewrites"]);
    assert!(uses("use crate::lu::sparse_lu;", "lu") && uses("use kronograph_rewrites as r;", "rewrites"));
    assert!(!uses("let lu = 1;", "lu") && !uses("use crate::sparse_lu;", "lu"));
    let manifest = "[dependencies]\na.workspace = true\n\n[dev-dependencies]\nb = \"1\"\n\n[features]\nc = []\n";
    assert_eq!(dependencies(manifest, true), ["a", "b"]);
    assert_eq!(dependencies(manifest, false), ["a"]);
}
