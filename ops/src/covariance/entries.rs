//! The registry's view of covariances: what is done with one, for a structure that a parameter names.
//!
//! The parameters are `structure` and `n`; the inputs are the raw parameters, and what is worked on. Operators are
//! proved on fixed operands, of which the first has order n.

use kronograph_graph::{BuildError, Entry, Params, Prop, Result, Sample, Variable};

use super::built::Covariance;
use super::dummy::Dummy;
use super::gaussian::Constants;
use super::gram::GramProduct;
use super::structure::Structure;
use crate::params::exactly;
use crate::samples::{dense, given, narrowed, spread_over};
use crate::tensor::{Tensor, constant};

const FAMILY: &str = "covariance";

/// The entries of this folder.
pub(crate) fn entries() -> Vec<Entry> {
    let entry = |name, build: Build, samples: fn() -> Vec<Sample>| Entry::function(name, FAMILY, build, samples);
    vec![
        entry("covariance_matrix", |p, x| one(p, x, Covariance::matrix), of_parameters),
        entry("covariance_diagonal", |p, x| one(p, x, Covariance::diagonal), diagonals),
        entry("covariance_logdet", |p, x| one(p, x, Covariance::logdet), of_covariances),
        entry("covariance_matmul", |p, x| two(p, x, Covariance::matmul), || on_vectors(|_| true)),
        entry("covariance_solve", |p, x| two(p, x, Covariance::solve), solutions),
        entry("covariance_whiten", |p, x| two(p, x, whitened), || on_vectors(|row| row.1 == Use::Whitened)),
        entry("covariance_cholesky_matmul", |p, x| two(p, x, Covariance::cholesky_matmul), || on_vectors(ours)),
        entry("covariance_logp", |p, x| two(p, x, |v, y| v.logp(y, &constant(0.0))), || on_vectors(ours)),
        entry("covariance_reml", restricted, with_effects),
    ]
}

type Build = fn(&Params<'_>, &[Variable]) -> Result<Vec<Variable>>;

/// The structures by name: whether it is a covariance, whether it is whitened, and how it is made for an order.
type Row = (&'static str, Use, fn(usize) -> Result<Structure>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Matrix,
    Covariance,
    Whitened,
}

const STRUCTURES: &[Row] = &[
    ("scalar", Use::Whitened, Structure::scalar),
    ("diagonal", Use::Whitened, Structure::diagonal),
    ("equicorrelation", Use::Whitened, Structure::equicorrelation),
    ("compound_symmetric", Use::Whitened, Structure::compound_symmetric),
    ("ar1", Use::Whitened, Structure::ar1),
    ("unconstrained", Use::Covariance, Structure::unconstrained),
    ("equal_entry", Use::Matrix, |n| Structure::equal_entry(n, 2)),
    ("lower_triangular", Use::Matrix, |n| Structure::lower_triangular(n, 2)),
    ("kronecker_product", Use::Whitened, product),
    ("block_diagonal", Use::Whitened, |n| Structure::block_diagonal([Structure::ar1(n)?, Structure::scalar(1)?])),
    ("sum", Use::Covariance, |n| Structure::sum([Structure::ar1(n)?, Structure::compound_symmetric(n)?])),
    ("shifted_product", Use::Covariance, |n| Structure::sum([product(n)?, Structure::scalar(2 * n)?])),
    ("hadamard_product", Use::Covariance, |n| {
        Structure::hadamard_product([Structure::ar1(n)?, Structure::equicorrelation(n)?])
    }),
    ("gram", Use::Whitened, |n| Structure::gram([Structure::lower_triangular(n, n)?], GramProduct::XXt)),
    ("covariance_propagation", Use::Matrix, |n| {
        let z = Structure::dummy(&Dummy::of((0..n + 1).map(|k| (k % n).to_string())))?;
        Structure::covariance_propagation([("Z", z), ("G", Structure::ar1(n)?)])
    }),
    ("product", Use::Matrix, |n| Structure::product([Structure::ar1(n)?, Structure::lower_triangular(n, 2)?])),
    ("transpose", Use::Matrix, |n| Structure::transpose([Structure::lower_triangular(n, 2)?])),
    ("inverse", Use::Covariance, |n| Structure::inverse([Structure::ar1(n)?])),
    ("augment", Use::Matrix, |n| Structure::augment([Structure::scalar(n)?, Structure::equal_entry(n, 1)?])),
    ("stack", Use::Matrix, |n| Structure::stack([Structure::scalar(n)?, Structure::equal_entry(1, n)?])),
];

fn product(n: usize) -> Result<Structure> {
    Structure::kronecker_product([Structure::ar1(n)?, Structure::compound_symmetric(2)?])
}

/// The covariance that the parameters name, on the first input.
#[track_caller]
fn covariance(params: &Params<'_>, raw: &Variable) -> Result<Covariance> {
    let name = params.maybe_word("structure")?.unwrap_or_default();
    match STRUCTURES.iter().find(|row| row.0 == name) {
        Some((_, _, make)) => make(params.size("n")?)?.build(raw),
        None => Err(params.wrong("structure", "the name of one", &Prop::Word(name.to_owned().into()))),
    }
}

fn one(params: &Params<'_>, x: &[Variable], f: fn(&Covariance) -> Result<Variable>) -> Result<Vec<Variable>> {
    let [raw] = exactly(params, x)?;
    Ok(vec![f(&covariance(params, raw)?)?])
}

fn two(
    params: &Params<'_>,
    x: &[Variable],
    f: fn(&Covariance, &Variable) -> Result<Variable>,
) -> Result<Vec<Variable>> {
    let [raw, b] = exactly(params, x)?;
    Ok(vec![f(&covariance(params, raw)?, b)?])
}

fn whitened(v: &Covariance, x: &Variable) -> Result<Variable> {
    v.whiten_axis(x, 0)?.ok_or_else(|| BuildError::parameter("covariance_whiten", "it is not whitened"))
}

fn restricted(params: &Params<'_>, x: &[Variable]) -> Result<Vec<Variable>> {
    let [raw, y, effects] = exactly(params, x)?;
    Ok(vec![covariance(params, raw)?.reml(y, effects, Constants::Omitted)?])
}

/// Each of some structures, with raw parameters around 0.3 and what is worked on.
fn samples(of: impl Fn(&Row) -> bool, on: impl Fn(&Structure) -> Vec<Tensor>) -> Vec<Sample> {
    let mut samples = Vec::new();
    for row in STRUCTURES.iter().filter(|row| of(row)) {
        // The powers of ρ begin to differ from order 3 on.
        let (name, n) = (row.0, if row.0 == "ar1" { 3usize } else { 2 });
        let structure = row.2(n).expect("all of them have such orders");
        let count = structure.free_parameters().count();
        let inputs = std::iter::once(spread_over(&[count], (0.1, 0.5), 1)).chain(on(&structure));
        samples.push(Sample::new(name, inputs.map(given)).with("structure", name).with("n", n));
    }
    samples
}

/// A right-hand side with some axes behind the first.
fn behind(structure: &Structure, columns: &[usize]) -> Tensor {
    spread_over(&[&[structure.shape()[1]], columns].concat(), (-2.0, 2.0), 2)
}

/// Those that are put together from others in ways of their own.
fn ours(row: &Row) -> bool {
    ["ar1", "kronecker_product", "shifted_product", "gram"].contains(&row.0)
}

/// At a correlation of zero, of the least orders, and of f32.
fn special() -> Vec<Sample> {
    let of = |name, structure: &'static str, n: usize, input| {
        Sample::new(name, [input]).with("structure", structure).with("n", n)
    };
    vec![
        of("no correlation", "ar1", 3, given(vec![0.0, 0.0])),
        of("order 2", "ar1", 2, given(vec![0.1, -0.4])),
        of("order 1", "scalar", 1, given(vec![0.1])),
        of("f32", "ar1", 2, narrowed(&spread_over(&[2], (0.1, 0.5), 1))).single(),
    ]
}

fn of_parameters() -> Vec<Sample> {
    [samples(|_| true, |_| Vec::new()), special()].concat()
}

fn diagonals() -> Vec<Sample> {
    samples(ours, |_| Vec::new())
}

fn of_covariances() -> Vec<Sample> {
    [samples(|row| row.1 != Use::Matrix, |_| Vec::new()), special()].concat()
}

fn on_vectors(of: fn(&Row) -> bool) -> Vec<Sample> {
    samples(of, |structure| vec![behind(structure, &[])])
}

fn solutions() -> Vec<Sample> {
    let mut samples = on_vectors(|row| row.1 != Use::Matrix);
    let columns = |name, shape: &[usize]| {
        let inputs = [dense(&[2], (0.1, 0.5), 1), dense(shape, (-2.0, 2.0), 2)];
        Sample::new(name, inputs).with("structure", "ar1").with("n", 3usize)
    };
    samples.extend([columns("columns", &[3, 2]), columns("no columns", &[3, 0])]);
    samples
}

fn with_effects() -> Vec<Sample> {
    samples(ours, |structure| vec![behind(structure, &[]), behind(structure, &[1])])
}
