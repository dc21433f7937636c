//! Runs cases with inputs, outputs and derivatives that other libraries computed.
//!
//! A file holds a group of cases. A case names an op, which is looked up in the registry, or a composition of them
//! (`chain:` and an expression). Values, gradients, forward derivatives, products with the Hessian and Hessians are
//! compared, as written and as rewritten; calls that must be refused are made.

mod case;
mod datum;
mod expression;
mod kronecker;
mod model;
mod refusal;
mod report;
mod sparse;

use std::path::{Path, PathBuf};

pub use report::{Outcome, Report, Verdict};

/// Runs every `*.json` of the folders.
///
/// # Errors
///
/// A folder or file that cannot be read, or that is no file of cases.
pub fn run_folders(folders: &[PathBuf]) -> Result<Report, String> {
    let mut report = Report::default();
    for path in files(folders)? {
        run_file(&path, &mut report)?;
    }
    Ok(report)
}

fn files(folders: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for folder in folders {
        let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries {
            files.push(entry.map_err(|error| error.to_string())?.path());
        }
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    Ok(files)
}

fn run_file(path: &Path, report: &mut Report) -> Result<(), String> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    let file: serde_json::Value = serde_json::from_str(&text).map_err(|error| format!("{name}: {error}"))?;
    let Some(cases) = file["cases"].as_array() else { return Err(format!("{name}: it has no list of cases")) };
    let registry = case::registry();
    for case in cases {
        report.add(&name, case, case::run(&registry, &name, case));
    }
    Ok(())
}
