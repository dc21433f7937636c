//! What the Kronecker and flow files ask for by names that are no functions of the library: compositions of those that
//! are, as entries of a registry.

use kronograph::graph::{Entry, OpRegistry, Params, Result as Built};
use kronograph::prelude::*;

/// The compositions that the registry does not hold by itself.
pub(crate) fn entries(registry: &OpRegistry) -> Vec<Entry> {
    let absent = TABLE.iter().filter(|(name, _)| registry.get(name).is_err());
    absent.map(|&(name, build)| Entry::function(name, "compositions", build, Vec::new)).collect()
}

type Build = fn(&Params<'_>, &[Variable]) -> Built<Vec<Variable>>;

const TABLE: &[(&str, Build)] = &[
    ("kron_matvec", product),
    ("kron_matmat", product),
    ("kron_solve", |_, x| Ok(vec![kron_solve(&x[..x.len() - 1], &x[x.len() - 1], Trans::No)?])),
    ("kron_slogdet", |_, x| determinant(&kron_all(x)?)),
    ("kron_det", |_, x| {
        let (sign, log) = slogdet(&kron_all(x)?)?;
        Ok(vec![mul(&sign, &exp(&log)?)?])
    }),
    ("kron_trace", |_, x| Ok(vec![sum(&diagonal_of(&kron_all(x)?)?)?])),
    ("kron_diag", |_, x| Ok(vec![sum_axes(&diagonal_of(&kron_all(x)?)?, &[1])?])),
    ("kron_quadratic", |_, x| Ok(vec![matmul(&x[2], &matmul(&kron_all(&x[..2])?, &x[2])?)?])),
    ("kron_inv_quadratic", |_, x| Ok(vec![matmul(&x[2], &kron_solve(&x[..2], &x[2], Trans::No)?)?])),
    ("kron_inverse", |_, x| Ok(vec![kron_solve(x, &eye(rows(&x[0]) * rows(&x[1]))?, Trans::No)?])),
    ("kron_mixed_product", |_, x| Ok(vec![matmul(&kron_all(&x[..2])?, &kron_all(&x[2..])?)?])),
    ("kron_plus_diag_logdet", |_, x| Ok(vec![slogdet(&kron_plus(x)?)?.1])),
    ("kron_plus_diag_solve", |_, x| Ok(vec![solve(&kron_plus(x)?, &x[3])?])),
    ("kron_plus_diag_quadratic", |_, x| Ok(vec![matmul(&x[3], &solve(&kron_plus(x)?, &x[3])?)?])),
    ("kronsum_matvec", |_, x| Ok(vec![times(&kronsum(x)?, &x[2])?])),
    ("kronsum_solve", |_, x| Ok(vec![kron_solve(&[kronsum(x)?], &x[2], Trans::No)?])),
    ("kronsum_slogdet", |_, x| determinant(&kronsum(x)?)),
    ("vec_axb", |_, x| {
        let column = reshape(&transpose(&x[1])?, [rows(&x[1]) * columns(&x[1])])?;
        Ok(vec![matmul(&kron(&x[2], &x[0])?, &column)?])
    }),
    ("sparse_kron", |_, x| Ok(vec![dense_from_sparse(&sparse_kron(&x[0], &x[1])?)?])),
    ("kron_flow_solve", |_, x| Ok(vec![kronecker_flow_solve(&x[2], &x[0], &x[1], &x[3])?])),
    ("kron_flow_solve_matrix", |_, x| Ok(vec![kronecker_flow_solve_matrix(&x[2], &x[0], &x[1], &x[3])?])),
    ("kron_flow_logdet", |_, x| Ok(vec![kronecker_flow_logdet(&x[2], &x[0], &x[1])?])),
    ("sparse_flow_solve", |_, x| Ok(vec![sparse_flow_solve(&x[3], &x[0], &x[1], &x[2], &x[4])?])),
    ("sparse_flow_solve_matrix", |_, x| Ok(vec![sparse_flow_solve_matrix(&x[3], &x[0], &x[1], &x[2], &x[4])?])),
    ("sparse_flow_logdet", |_, x| Ok(vec![sparse_flow_logdet(&x[3], &x[0], &x[1], &x[2])?])),
    ("sar_solve", |params, x| {
        let w = if params.flag("transposed")? { sparse_transpose(&x[1])? } else { x[1].clone() };
        Ok(vec![sparse_sar_solve(&w, &x[0], &x[2])?])
    }),
    ("sar_logdet", |_, x| Ok(vec![sar_logdet(&x[1], &x[0])?])),
    ("panel_sar_solve", |_, x| {
        let (n, length) = (rows(&x[1]), rows(&x[2]));
        let by_period = reshape(&x[2], [length / n, n])?;
        let solved = sparse_sar_solve(&x[1], &x[0], &transpose(&by_period)?)?;
        Ok(vec![reshape(&transpose(&solved)?, [length])?])
    }),
];

pub(crate) fn rows(x: &Variable) -> usize {
    x.ty().extents()[0].expect("the lengths of a case are known")
}

fn columns(x: &Variable) -> usize {
    x.ty().extents()[1].expect("the lengths of a case are known")
}

fn is_sparse(x: &Variable) -> bool {
    x.ty().to_string().starts_with("cs")
}

fn kron_all(factors: &[Variable]) -> Built<Variable> {
    let both = |a: &Variable, b: &Variable| if is_sparse(a) { sparse_kron(a, b) } else { kron(a, b) };
    factors[1..].iter().try_fold(factors[0].clone(), |product, factor| both(&product, factor))
}

fn times(a: &Variable, x: &Variable) -> Built<Variable> {
    if is_sparse(a) { structured_dot(a, x) } else { matmul(a, x) }
}

/// Sign and logarithm.
fn determinant(x: &Variable) -> Built<Vec<Variable>> {
    let (sign, log) = slogdet(x)?;
    Ok(vec![sign, log])
}

fn product(params: &Params<'_>, x: &[Variable]) -> Built<Vec<Variable>> {
    let all = kron_all(&x[..x.len() - 1])?;
    let all = match (params.flag("transpose")?, is_sparse(&all)) {
        (false, _) => all,
        (true, false) => transpose(&all)?,
        (true, true) => sparse_transpose(&all)?,
    };
    Ok(vec![times(&all, &x[x.len() - 1])?])
}

/// The diagonal, with zeros beside it.
fn diagonal_of(x: &Variable) -> Built<Variable> {
    mul(x, &eye(rows(x))?)
}

fn kron_plus(x: &[Variable]) -> Built<Variable> {
    let all = kron_all(&x[..2])?;
    add(&all, &mul(&x[2], &eye(rows(&all))?)?)
}

fn kronsum(x: &[Variable]) -> Built<Variable> {
    if is_sparse(&x[0]) {
        let (left, right) = (identity_like(&x[0])?, identity_like(&x[1])?);
        return sparse_kron(&x[0], &right)?.try_add(&sparse_kron(&left, &x[1])?);
    }
    add(&kron(&x[0], &eye(rows(&x[1]))?)?, &kron(&eye(rows(&x[0]))?, &x[1])?)
}
