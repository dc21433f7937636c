//! What several examples need: a table of numbers, the folder of the data, Newton's method, L-BFGS, three models.

#![allow(dead_code, reason = "each example needs a part of it")]

pub(crate) mod digits;
pub(crate) mod flow_lag;
pub(crate) mod lbfgs;
pub(crate) mod newton;
pub(crate) mod spatial_lag;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Runs an example on the folder of its data: the program's argument, else `<name>` in the folder that the variable
/// `KRONOGRAPH_DATA` names, else `data/<name>` of the repository. Exit status 2 where one of the files is absent.
pub(crate) fn with_data(name: &str, files: &[&str], example: impl FnOnce(&Path) -> Outcome) -> ExitCode {
    let built_in = || Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let all = || std::env::var_os("KRONOGRAPH_DATA").map_or_else(built_in, PathBuf::from).join(name);
    let folder = std::env::args_os().nth(1).map_or_else(all, PathBuf::from);
    if let Some(file) = files.iter().find(|file| !folder.join(file).is_file()) {
        eprintln!("the data is absent: there is no {file} in {}; the folder is the argument", folder.display());
        return ExitCode::from(2);
    }
    match example(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A file of comma-separated values with a line of names.
pub(crate) struct Table {
    name: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn read(path: &Path) -> Outcome<Self> {
        let text = std::fs::read_to_string(path)?;
        let fields = |line: &str| line.split(',').map(|field| field.trim().to_owned()).collect::<Vec<_>>();
        let mut lines = text.lines().map(fields);
        let columns = lines.next().unwrap_or_default();
        let (name, rows) = (path.display().to_string(), lines.collect::<Vec<_>>());
        match rows.iter().position(|row| row.len() != columns.len()) {
            Some(at) => Err(format!("{name}, line {}: {} fields are needed", at + 2, columns.len()).into()),
            None => Ok(Self { name, columns, rows }),
        }
    }

    /// A column as it is written.
    pub(crate) fn words(&self, column: &str) -> Outcome<Vec<&str>> {
        let absent = || format!("{}: there is no column `{column}`", self.name);
        let at = self.columns.iter().position(|name| name == column).ok_or_else(absent)?;
        Ok(self.rows.iter().map(|row| &*row[at]).collect())
    }

    /// A column of numbers.
    pub(crate) fn numbers(&self, column: &str) -> Outcome<Vec<f64>> {
        let wrong = || format!("{}: no number in column `{column}`", self.name);
        self.words(column)?.into_iter().map(|word| word.parse().map_err(|_| wrong().into())).collect()
    }
}
