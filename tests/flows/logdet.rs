//! Log-determinants against golden numbers, and at singular matrices.

use kronograph::prelude::*;
use kronograph::sparse::{kronecker_flow_logdet_with, sar_logdet_with, sparse_flow_logdet_with};

use crate::golden::{TOLERANCE, assert_golden, example, tensor_of};
use crate::weights::{directed, rook};

/// A golden dense W.
fn weights_of(json: &serde_json::Value, format: Format) -> SparseMatrix {
    let dense = tensor_of(json);
    let n = dense.shape()[0];
    let entries = dense.to_vec::<f64>().unwrap();
    let triplets: Vec<_> = (0..n * n).filter(|&k| entries[k] != 0.0).map(|k| (k / n, k % n, entries[k])).collect();
    from_triplets(format, [n, n], &triplets).unwrap()
}

/// Value, gradient and Hessian of a scalar at a point.
fn expand(build: impl Fn(&[Variable]) -> Variable, at: &[f64]) -> [Tensor; 3] {
    let rho: Vec<Variable> = (0..at.len()).map(|k| scalar(&format!("rho_{k}"))).collect();
    let value = build(&rho);
    let mut outputs = vec![value.clone()];
    outputs.extend(grad(&value, &rho).unwrap());
    for k in 0..at.len() {
        let unit: Vec<Variable> = (0..at.len()).map(|l| constant(if k == l { 1.0 } else { 0.0 })).collect();
        outputs.extend(hvp(&value, &rho, &unit).unwrap());
    }
    let values: Vec<Tensor> = at.iter().map(|&x| Tensor::scalar(x)).collect();
    let values: Vec<&dyn Value> = values.iter().map(|value| value as &dyn Value).collect();
    let answers = compile(&rho, &outputs, &Mode::run()).unwrap().call(&values).unwrap();
    let part =
        |from: usize, to: usize| Tensor::vector((from..to).map(|k| answers.scalar(k).unwrap()).collect::<Vec<_>>());
    let count = at.len();
    [part(0, 1), part(1, 1 + count), part(1 + count, 1 + count + count * count)]
}

fn each_route(check: impl Fn(Route, Format)) {
    for route in [Route::Sparse, Route::Spectral] {
        for format in [Format::Csr, Format::Csc] {
            check(route, format);
        }
    }
}

#[test]
fn filters_are_golden() {
    for name in ["logdet_sar_directed", "logdet_sar_real_spectrum"] {
        let golden = example(name);
        let rho = golden["inputs"]["rho"].as_f64().unwrap();
        each_route(|route, format| {
            let w = sparse_constant(weights_of(&golden["inputs"]["W"], format));
            let [value, first, second] = expand(|rho| sar_logdet_with(route, &w, &rho[0]).unwrap(), &[rho]);
            assert_golden("logabsdet", &value, &golden["outputs"]["logabsdet"]);
            assert_golden("d_rho", &first, &golden["gradients"]["d_rho"]);
            assert_golden("d2_rho", &second, &golden["gradients"]["d2_rho"]);
        });
        let w = weights_of(&golden["inputs"]["W"], Format::Csr);
        let (low, high) = rho_interval(&w).unwrap();
        assert_golden("interval", &Tensor::vector(vec![low, high]), &golden["outputs"]["rho_interval"]);
        let mut all = eigenvalues(&w).unwrap().all();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let wanted = &golden["outputs"]["eigenvalues"];
        let re: Vec<f64> = all.iter().map(|value| value.0).collect();
        assert_golden("real parts", &Tensor::vector(re), wanted.get("re").unwrap_or(wanted));
        if let Some(want) = wanted.get("im") {
            // The order of a pair is that of rounding in its real parts, so the sizes are compared.
            let im = |values: Vec<f64>| values.into_iter().map(f64::abs).collect::<Vec<_>>();
            let want = im(tensor_of(want).to_vec::<f64>().unwrap());
            let got = im(all.iter().map(|value| value.1).collect());
            assert!(got.iter().zip(&want).all(|(a, b)| (a - b).abs() <= TOLERANCE));
        }
    }
}

#[test]
fn flow_systems_are_golden() {
    let golden = example("logdet_flow_unrestricted");
    let at = tensor_of(&golden["inputs"]["rho"]).to_vec::<f64>().unwrap();
    each_route(|route, format| {
        let w = sparse_constant(weights_of(&golden["inputs"]["W"], format));
        let build = |rho: &[Variable]| sparse_flow_logdet_with(route, &w, &rho[0], &rho[1], &rho[2]).unwrap();
        let [value, first, second] = expand(build, &at);
        assert_golden("logabsdet", &value, &golden["outputs"]["logabsdet"]);
        assert_golden("rho", &first, &golden["gradients"]["rho"]);
        assert_golden("hessian", &second, &golden["gradients"]["hessian"]);
    });
    let golden = example("logdet_flow_separable");
    let at = tensor_of(&golden["inputs"]["rho"]).to_vec::<f64>().unwrap();
    each_route(|route, format| {
        let w = sparse_constant(weights_of(&golden["inputs"]["W"], format));
        let build = |rho: &[Variable]| kronecker_flow_logdet_with(route, &w, &rho[0], &rho[1]).unwrap();
        let [value, first, second] = expand(build, &at);
        assert_golden("logabsdet", &value, &golden["outputs"]["logabsdet"]);
        assert_golden("rho", &first, &golden["gradients"]["rho"]);
        assert_golden("hessian", &second, &golden["gradients"]["hessian"]);
    });
}

#[test]
fn a_singular_filter_has_minus_infinity_and_an_infinite_slope() {
    // Two regions that lean on each other: the eigenvalues are 1 and -1 exactly.
    let w = from_triplets(Format::Csr, [2, 2], &[(0, 1, 1.0), (1, 0, 1.0)]).unwrap();
    let (constant_w, rho) = (sparse_constant(w), scalar("rho"));
    let value = sar_logdet_with(Route::Spectral, &constant_w, &rho).unwrap();
    let slope = grad(&value, std::slice::from_ref(&rho)).unwrap().remove(0);
    let mut f = compile(std::slice::from_ref(&rho), &[value, slope], &Mode::run()).unwrap();
    let mut at = |rho: f64| {
        let answers = f.call(&[&Tensor::scalar(rho)]).unwrap();
        (answers.scalar(0).unwrap(), answers.scalar(1).unwrap())
    };
    assert_eq!(at(1.0), (f64::NEG_INFINITY, f64::NEG_INFINITY));
    assert_eq!(at(-1.0), (f64::NEG_INFINITY, f64::INFINITY));
    let factor = sar_logdet_with(Route::Sparse, &constant_w, &rho).unwrap();
    let mut f = compile(&[rho], &[factor], &Mode::run()).unwrap();
    assert_eq!(f.call(&[&Tensor::scalar(1.0)]).unwrap().scalar(0).unwrap(), f64::NEG_INFINITY);
}

#[test]
fn near_zero_the_eigenvalues_keep_their_digits() {
    // ln det(I - ρ W) = -ρ² tr(W²) / 2 - .. for a hollow W, so at 1e-7 a sum of logarithms near 1 would be noise.
    for w in [directed(6, Format::Csr, 5), rook(3, Format::Csr)] {
        let w2 = {
            let w = sparse_constant(w.clone());
            let trace = kronograph::sparse::sparse_inner(&w, &flipped(&w)).unwrap();
            compile(&[], &[trace], &Mode::raw()).unwrap().call(&[]).unwrap().scalar(0).unwrap()
        };
        let real = eigenvalues(&w).unwrap().pairs().is_empty();
        let rho = 1e-7;
        let [value, ..] =
            expand(|rho| sar_logdet_with(Route::Spectral, &sparse_constant(w.clone()), &rho[0]).unwrap(), &[rho]);
        let (got, want) = (value.to_vec::<f64>().unwrap()[0], -0.5 * rho * rho * w2);
        assert!((got / want - 1.0).abs() < 1e-4, "real: {real}, {got:e} for {want:e}");
    }
}

/// The transpose in the format of the original.
fn flipped(w: &Variable) -> Variable {
    let value = w.constant().unwrap().clone();
    let value: &dyn std::any::Any = &*value;
    let matrix = value.downcast_ref::<SparseMatrix>().unwrap();
    sparse_constant(matrix.transposed().to_format(matrix.format()))
}

#[test]
fn rows_that_sum_to_one_give_a_known_solution() {
    let golden = example("flow_rowsum_identity");
    let at = tensor_of(&golden["inputs"]["rho"]).to_vec::<f64>().unwrap();
    let w = sparse_constant(weights_of(&golden["inputs"]["W"], Format::Csr));
    for route in [Route::Sparse, Route::Spectral] {
        let ones = constant(Tensor::vector(vec![1.0; 9]));
        let rho: Vec<Variable> = at.iter().map(|&x| constant(x)).collect();
        let eta = kronograph::sparse::sparse_flow_solve_with(route, &w, &rho[0], &rho[1], &rho[2], &ones).unwrap();
        let answers = compile(&[], &[eta], &Mode::run()).unwrap().call(&[]).unwrap();
        assert_golden("A⁻¹ 1", answers.get(0).unwrap(), &golden["outputs"]["A_inv_ones"]);
    }
}

#[test]
fn trace_blocks_of_the_three_matrices_are_golden() {
    let golden = example("flow_trace_blocks");
    let w = sparse_constant(weights_of(&golden["inputs"]["W"], Format::Csr));
    let one = identity_like(&w).unwrap();
    let all = [sparse_kron(&one, &w).unwrap(), sparse_kron(&w, &one).unwrap(), sparse_kron(&w, &w).unwrap()];
    let turned = flipped(&w);
    let transposed = [
        sparse_kron(&one, &turned).unwrap(),
        sparse_kron(&turned, &one).unwrap(),
        sparse_kron(&turned, &turned).unwrap(),
    ];
    let mut outputs = Vec::new();
    for a in &all {
        for (b, b_turned) in all.iter().zip(&transposed) {
            let inner = kronograph::sparse::sparse_inner;
            outputs.push(inner(a, b).unwrap() + inner(a, b_turned).unwrap());
        }
    }
    let answers = compile(&[], &outputs, &Mode::run()).unwrap().call(&[]).unwrap();
    let blocks: Vec<f64> = (0..9).map(|k| answers.scalar(k).unwrap()).collect();
    assert_golden("T", &Tensor::vector(blocks), &golden["outputs"]["T"]);
}
