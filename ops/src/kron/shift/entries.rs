//! The entries of shifted Kronecker products, and where they are proved.
//!
//! A factor cannot be an argument: where one is needed, a matrix is given, whose lower triangle is read.

use std::sync::Arc;

use kronograph_graph::{Entry, Params, Result, Sample, SampleInput, Variable, apply};

use super::contract::KronShiftContract;
use super::logdet::{KronShiftLogdet, kron_shift_logdet};
use super::solve::{KronShiftSolve, solve_grid};
use crate::linalg::systems::positive;
use crate::linalg::{FactorType, eigh_factor};
use crate::params::some;
use crate::samples::{dense, given, narrowed, shaped};
use crate::tensor::Tensor;

const FAMILY: &str = "linear systems";

/// The entries of this folder.
pub(crate) fn entries() -> Vec<Entry> {
    vec![
        Entry::function("kron_shift_solve", FAMILY, build_solve, solve_samples)
            .parsed_by(|params| Ok(Arc::new(solve_of(params)?))),
        Entry::function("kron_shift_logdet", FAMILY, build_logdet, logdet_samples)
            .parsed_by(|params| Ok(Arc::new(KronShiftLogdet { factors: params.size("factors")? }))),
        Entry::function("kron_shift_contract", FAMILY, build_contract, contract_samples)
            .parsed_by(|params| Ok(Arc::new(contract_of(params)?))),
    ]
}

fn solve_of(params: &Params<'_>) -> Result<KronShiftSolve> {
    Ok(KronShiftSolve { factors: params.size("factors")?, axis: params.size("axis")? })
}

fn contract_of(params: &Params<'_>) -> Result<KronShiftContract> {
    let (factors, products) = (params.size("factors")?, params.size("products")?);
    Ok(KronShiftContract { factors, products, slot: params.size("slot")? })
}

/// The inputs, with the first of them as factors.
fn factored(params: &Params<'_>, inputs: &[Variable], count: usize) -> Result<Vec<Variable>> {
    let (matrices, rest) = some(params, inputs)?.split_at(count.min(inputs.len()));
    let factor = |x: &Variable| if x.type_as::<FactorType>().is_some() { Ok(x.clone()) } else { eigh_factor(x) };
    let mut all = matrices.iter().map(factor).collect::<Result<Vec<_>>>()?;
    all.extend_from_slice(rest);
    Ok(all)
}

fn build_solve(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let op = solve_of(params)?;
    let all = factored(params, inputs, op.factors)?;
    match &all[op.factors.min(all.len())..] {
        [s, b] => Ok(vec![solve_grid(&all[..op.factors], s, b, op.axis)?]),
        _ => Err(params.arity(op.factors + 2, inputs)),
    }
}

fn build_logdet(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let count = params.size("factors")?;
    let all = factored(params, inputs, count)?;
    let Some(s) = all.get(count) else { return Err(params.arity(count + 1, inputs)) };
    let (sign, log) = kron_shift_logdet(&all[..count], s)?;
    Ok(vec![sign, log])
}

fn build_contract(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let op = contract_of(params)?;
    Ok(vec![apply(op, &factored(params, inputs, op.factors)?)?])
}

fn twice_identity(n: usize) -> Tensor {
    shaped(&[n, n], (0..n * n).map(|k| if k % (n + 1) == 0 { 2.0 } else { 0.0 }).collect())
}

fn symmetric(orders: &[usize]) -> Vec<SampleInput> {
    orders.iter().zip(1..).map(|(&n, seed)| given(positive(&[n, n], seed))).collect()
}

fn system(name: &'static str, factors: Vec<SampleInput>, s: f64, b: &[usize], axis: usize) -> Sample {
    let count = factors.len();
    let inputs = factors.into_iter().chain([given(s), dense(b, (-2.0, 2.0), 9)]);
    Sample::new(name, inputs).with("factors", count).with("axis", axis)
}

fn solve_samples() -> Vec<Sample> {
    let equal = vec![given(twice_identity(2)), given(positive(&[2, 2], 3))];
    let narrow = vec![narrowed(&positive(&[2, 2], 1)), narrowed(&positive(&[2, 2], 2))];
    let single = [narrowed(&shaped(&[], vec![0.5])), narrowed(&shaped(&[2, 2], vec![1.0, -0.5, 0.25, 2.0]))];
    vec![
        system("two factors", symmetric(&[2, 3]), 0.7, &[2, 3], 0),
        system("columns", symmetric(&[2, 3]), 0.7, &[2, 3, 2], 0),
        system("rows before", symmetric(&[2, 2]), 0.7, &[3, 2, 2], 1),
        system("one factor", symmetric(&[3]), 0.4, &[3], 0),
        system("three factors", symmetric(&[2, 1, 2]), 0.4, &[2, 1, 2], 0),
        system("equal eigenvalues", equal, 0.5, &[2, 2], 0),
        system("a negative shift", symmetric(&[2, 2]), -0.3, &[2, 2], 0),
        system("order 1", symmetric(&[1, 1]), 0.3, &[1, 1], 0),
        system("order 0", symmetric(&[0, 2]), 0.3, &[0, 2], 0),
        system("no columns", symmetric(&[2, 2]), 0.3, &[2, 2, 0], 0),
        Sample::new("f32", narrow.into_iter().chain(single)).with("factors", 2usize).with("axis", 0usize).single(),
    ]
}

fn logdet_samples() -> Vec<Sample> {
    let of = |name, factors: Vec<SampleInput>, s: f64| {
        let count = factors.len();
        Sample::new(name, factors.into_iter().chain([given(s)])).with("factors", count)
    };
    let narrow = [narrowed(&positive(&[2, 2], 1)), narrowed(&shaped(&[], vec![0.5]))];
    vec![
        of("two factors", symmetric(&[2, 3]), 0.7),
        of("one factor", symmetric(&[3]), 0.7),
        of("three factors", symmetric(&[2, 1, 2]), 0.7),
        of("equal eigenvalues", vec![given(twice_identity(2)), given(twice_identity(2))], 0.5),
        of("a large shift", symmetric(&[2, 2]), 1e3),
        of("a negative shift", symmetric(&[2, 2]), -0.3),
        of("order 1", symmetric(&[1, 1]), 0.3),
        of("order 0", symmetric(&[0, 2]), 0.3),
        Sample::new("f32", narrow).with("factors", 1usize).single(),
    ]
}

fn contract_samples() -> Vec<Sample> {
    let of = |name, factors: Vec<SampleInput>, orders: &[usize], products: usize, slot: usize| {
        let count = factors.len();
        let all = (0..products * count).filter(|at| *at != (products - 1) * count + slot);
        let matrices = all.map(|at| dense(&[orders[at % count]; 2], (-1.0, 1.0), at as u64 + 20));
        let inputs = factors.into_iter().chain([given(0.7)]).chain(matrices);
        Sample::new(name, inputs).with("factors", count).with("products", products).with("slot", slot)
    };
    let equal = vec![given(twice_identity(2)), given(positive(&[2, 2], 3))];
    vec![
        of("one product", symmetric(&[2, 3]), &[2, 3], 1, 0),
        of("one product, by its last matrix", symmetric(&[2, 3]), &[2, 3], 1, 1),
        of("two products", symmetric(&[2, 2]), &[2, 2], 2, 0),
        of("two products, by the last matrix", symmetric(&[3, 2]), &[3, 2], 2, 1),
        of("three products", symmetric(&[2, 2]), &[2, 2], 3, 1),
        of("one factor", symmetric(&[3]), &[3], 2, 0),
        of("three factors", symmetric(&[2, 1, 2]), &[2, 1, 2], 2, 2),
        of("equal eigenvalues", equal, &[2, 2], 2, 0),
        of("order 1", symmetric(&[1, 1]), &[1, 1], 2, 0),
        of("order 0", symmetric(&[0, 2]), &[0, 2], 2, 1),
    ]
}
