//! What a workload is asked for, and the JSON line that it answers with.

use serde_json::{Map, Value, json};

use crate::timing::Timing;

/// The arguments of a workload: `[--case NAME]...`, all cases if none is named.
#[derive(Clone, Debug, Default)]
pub struct Options {
    cases: Vec<String>,
}

impl Options {
    /// Reads the arguments of the process.
    ///
    /// # Errors
    ///
    /// When an argument is not known.
    pub fn from_args() -> Result<Self, String> {
        let mut options = Self::default();
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match (argument.as_str(), arguments.next()) {
                ("--case", Some(case)) => options.cases.push(case),
                _ => return Err(format!("`{argument}` is not understood; the arguments are [--case NAME]...")),
            }
        }
        Ok(options)
    }

    /// The cases asked for, or all of them.
    pub fn cases(&self, all: &[impl AsRef<str>]) -> Vec<String> {
        match &self.cases[..] {
            [] => all.iter().map(|case| case.as_ref().to_owned()).collect(),
            asked => asked.to_vec(),
        }
    }
}

/// Prints one line with the timing, the checksums and further fields of a case. One thread is at work.
#[allow(clippy::print_stdout, reason = "the line is the result of the program")]
pub fn emit(workload: &str, case: &str, timing: &Timing, check: &[f64], more: Value) {
    let mut line = Map::new();
    let fields = json!({
        "workload": workload, "case": case, "peer": "kronograph", "threads": 1,
        "median_s": timing.median, "min_s": timing.least, "n": timing.samples, "cpu_s": timing.cpu,
        "check": check, "rss_mb": peak_memory(),
    });
    for part in [fields, more] {
        line.extend(part.as_object().cloned().unwrap_or_default());
    }
    println!("{}", Value::Object(line));
}

/// The peak of resident memory of the process so far, in MB, where the system tells.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some((kilobytes / 102.4).round() / 10.0)
}
