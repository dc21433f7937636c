//! Matrices and Jacobians by name of every leaf and operator, against golden numbers.

use kronograph::ops::Transform;
use kronograph::ops::covariance::{Dummy, GramProduct, ParameterSpec, Structure};
use kronograph::prelude::*;

use crate::golden::{TOLERANCE, assert_close, at, example, numbers, raw_of};

/// Matrix, Jacobian and names of a structure at the point of a golden example.
fn check(name: &str, structure: Structure) {
    let golden = example(name);
    let (raw, point) = (raw_of(&structure), numbers(&golden["inputs"]["params"]));
    if let Some(names) = golden["inputs"]["names"].as_array() {
        assert_eq!(structure.free_param_names(), names.iter().map(|name| name.as_str().unwrap()).collect::<Vec<_>>());
    }
    let v = structure.build(&raw).unwrap();
    let jacobian = v.jacobian().unwrap();
    assert_eq!(jacobian.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), structure.free_param_names());
    let mut outputs = vec![v.matrix().unwrap(), v.jacobian_tensor().unwrap().unwrap()];
    outputs.extend(jacobian.into_iter().map(|(_, slice)| slice));
    let got = at(&raw, &point, &outputs);
    assert_close(name, &got[0], &numbers(&golden["outputs"]["V"]), TOLERANCE);
    let want = numbers(&golden["gradients"]["jacobian"]);
    assert_close(&format!("{name}, Jacobian"), &got[1], &want, TOLERANCE);
    assert_close(&format!("{name}, Jacobian by name"), &got[2..].concat(), &want, TOLERANCE);
    let natural = build_by_name(&structure, &raw);
    assert_close(&format!("{name}, by name"), &at(&raw, &point, &[natural])[0], &got[0], 1e-15);
}

/// The matrix on the same raw numbers, given by name and backwards.
fn build_by_name(structure: &Structure, raw: &Variable) -> Variable {
    let names = structure.free_param_names();
    let scalar = |k: usize| subtensor(raw, &[Index::at(k as i64)]).unwrap();
    let given: Vec<_> = names.iter().enumerate().map(|(k, name)| (*name, scalar(k))).rev().collect();
    structure.build_raw(&given).unwrap().matrix().unwrap()
}

#[test]
fn leaves_are_golden() {
    check("ar1_3", Structure::ar1(3).unwrap());
    check("equicorrelation4", Structure::equicorrelation(4).unwrap());
    check("compound_symmetric4", Structure::compound_symmetric(4).unwrap());
    check("diagonal3", Structure::diagonal(3).unwrap());
    check("unconstrained3", Structure::unconstrained(3).unwrap());
    check("lower_triangular_3x2", Structure::lower_triangular(3, 2).unwrap());
}

#[test]
fn operators_are_golden() {
    let ar1 = || Structure::ar1(2).unwrap();
    let scalar = || Structure::scalar(2).unwrap();
    let plots = || Structure::kronecker_product([("time", ar1()), ("subject", scalar())]).unwrap();
    check("openreml_kron_ar1_scalar", plots());
    check("op_sum_of_kron", Structure::sum([("g", plots()), ("r", Structure::scalar(4).unwrap())]).unwrap());
    check("op_block_diagonal", Structure::block_diagonal([("x", ar1()), ("y", scalar())]).unwrap());
    let b = Structure::compound_symmetric(2).unwrap();
    check("op_hadamard", Structure::hadamard_product([("a", ar1()), ("b", b)]).unwrap());
    let l = Structure::lower_triangular(3, 3).unwrap();
    check("op_gram_xxt", Structure::gram([("L", l)], GramProduct::XXt).unwrap());
    let z = Structure::dummy(&Dummy::of(["a", "b", "a", "c"])).unwrap();
    let g = Structure::ar1(3).unwrap();
    check("op_covariance_propagation", Structure::covariance_propagation([("Z", z), ("G", g)]).unwrap());
}

/// The matrix at raw parameters.
fn matrix_at(structure: &Structure, point: &[f64]) -> Vec<f64> {
    let raw = raw_of(structure);
    at(&raw, point, &[structure.build(&raw).unwrap().matrix().unwrap()]).remove(0)
}

#[test]
fn the_algebra_of_structures_is_that_of_matrices() {
    let l = Structure::lower_triangular(2, 2).unwrap();
    let point = [2.0, 3.0, 5.0];
    assert_eq!(matrix_at(&Structure::transpose([l.clone()]).unwrap(), &point), [2.0, 3.0, 0.0, 5.0]);
    assert_eq!(matrix_at(&Structure::gram([l.clone()], GramProduct::XtX).unwrap(), &point), [13.0, 15.0, 15.0, 25.0]);
    assert_eq!(matrix_at(&Structure::inverse([l.clone()]).unwrap(), &[2.0, 1.0, 4.0]), [0.5, 0.0, -0.125, 0.25]);
    let j = Structure::equal_entry(2, 1).unwrap().with_fixed("sigma^2", 3.0).unwrap();
    assert_eq!(matrix_at(&Structure::product([l.clone(), j.clone()]).unwrap(), &point), [6.0, 24.0]);
    assert_eq!(matrix_at(&Structure::augment([l.clone(), j.clone()]).unwrap(), &point), [2.0, 0.0, 3.0, 3.0, 5.0, 3.0]);
    let row = Structure::transpose([j]).unwrap();
    assert_eq!(matrix_at(&Structure::stack([l, row]).unwrap(), &point), [2.0, 0.0, 3.0, 5.0, 3.0, 3.0]);
}

#[test]
fn a_users_expression_and_an_adapter_are_structures() {
    let theta = Structure::simple(2, 1, |theta| mul(&theta[0], &eye(2usize)?)).unwrap();
    assert_eq!(matrix_at(&theta, &[7.0]), [7.0, 0.0, 0.0, 7.0]);
    let ar1 = Structure::ar1(2).unwrap().with_fixed("sigma^2", 4.0).unwrap();
    let parameter = ParameterSpec::new("half", Transform::Identity);
    let adapted = Structure::adapter(ar1, [parameter], |own| Ok(vec![mul(2.0, &own[0])?])).unwrap();
    assert_eq!(adapted.param_names(), ["half"]);
    let raw = raw_of(&adapted);
    let v = adapted.build(&raw).unwrap();
    let got = at(&raw, &[0.25], &[v.matrix().unwrap(), v.jacobian().unwrap()[0].1.clone()]);
    assert_eq!(got, [vec![4.0, 2.0, 2.0, 4.0], vec![0.0, 8.0, 8.0, 0.0]]);
}

#[test]
fn dummies_name_their_columns() {
    let both = Dummy::of(["b", "a", "b"]).and(["x", "x", "y"]);
    assert_eq!(both.columns().unwrap(), [Some(0), Some(2), Some(1)]);
    assert_eq!(both.clone().drop_first().column_names().unwrap(), ["b.y", "a.x", "a.y"]);
    assert_eq!(both.clone().drop_first().columns().unwrap(), [None, Some(1), Some(0)]);
    assert_eq!(both.drop_empty_columns().column_names().unwrap(), ["b.x", "b.y", "a.x"]);
    let given = Dummy::of(["b", "q"]).levels(["a", "b"]);
    assert_eq!(given.columns().unwrap(), [Some(1), None]);
    let z = Structure::dummy(&given).unwrap();
    let v = z.build_raw(&[]).unwrap();
    let x = vector("x");
    let out = at(&x, &[3.0, 4.0], &[v.matrix().unwrap(), v.matmul(&x).unwrap()]);
    assert_eq!(out, [vec![0.0, 1.0, 0.0, 0.0], vec![4.0, 0.0]]);
    // Joined names that are equal are still two combinations.
    let dotted = Dummy::of(["a.b", "a"]).and(["c", "b.c"]);
    assert_eq!(dotted.columns().unwrap(), [Some(0), Some(3)]);
}
