//! The ops of cases by name.

use kronograph::graph::Result as Built;
use kronograph::prelude::*;
use serde_json::Value as Json;

/// Outputs from a case and its inputs as variables.
pub(crate) type Build = fn(&Json, &[Variable]) -> Built<Vec<Variable>>;

/// Ops that cannot be run yet, and what is missing.
pub(crate) const UNSUPPORTED: &[(&str, &str)] = &[
    ("kron_cholesky", "no op returns a Cholesky factor as a matrix"),
    ("expm_kronsum", "there is no matrix exponential"),
    ("expm_kronsum_action", "there is no matrix exponential"),
];

/// Also not supported: sparse inputs of two formats, since no op changes the format of a variable.
pub(crate) fn is_unsupported(case: &Json) -> bool {
    let mut formats: Vec<&str> =
        case["inputs"].as_array().unwrap().iter().filter_map(|x| x["format"].as_str()).collect();
    formats.dedup();
    formats.len() > 1 || UNSUPPORTED.iter().any(|(name, _)| case["op"] == *name)
}

/// Whether W may be a constant, which makes other routes of the same functions.
pub(crate) fn keeps_weights_constant(case: &Json) -> bool {
    let op = case["op"].as_str().unwrap();
    ["flow", "sar"].iter().any(|word| op.to_lowercase().contains(word))
}

pub(crate) fn find(case: &Json) -> Option<Build> {
    let name = case["op"].as_str().unwrap();
    TABLE.iter().find(|(known, _)| *known == name).map(|(_, build)| *build)
}

const TABLE: &[(&str, Build)] = &[
    ("kron_matvec", product),
    ("kron_matmat", product),
    ("kron_solve", |_, x| Ok(vec![kron_solve(&x[..x.len() - 1], &x[x.len() - 1], Trans::No)?])),
    ("kron_slogdet", |case, x| determinant(case, &kron_all(x)?)),
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
    ("kronsum_slogdet", |case, x| determinant(case, &kronsum(x)?)),
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
    ("sar_solve", |case, x| {
        let w = if case["params"]["transposed"] == true { sparse_transpose(&x[1])? } else { x[1].clone() };
        Ok(vec![sparse_sar_solve(&w, &x[0], &x[2])?])
    }),
    ("sar_logdet", |_, x| Ok(vec![sar_logdet(&x[1], &x[0])?])),
    ("panel_sar_solve", |_, x| {
        let (n, length) = (rows(&x[1]), rows(&x[2]));
        let by_period = reshape(&x[2], [length / n, n])?;
        let solved = sparse_sar_solve(&x[1], &x[0], &transpose(&by_period)?)?;
        Ok(vec![reshape(&transpose(&solved)?, [length])?])
    }),
    ("chain:gaussian flow SAR log-likelihood", flow_likelihood),
    ("chain:GP log marginal likelihood with kron(K1, K2) + s^2 I", process_likelihood),
];

fn rows(x: &Variable) -> usize {
    x.ty().extents()[0].unwrap()
}

fn columns(x: &Variable) -> usize {
    x.ty().extents()[1].unwrap()
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

/// Sign and logarithm, or the logarithm alone.
fn determinant(case: &Json, x: &Variable) -> Built<Vec<Variable>> {
    let (sign, log) = slogdet(x)?;
    let only = case["outputs"].as_array().is_some_and(|outputs| outputs.len() == 1);
    Ok(if only { vec![log] } else { vec![sign, log] })
}

fn product(case: &Json, x: &[Variable]) -> Built<Vec<Variable>> {
    let all = kron_all(&x[..x.len() - 1])?;
    let all = match (case["params"]["transpose"] == true, is_sparse(&all)) {
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

/// `ln|L_o ⊗ L_d| - N ln s - |A y - X β|² / (2 s²)`, of rho_d, rho_o, s, β, W, X, y.
fn flow_likelihood(_: &Json, x: &[Variable]) -> Built<Vec<Variable>> {
    let [rho_d, rho_o, s, beta, w, design, y] = x else { unreachable!("seven inputs") };
    let n = rows(w);
    let filter = |rho: &Variable, grid: &Variable, axis| {
        sub(grid, &mul(rho, &kronograph::sparse::structured_dot_along(w, grid, axis, Trans::No)?)?)
    };
    let filtered = filter(rho_o, &filter(rho_d, &reshape(y, [n, n])?, 1)?, 0)?;
    let residual = sub(&reshape(&filtered, [n * n])?, &matmul(design, beta)?)?;
    let fit = true_div(&sum(&sqr(&residual)?)?, &mul(2.0, &sqr(s)?)?)?;
    let logdet = kronecker_flow_logdet(w, rho_d, rho_o)?;
    Ok(vec![sub(&sub(&logdet, &mul((n * n) as f64, &log(s)?)?)?, &fit)?])
}

/// `-½ yᵀ K⁻¹ y - ½ ln|K|` with `K = K_1 ⊗ K_2 + s² I`, of l_1, l_2, s, x_1, x_2, y.
fn process_likelihood(_: &Json, x: &[Variable]) -> Built<Vec<Variable>> {
    let covariance = |at: &Variable, length: &Variable| {
        let apart = sub(&expand_dims(at, &[1])?, &expand_dims(at, &[0])?)?;
        exp(&mul(-0.5, &sqr(&true_div(&apart, length)?)?)?)
    };
    let factors = [covariance(&x[3], &x[0])?, covariance(&x[4], &x[1])?, sqr(&x[2])?];
    let k = kron_plus(&factors)?;
    let fit = matmul(&x[5], &solve(&k, &x[5])?)?;
    Ok(vec![mul(-0.5, &add(&fit, &slogdet(&k)?.1)?)?])
}
