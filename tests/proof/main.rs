//! The proof of every op and function in the registry, on its own samples, without anyone remembering to add it.
//!
//! For each entry, each sample and each typing of its inputs (lengths open, lengths known): declared types against
//! real ones, inferred shapes against real ones, single nodes performed into dirty, wrong and shared buffers and on
//! strided inputs, shared storage against what is declared, both modes of derivatives against each other and against
//! measured slopes, the same of the derivatives, equal ops, parameters printed and read back, eight threads to the bit.
//!
//! The table of what was proved is `docs/coverage.md`. To prove some entries only, name them:
//! `PROOF=sum,softmax cargo test --release --test proof`.

#![allow(clippy::unwrap_used, reason = "tests")]

mod beyond;
mod checks;
mod coverage;
mod derivatives;
mod node;
mod subject;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use kronograph::graph::Entry;

use crate::coverage::Row;

/// What is proved of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Property {
    Value,
    Shape,
    Buffers,
    LOp,
    ROp,
    SecondOrder,
    Identity,
    Threads,
}

fn chosen() -> Vec<Entry> {
    let names = std::env::var("PROOF").unwrap_or_default();
    let names: Vec<&str> = names.split(',').filter(|name| !name.is_empty()).collect();
    kronograph::registry().iter().filter(|entry| names.is_empty() || names.contains(&entry.name())).cloned().collect()
}

#[test]
fn every_entry_is_proved_on_its_samples() {
    let entries = chosen();
    assert!(!entries.is_empty(), "no entry has such a name");
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let work = || {
        while let Some(entry) = entries.get(next.fetch_add(1, Ordering::Relaxed)) {
            let row = checks::prove(entry);
            rows.lock().unwrap().insert((entry.family(), entry.name()), row);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let rows: BTreeMap<_, Row> = rows.into_inner().unwrap();
    let faults: Vec<&String> = rows.values().flat_map(|row| &row.faults).collect();
    let texts: Vec<String> = faults.iter().map(|fault| format!("* {fault}")).collect();
    assert!(faults.is_empty(), "{} fault(s) in {} entries:\n{}", faults.len(), rows.len(), texts.join("\n"));
    let unregistered: BTreeSet<&String> = rows.values().flat_map(|row| &row.unregistered).collect();
    if !unregistered.is_empty() {
        eprintln!("ops without an entry: {unregistered:?}");
    }
    if entries.len() == kronograph::registry().iter().count() {
        assert!(unregistered.is_empty(), "ops without an entry: {unregistered:?}");
        coverage::compare_with_file(&rows);
    }
}

#[test]
fn every_op_in_the_sources_is_in_the_registry() {
    let (declared, registry) = (coverage::declared(), kronograph::registry());
    let absent: Vec<&String> = declared
        .iter()
        .filter(|name| registry.get(name).is_ok_and(|entry| !entry.is_op()) || registry.get(name).is_err())
        .collect();
    assert!(absent.is_empty(), "ops without an entry: {absent:?}");
    assert!(declared.len() > 80, "the sources name {} ops", declared.len());
}
