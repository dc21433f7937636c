//! Faults of another library's covariance structures, each of which was seen there, as tests of ours.

use kronograph::ops::covariance::Structure;
use kronograph::prelude::*;

use crate::golden::{TOLERANCE, assert_close, at, example, numbers, raw_of};

/// It divides powers of ρ by ρ: the Jacobian is NaN at ρ = 0, which is the default, and wrong near it.
#[test]
fn the_jacobian_of_ar1_at_rho_zero_is_a_number() {
    let golden = example("ar1_gradient_at_rho_zero");
    let structure = Structure::ar1(3).unwrap();
    assert_eq!(structure.defaults(), numbers(&golden["inputs"]["params"]));
    let raw = raw_of(&structure);
    let jacobian = structure.build(&raw).unwrap().jacobian_tensor().unwrap().unwrap();
    let got = at(&raw, &structure.defaults(), std::slice::from_ref(&jacobian));
    assert_close("at the default", &got[0], &numbers(&golden["gradients"]["jacobian"]), TOLERANCE);
    let near = at(&raw, &[0.0, 1e-7], &[jacobian]);
    assert_close("near it", &near[0][10..11], &[0.5], 1e-12);
}

/// At ρ = 0 second derivatives exist too: d²V/dρ² is 2 where |i - j| is 2.
#[test]
fn the_curvature_of_ar1_at_rho_zero_is_right() {
    let (s, rho) = (scalar("s"), scalar("rho"));
    let v = Structure::ar1(4).unwrap().build_natural(&[("sigma^2", s.clone()), ("rho", rho.clone())]).unwrap();
    let one = constant(1.0);
    let first = rop(&[v.matrix().unwrap()], std::slice::from_ref(&rho), std::slice::from_ref(&one)).unwrap();
    let second = rop(&first, std::slice::from_ref(&rho), &[one]).unwrap().remove(0);
    let mut f = compile(&[s, rho], &[second], &Mode::run()).unwrap();
    let out = f.call(&[&Tensor::scalar(1.0), &Tensor::scalar(0.0)]).unwrap();
    let want = [0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0];
    assert_eq!(out.get::<Tensor>(0).unwrap().to_vec::<f64>().unwrap(), want);
}

/// It remembers matrices by a hash that permuted parameters share, and gives out stale ones.
#[test]
fn permuted_parameters_have_matrices_of_their_own() {
    let structure = Structure::diagonal(3).unwrap();
    let raw = raw_of(&structure);
    let diagonal = structure.build(&raw).unwrap().diagonal().unwrap();
    let mut f = compile(&[raw], &[diagonal], &Mode::run()).unwrap();
    let mut at = |point: [f64; 3]| {
        let out = f.call(&[&Tensor::vector(point.to_vec())]).unwrap();
        out.get::<Tensor>(0).unwrap().to_vec::<f64>().unwrap()
    };
    let first = at([0.1, 0.2, 0.3]);
    let permuted = at([0.3, 0.1, 0.2]);
    assert_eq!(permuted, [first[2], first[0], first[1]]);
    assert_eq!(at([0.5, 0.5, 0.5]), [1.0f64.exp(); 3]);
}

/// It puts the whole diagonal into each slice.
#[test]
fn a_slice_of_the_jacobian_of_a_diagonal_has_one_entry() {
    let structure = Structure::diagonal(3).unwrap();
    let raw = raw_of(&structure);
    for (k, (_, slice)) in structure.build(&raw).unwrap().jacobian().unwrap().into_iter().enumerate() {
        let got = at(&raw, &[0.1, 0.4, -0.2], &[slice]).remove(0);
        let other = got.iter().enumerate().filter(|(at, x)| (*at != 4 * k) == (**x != 0.0)).count();
        assert_eq!(other, 0, "slice {k} is {got:?}");
    }
}

/// Its operators lose derivatives of their operands after the first evaluation.
#[test]
fn derivatives_through_operators_stay_right_from_call_to_call() {
    let structure = Structure::sum([
        ("g", Structure::kronecker_product([Structure::ar1(2).unwrap(), Structure::scalar(2).unwrap()]).unwrap()),
        ("r", Structure::scalar(4).unwrap()),
    ])
    .unwrap();
    let raw = raw_of(&structure);
    let total = sum(&structure.build(&raw).unwrap().matrix().unwrap()).unwrap();
    let mut f = value_and_gradient(&total, &[raw], &Mode::run()).unwrap();
    for point in [[0.1, 0.2, 0.3, 0.4], [0.4, -0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]] {
        let mut gradient = [0.0; 4];
        f.eval(&point, &mut gradient).unwrap();
        for k in 0..4 {
            let (mut low, mut high) = (point, point);
            (low[k], high[k]) = (point[k] - 1e-5, point[k] + 1e-5);
            let mut unused = [0.0; 4];
            let slope = (f.eval(&high, &mut unused).unwrap() - f.eval(&low, &mut unused).unwrap()) / 2e-5;
            assert_close("the slope", &gradient[k..=k], &[slope], 1e-8);
        }
    }
}

/// It fails when every parameter is fixed.
#[test]
fn a_structure_of_fixed_parameters_is_a_constant() {
    let structure = Structure::kronecker_product([
        ("a", Structure::ar1(2).unwrap().with_fixed("sigma^2", 2.0).unwrap().with_fixed("rho", 0.5).unwrap()),
        ("b", Structure::scalar(2).unwrap().with_fixed("sigma^2", 3.0).unwrap()),
    ])
    .unwrap();
    assert_eq!(structure.fixed_param_names(), ["a/sigma^2", "a/rho", "b/sigma^2"]);
    let none = raw_of(&structure);
    let v = structure.build(&none).unwrap();
    assert!(v.jacobian().unwrap().is_empty());
    assert!(v.jacobian_tensor().unwrap().is_none());
    let got = at(&none, &[], &[v.matrix().unwrap(), v.logdet().unwrap()]);
    assert_eq!(got[0], [6.0, 0.0, 3.0, 0.0, 0.0, 6.0, 0.0, 3.0, 3.0, 0.0, 6.0, 0.0, 0.0, 3.0, 0.0, 6.0]);
    assert_close("the determinant", &got[1], &[27.0f64.powi(2).ln()], 1e-14);
    let free = structure.with_free("a/rho").unwrap();
    assert_eq!((free.free_param_names(), free.bounds()), (vec!["a/rho"], vec![(-1.0, 1.0)]));
}
