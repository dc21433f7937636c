//! The entries of flow systems: with weights that are variables, and with constant ones, which are decomposed.

use kronograph_graph::{Entry, Params, Result, Sample, SampleInput, Variable};
use kronograph_ops::params::exactly;
use kronograph_ops::samples::dense;

use super::{
    kronecker_flow_logdet, kronecker_flow_solve, kronecker_flow_solve_matrix, sar_logdet, sparse_flow_logdet,
    sparse_flow_solve, sparse_flow_solve_matrix, sparse_sar_solve,
};
use crate::convert::{from_triplets, sparse_constant};
use crate::matrix::{Format, SparseMatrix};
use crate::samples::{both_formats, weights};
use crate::spectral::{spectral_flow_solve, spectrum};
use crate::ty::is_sparse;

const FAMILY: &str = "flow systems";

type Build = fn(&Params<'_>, &[Variable]) -> Result<Vec<Variable>>;

/// Inputs stand in the order of the formula: the coefficients, the weights, the right-hand side. Where the weights are no input, the parameter `weights`
/// names constant ones: `directed`, whose eigenvalues are complex, or `similar`, to a symmetric matrix.
pub(crate) fn entries() -> Vec<Entry> {
    let system = |name, build: Build, shape: &'static [usize], rhos: usize| {
        let samples = move || both_formats(|format| vec![system(format, rhos, Some(shape))]);
        Entry::function(name, FAMILY, build, samples)
    };
    let logdet = |name, build: Build, rhos: usize| {
        let samples = move || {
            let mut samples = both_formats(|format| vec![system_of(format, rhos)]);
            samples.extend(constant_weights().map(|weights| Sample::new(weights, rho(rhos)).with("weights", weights)));
            samples
        };
        Entry::function(name, FAMILY, build, samples)
    };
    vec![
        system("kronecker_flow_solve", build_kronecker, &[9], 2),
        system("kronecker_flow_solve_matrix", build_kronecker_matrix, &[9, 2], 2),
        system("sparse_flow_solve", build_general, &[9], 3),
        system("sparse_flow_solve_matrix", build_general_matrix, &[9, 2], 3),
        system("sparse_sar_solve", build_sar, &[3], 1),
        logdet("sparse_flow_logdet", build_general_logdet, 3),
        logdet("kronecker_flow_logdet", build_kronecker_logdet, 2),
        logdet("sar_logdet", build_sar_logdet, 1),
        Entry::function("spectral_flow_solve", FAMILY, build_spectral, spectral_samples).holding_expressions(),
    ]
}

fn rho(count: usize) -> Vec<SampleInput> {
    (0..count).map(|k| dense(&[], (0.1, 0.3), 10 + k as u64)).collect()
}

fn system(format: Format, rhos: usize, b: Option<&[usize]>) -> Sample {
    let b = b.map(|shape| dense(shape, (-1.0, 1.0), 3));
    Sample::new("three regions", rho(rhos).into_iter().chain([weights(format, 1)]).chain(b))
}

fn system_of(format: Format, rhos: usize) -> Sample {
    system(format, rhos, None)
}

fn constant_weights() -> impl Iterator<Item = &'static str> {
    ["directed", "similar"].into_iter()
}

fn weights_named(params: &Params<'_>) -> Result<SparseMatrix> {
    let triplets: &[(usize, usize, f64)] = match params.word("weights")? {
        "directed" => &[(0, 1, 0.7), (0, 2, 0.3), (1, 2, 1.0), (2, 0, 0.6), (2, 1, 0.4)],
        "similar" => &[(0, 1, 0.5), (0, 2, 0.5), (1, 0, 1.0), (2, 0, 1.0)],
        other => return Err(params.wrong_word("weights", "`directed` or `similar`", other)),
    };
    Ok(from_triplets(Format::Csr, [3, 3], triplets).expect("positions inside of the shape"))
}

/// The weights, and the other inputs.
fn split(params: &Params<'_>, v: &[Variable]) -> Result<(Variable, Vec<Variable>)> {
    let mut rest = v.to_vec();
    match v.iter().position(is_sparse) {
        Some(at) => Ok((rest.remove(at), rest)),
        None => Ok((sparse_constant(weights_named(params)?), rest)),
    }
}

fn build_kronecker(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let (w, rest) = split(params, v)?;
    let [rho_d, rho_o, b] = exactly(params, &rest)?;
    Ok(vec![kronecker_flow_solve(&w, rho_d, rho_o, b)?])
}

fn build_kronecker_matrix(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let (w, rest) = split(params, v)?;
    let [rho_d, rho_o, b] = exactly(params, &rest)?;
    Ok(vec![kronecker_flow_solve_matrix(&w, rho_d, rho_o, b)?])
}

fn build_general(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let (w, rest) = split(params, v)?;
    let [rho_d, rho_o, rho_w, b] = exactly(params, &rest)?;
    Ok(vec![sparse_flow_solve(&w, rho_d, rho_o, rho_w, b)?])
}

fn build_general_matrix(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let (w, rest) = split(params, v)?;
    let [rho_d, rho_o, rho_w, b] = exactly(params, &rest)?;
    Ok(vec![sparse_flow_solve_matrix(&w, rho_d, rho_o, rho_w, b)?])
}

fn build_sar(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let (w, rest) = split(params, v)?;
    let [rho, b] = exactly(params, &rest)?;
    Ok(vec![sparse_sar_solve(&w, rho, b)?])
}

fn build_general_logdet(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let (w, rest) = split(params, v)?;
    let [rho_d, rho_o, rho_w] = exactly(params, &rest)?;
    Ok(vec![sparse_flow_logdet(&w, rho_d, rho_o, rho_w)?])
}

fn build_kronecker_logdet(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let (w, rest) = split(params, v)?;
    let [rho_d, rho_o] = exactly(params, &rest)?;
    Ok(vec![kronecker_flow_logdet(&w, rho_d, rho_o)?])
}

fn build_sar_logdet(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let (w, rest) = split(params, v)?;
    let [rho] = exactly(params, &rest)?;
    Ok(vec![sar_logdet(&w, rho)?])
}

/// The op holds the decomposition of its weights, which its printed parameters do not tell.
fn build_spectral(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let [rho_d, rho_o, rho_w, b] = exactly(params, v)?;
    let spectrum = spectrum(&weights_named(params)?).expect("three regions have a decomposition");
    Ok(vec![spectral_flow_solve(&spectrum, rho_d, rho_o, rho_w, b)?])
}

fn spectral_samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    for weights in constant_weights() {
        for shape in [&[9][..], &[9, 2]] {
            let inputs = [rho(3), vec![dense(shape, (-1.0, 1.0), 3)]].concat();
            samples.push(Sample::new(format!("{weights}, {} axes", shape.len()), inputs).with("weights", weights));
        }
    }
    samples
}
