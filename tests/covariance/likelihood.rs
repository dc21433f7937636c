//! Restricted likelihoods: golden numbers, stability at the border, and a kind of a user's own.

use kronograph::graph::Result as Built;
use kronograph::ops::covariance::{Constants, Covariance, ParameterSpec, Structure, StructureKind};
use kronograph::prelude::*;

use crate::golden::{TOLERANCE, assert_close, at, example, matrix_of, numbers, raw_of};

/// `C ⊗ AR1 + s I` with fixed effects: likelihood, score, informations, estimates and predictions.
#[test]
fn the_restricted_likelihood_is_golden() {
    let golden = example("reml_kron_ar1");
    let c = Structure::plain_covariance(&constant(matrix_of(&golden["inputs"]["C"]))).unwrap();
    let g = Structure::kronecker_product([("C", c), ("time", Structure::ar1(2).unwrap())]).unwrap();
    let structure = Structure::sum([("g", g), ("r", Structure::scalar(6).unwrap())]).unwrap();
    let raw = raw_of(&structure);
    let v = structure.build(&raw).unwrap();
    let (x, y) = (constant(matrix_of(&golden["inputs"]["X"])), constant(numbers(&golden["inputs"]["y"])));
    let loglik = v.reml(&y, &x, Constants::Omitted).unwrap();
    let py = v.projected(&y, &x).unwrap();
    let project = |z: &Variable| v.projected(z, &x).unwrap();
    let slices: Vec<Variable> = v.jacobian().unwrap().into_iter().map(|(_, slice)| slice).collect();
    let moved: Vec<Variable> = slices.iter().map(|slice| matmul(slice, &py).unwrap()).collect();
    let mut average = Vec::new();
    for a in &moved {
        average.extend(moved.iter().map(|b| 0.5 * matmul(a, &project(b)).unwrap()));
    }
    let unit = |k: usize| constant((0..6).map(|i| f64::from(u8::from(i == k))).collect::<Vec<_>>());
    let columns: Vec<Variable> = (0..6).map(|k| project(&unit(k))).collect();
    let p = stack(&columns, 0).unwrap();
    let mut expected = Vec::new();
    for a in &slices {
        let through = |b: &Variable| {
            0.5 * trace(&matmul(&matmul(&p, a).unwrap(), &matmul(&p, b).unwrap()).unwrap(), 0, 0, 1).unwrap()
        };
        expected.extend(slices.iter().map(through));
    }
    let average = stack(&average, 0).unwrap();
    let score = grad(&loglik, std::slice::from_ref(&raw)).unwrap().remove(0);
    let step = solve(&reshape(&average, [3, 3]).unwrap(), &score).unwrap();
    let random = v.operands()[0].matmul(&py).unwrap();
    let outputs = [
        loglik.clone(),
        v.blue(&y, &x).unwrap(),
        py.clone(),
        random,
        score,
        v.matrix().unwrap(),
        average,
        stack(&expected, 0).unwrap(),
        step,
    ];
    let got = at(&raw, &numbers(&golden["inputs"]["params"]), &outputs);
    for (k, key) in ["loglik", "beta", "Py", "u"].iter().enumerate() {
        assert_close(key, &got[k], &numbers(&golden["outputs"][key]), TOLERANCE);
    }
    assert_close("score", &got[4], &numbers(&golden["gradients"]["score"]), TOLERANCE);
    assert_close("V", &got[5], &numbers(&golden["outputs"]["V"]), TOLERANCE);
    assert_close("average information", &got[6], &numbers(&golden["gradients"]["AI"]), TOLERANCE);
    assert_close("expected information", &got[7], &numbers(&golden["gradients"]["expected_information"]), TOLERANCE);
    assert_close("step", &got[8], &numbers(&golden["outputs"]["ai_step"]), TOLERANCE);
}

/// With its constants it is the log-density of what is orthogonal to X: for X = 1, of the deviations from the mean.
#[test]
fn the_restricted_likelihood_with_constants_is_a_density() {
    let s = scalar("s");
    let v = Structure::scalar(3).unwrap().build_natural(&[("sigma^2", s.clone())]).unwrap();
    let (x, y) = (constant(Tensor::new(&[3, 1], vec![1.0; 3]).unwrap()), constant(vec![1.0, 2.0, 6.0]));
    let both = [Constants::Included, Constants::Omitted].map(|constants| v.reml(&y, &x, constants).unwrap());
    let mut f = compile(&[s], &both, &Mode::run()).unwrap();
    let out = f.call(&[&Tensor::scalar(2.0)]).unwrap();
    // Two deviations of variance 2, whose squares sum to 14.
    let density = -(std::f64::consts::TAU * 2.0).ln() - 14.0 / 4.0;
    assert_close("with", &[out.scalar(0).unwrap()], &[density], 1e-14);
    let without = -0.5 * (3.0 * 2.0f64.ln() + 1.5f64.ln() + 7.0);
    assert_close("without", &[out.scalar(1).unwrap()], &[without], 1e-14);
}

/// With `1 - ρ = 2 sigmoid(-x)`, nothing is lost where ρ itself rounds to 1.
#[test]
fn ar1_is_stable_as_the_correlation_goes_to_one() {
    let structure = Structure::ar1(4).unwrap();
    let raw = raw_of(&structure);
    let v = structure.build(&raw).unwrap();
    let logdet = v.logdet().unwrap();
    let gradient = grad(&logdet, std::slice::from_ref(&raw)).unwrap().remove(0);
    for x in [20.0f64, 40.0, -40.0, 300.0] {
        let got = at(&raw, &[0.0, x], &[logdet.clone(), gradient.clone()]);
        // ln(1 - ρ²) = ln 4 - |x| - 2 ln(1 + exp(-|x|)), to rounding at these x.
        assert_close("logdet", &got[0], &[3.0 * (4.0f64.ln() - x.abs() - 2.0 * (-x.abs()).exp())], 1e-13);
        assert_close("its slope", &got[1][1..], &[-3.0 * x.signum() * (1.0 - 2.0 * (-x.abs()).exp())], 1e-13);
    }
    let whole = at(&raw, &[0.0, 0.0], &[v.quadratic(&constant(vec![1.0, 2.0, 3.0, 4.0])).unwrap(), logdet]);
    assert_eq!(whole, [vec![30.0], vec![0.0]], "at ρ = 0 it is exact");
}

/// A leaf of a user's crate: a multiple of a given correlation matrix.
#[derive(Debug)]
struct Scaled(Variable);

impl StructureKind for Scaled {
    fn name(&self) -> &'static str {
        "scaled"
    }

    fn shape(&self) -> [usize; 2] {
        [2, 2]
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        vec![ParameterSpec::variance("tau^2")]
    }

    fn matrix(&self, v: &Covariance) -> Built<Variable> {
        mul(&v.param("tau^2")?, &self.0)
    }
}

#[test]
fn a_users_kind_behaves_like_one_of_ours() {
    let c = constant(Tensor::new(&[2, 2], vec![1.0, 0.5, 0.5, 1.0]).unwrap());
    let structure =
        Structure::kronecker_product([Structure::leaf(Scaled(c)).unwrap(), Structure::ar1(2).unwrap()]).unwrap();
    assert_eq!(structure.param_names(), ["op_0/tau^2", "op_1/sigma^2", "op_1/rho"]);
    let raw = raw_of(&structure);
    let logdet = structure.build(&raw).unwrap().logdet().unwrap();
    assert_close("logdet", &at(&raw, &[0.0; 3], &[logdet])[0], &[2.0 * 0.75f64.ln()], 1e-14);
}
