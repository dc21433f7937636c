//! What was proved, as a table, and which ops there are to prove.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use kronograph::graph::{Entry, Sample};

use crate::Property;

/// What was proved of an entry, on how many samples.
#[derive(Debug, Default)]
pub(crate) struct Row {
    proved: BTreeMap<Property, usize>,
    samples: usize,
    is_op: bool,
    aliases: Vec<&'static str>,
    why: Option<String>,
    pub(crate) faults: Vec<String>,
    /// Ops without an entry, in its expressions and their gradients.
    pub(crate) unregistered: BTreeSet<String>,
    /// Whether an op of the entry's name was seen.
    pub(crate) reached: bool,
    /// How many slopes were measured.
    pub(crate) measured: usize,
    /// Whether the derivatives depend on nothing.
    pub(crate) linear: bool,
    /// Whether an inferred length was left open.
    pub(crate) open_lengths: bool,
    pub(crate) forward_rule: Option<bool>,
}

impl Row {
    pub(crate) fn new(entry: &Entry) -> Self {
        let none = entry.why_without_derivative().map(|why| format!("{why:?}").to_lowercase());
        let why = none.or(entry.moves_with_its_distribution().then(|| "of its distribution".to_owned()));
        Self { is_op: entry.is_op(), aliases: entry.aliases().to_vec(), why, ..Self::default() }
    }

    pub(crate) fn prove(&mut self, property: Property) {
        *self.proved.entry(property).or_default() += 1;
    }

    /// What must hold of all samples together.
    pub(crate) fn close(&mut self, entry: &Entry, samples: &[Sample]) {
        self.samples = samples.len();
        let mut fault = |text: &str| self.faults.push(format!("{}: {text}", entry.name()));
        if samples.is_empty() {
            fault("it has no samples");
        }
        let without_slopes = entry.why_without_derivative().is_some() || entry.moves_with_its_distribution();
        match (without_slopes, self.measured) {
            (false, 0) => fault("no derivative was measured on any sample"),
            (true, 1..) => fault("it is said to have no slopes, and some were measured"),
            _ => {}
        }
        if entry.is_op() && !self.reached {
            fault("its samples do not make an op of its name");
        }
    }

    fn cell(&self, property: Property) -> String {
        let derivative = matches!(property, Property::LOp | Property::ROp | Property::SecondOrder);
        match (self.proved.get(&property), &self.why) {
            (_, Some(why)) if derivative => why.clone(),
            (Some(_), _) if property == Property::ROp && self.forward_rule == Some(false) => "from L_op".to_owned(),
            (Some(_), _) if property == Property::Shape && self.open_lengths => "in part".to_owned(),
            (Some(_), _) => "yes".to_owned(),
            (None, _) if property == Property::SecondOrder && self.linear => "zero".to_owned(),
            (None, _) => "-".to_owned(),
        }
    }
}

const COLUMNS: [(Property, &str); 8] = [
    (Property::Value, "value"),
    (Property::Shape, "shape"),
    (Property::Buffers, "buffers"),
    (Property::LOp, "L_op"),
    (Property::ROp, "R_op"),
    (Property::SecondOrder, "second order"),
    (Property::Identity, "identity"),
    (Property::Threads, "threads"),
];

fn table(rows: &BTreeMap<(&str, &str), Row>) -> String {
    let ops = rows.values().filter(|row| row.is_op).count();
    let samples: usize = rows.values().map(|row| row.samples).sum();
    let mut text = format!(
        "# What is proved of every op\n\nMade by `cargo test --test proof` from the registry: {ops} ops and {} functions \
         made of them, on {samples} samples.\nA derivative that does not exist is named with its reason; `from L_op`: \
         the forward derivative is the reverse one pulled back twice; `zero`: the derivative is constant; `in part`: some \
         lengths are known only from the result; `of its distribution`: that of a random draw, which no slope at fixed \
         random words shows; it has tests of its own.\n",
        rows.len() - ops
    );
    let mut family = "";
    for ((heading, name), row) in rows {
        if *heading != family {
            family = heading;
            let titles: Vec<&str> = COLUMNS.iter().map(|(_, title)| *title).collect();
            let rule = "|---".repeat(COLUMNS.len() + 2);
            write!(text, "\n## {family}\n\n| | samples | {} |\n{rule}|\n", titles.join(" | ")).unwrap();
        }
        let cells: Vec<String> = COLUMNS.iter().map(|(property, _)| row.cell(*property)).collect();
        let names: Vec<String> = std::iter::once(name).chain(&row.aliases).map(|name| format!("`{name}`")).collect();
        let name = names.join(", ") + if row.is_op { "" } else { " (function)" };
        writeln!(text, "| {name} | {} | {} |", row.samples, cells.join(" | ")).unwrap();
    }
    text
}

/// Writes the table where it has changed, and says so.
pub(crate) fn compare_with_file(rows: &BTreeMap<(&str, &str), Row>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/coverage.md");
    let text = table(rows);
    if std::fs::read_to_string(&path).unwrap_or_default() != text {
        std::fs::write(&path, text).unwrap();
        panic!("docs/coverage.md was out of date, and has been written: look at it and commit it");
    }
}

/// Ops of more than one name, which their sources do not spell where they are told.
const OF_SEVERAL_NAMES: [(&str, &[&str]); 21] = [
    ("CsmPart", &["csm_indices", "csm_indptr", "csm_shape", "nnz"]),
    ("Stack", &["hstack", "vstack", "sparse_block_diag"]),
    ("Like", &["sp_ones_like", "sp_zeros_like"]),
    ("GradientRule", &["stop_gradient", "zero_grad", "undefined_grad", "grad_scale"]),
    ("TriangularPart", &["tril", "triu"]),
    ("Eigh", &["eigh", "eigvalsh"]),
    ("DenseFactor", &["lu_factor", "cholesky_factor", "eigh_factor", "triangular_factor", "banded_factor"]),
    ("Dimshuffle", &["dimshuffle"]),
    ("Elemwise", &["add"]),
    ("IncSubtensor", &["inc_subtensor", "set_subtensor"]),
    ("AdvancedIncSubtensor", &["advanced_inc_subtensor"]),
    ("Truth", &["all", "any"]),
    ("Softmax", &["softmax", "log_softmax"]),
    ("Scale", &["col_scale", "row_scale"]),
    ("MulSD", &["mul_s_d", "true_div_s_d"]),
    ("Compare", &["compare_s_s", "compare_s_d", "compare_s_scalar"]),
    ("Extremum", &["max", "min"]),
    ("Cumulative", &["cumsum", "cumprod"]),
    ("ArgExtremum", &["argmax", "argmin"]),
    ("StandardDraw", &["random_standard_uniform", "random_standard_normal", "random_standard_exponential"]),
    ("DiscreteDraw", &["random_bernoulli", "random_poisson", "random_binomial", "random_negative_binomial"]),
];

/// The name of an op made from an expression is its user's business.
const NAMED_BY_USERS: &str = "OpFromGraph";

/// The ops that the sources of the crates name.
pub(crate) fn declared() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for layer in ["graph/src", "ops/src", "sparse/src"] {
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(layer), &mut names);
    }
    names
}

fn read(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            code.join("\n").split("\nimpl Op for ").skip(1).for_each(|block| names.extend(names_of(&path, block)));
        }
    }
}

/// The names of the op that a block `impl Op for` is about.
fn names_of(path: &Path, block: &str) -> Vec<String> {
    let ty = block.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let name = block.split_once("fn name(&self) -> Cow<'static, str> {\n").map_or("", |(_, rest)| rest.trim_start());
    match name.strip_prefix('"').and_then(|rest| rest.split_once("\".into()")) {
        Some((name, _)) => vec![name.to_owned()],
        None if ty == NAMED_BY_USERS => Vec::new(),
        None => {
            let known = OF_SEVERAL_NAMES.iter().find(|(of, _)| *of == ty);
            let (_, names) = known.unwrap_or_else(|| panic!("{}: what is {ty} called?", path.display()));
            names.iter().map(|name| (*name).to_owned()).collect()
        }
    }
}
