//! Mistakes in building structures: each is an error that says what is wrong.

use kronograph::ops::Transform;
use kronograph::ops::covariance::{Operands, ParameterSpec, Structure};
use kronograph::prelude::*;

fn ar1() -> Structure {
    Structure::ar1(2).unwrap()
}

#[track_caller]
fn refused<T>(outcome: Result<T, BuildError>, words: &[&str]) {
    let error = outcome.err().expect("it is wrong").to_string();
    for word in words.iter().chain(&["errors.rs"]) {
        assert!(error.contains(word), "`{word}` is not in: {error}");
    }
}

#[test]
fn operands_that_do_not_fit_are_refused() {
    let mixed = Operands::default().with_named("a", ar1()).with(ar1());
    refused(Structure::sum(mixed), &["sum", "either all operands have names or none"]);
    refused(Structure::sum([("a/b", ar1()), ("c", ar1())]), &["sum", "`a/b`", "contains `/`"]);
    refused(Structure::sum([("a", ar1()), ("a", ar1())]), &["sum", "two operands have the name `a`"]);
    refused(Structure::sum([ar1()]), &["sum", "at least 2", "was given 1"]);
    refused(Structure::kronecker_product(Operands::default()), &["kronecker_product", "at least 1", "was given 0"]);
    refused(Structure::hadamard_product([ar1(), ar1(), ar1()]), &["hadamard_product", "it takes 2", "was given 3"]);
    let plain = || Structure::plain(&tensor("C", DType::F64, &[Some(2), Some(2)])).unwrap();
    refused(Structure::kronecker_product([plain(), plain()]), &["kronecker_product", "plain matrices"]);
    refused(Structure::plain(&matrix("C")), &["`C`", "known shape"]);
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let three = || Structure::scalar(3).unwrap();
    refused(Structure::sum([ar1(), three()]), &["sum", "[2, 2]", "[3, 3]"]);
    refused(Structure::hadamard_product([ar1(), three()]), &["hadamard_product", "[2, 2]", "[3, 3]"]);
    refused(Structure::product([ar1(), three()]), &["product", "inner lengths"]);
    refused(Structure::augment([ar1(), three()]), &["augment", "do not fit"]);
    refused(Structure::stack([ar1(), three()]), &["stack", "do not fit"]);
    refused(Structure::covariance_propagation([ar1(), three()]), &["covariance_propagation", "(2, 2)", "[3, 3]"]);
    refused(Structure::inverse([Structure::lower_triangular(3, 2).unwrap()]), &["inverse", "square"]);
    let v = ar1().build(&vector("raw")).unwrap();
    let y = tensor("y", DType::F64, &[Some(3)]);
    refused(v.solve(&y), &["solve", "`y`", "length 2", "ar1"]);
    refused(v.matmul_axis(&y, 1), &["matmul", "axis 1"]);
    let trapezoid = Structure::lower_triangular(3, 2).unwrap().build(&vector("raw")).unwrap();
    refused(trapezoid.logdet(), &["lower_triangular", "square"]);
    let triangle = Structure::lower_triangular(2, 2).unwrap().build(&vector("raw")).unwrap();
    refused(triangle.cholesky_matmul(&vector("z")), &["lower_triangular", "no covariance"]);
    let product = Structure::kronecker_product([ar1(), Structure::lower_triangular(3, 2).unwrap()]).unwrap();
    refused(product.build(&vector("raw")).unwrap().logdet(), &["kronecker_product", "square"]);
}

#[test]
fn orders_that_have_no_correlation_are_refused() {
    refused(Structure::ar1(1), &["ar1", "at least 2", "it is 1"]);
    refused(Structure::equicorrelation(1), &["equicorrelation", "at least 2"]);
    refused(Structure::compound_symmetric(0), &["compound_symmetric", "at least 2"]);
    refused(Structure::scalar(0), &["scalar", "at least 1"]);
}

#[test]
fn parameters_that_do_not_fit_are_refused() {
    refused(ar1().build(&matrix("raw")), &["ar1", "`raw`", "vector of 2 numbers", "sigma^2, rho"]);
    refused(ar1().build(&tensor("raw", DType::F64, &[Some(3)])), &["ar1", "`raw`", "vector of 2 numbers"]);
    let (s, rho) = (scalar("s"), scalar("r"));
    refused(ar1().build_raw(&[("sigma^2", s.clone())]), &["ar1", "`rho` is missing"]);
    let extra = [("sigma^2", s.clone()), ("rho", rho.clone()), ("phi", s.clone())];
    refused(ar1().build_raw(&extra), &["ar1", "no parameter `phi`", "`sigma^2`, `rho`"]);
    let twice = [("sigma^2", s.clone()), ("rho", rho.clone()), ("rho", rho.clone())];
    refused(ar1().build_natural(&twice), &["ar1", "`rho`", "twice"]);
    refused(ar1().build_natural(&[("sigma^2", vector("v")), ("rho", rho)]), &["ar1", "`v`", "scalar", "`sigma^2`"]);
    refused(ar1().with_fixed("phi", 0.0), &["ar1", "no parameter `phi`"]);
    refused(ar1().with_fixed("rho", 1.5), &["ar1", "`rho`", "between -1 and 1", "1.5"]);
    refused(ar1().with_fixed("sigma^2", f64::NAN), &["ar1", "`sigma^2`", "NaN"]);
    let variance = ParameterSpec::new("scale", Transform::Exp);
    refused(Structure::adapter(ar1(), [variance], |own| Ok(own.to_vec())), &["adapter", "`scale`", "transform"]);
    let adapted = Structure::adapter(ar1(), [ParameterSpec::new("a", Transform::Identity)], |own| Ok(own.to_vec()));
    refused(adapted.unwrap().build(&vector("raw")), &["adapter", "2 parameters", "gave 1"]);
}

/// At run time, the length of the vector and what is no covariance.
#[test]
fn numbers_that_do_not_fit_are_errors_of_the_call() {
    let raw = vector("raw");
    let structure = Structure::unconstrained(2).unwrap();
    let logdet = structure.build(&raw).unwrap().logdet().unwrap();
    let mut f = compile(&[raw], &[logdet], &Mode::run()).unwrap();
    assert!(f.call(&[&Tensor::vector(vec![0.0, 0.5])]).is_err());
    assert!(f.call(&[&Tensor::vector(vec![0.0, 0.5, 0.0, 0.0])]).is_err());
    let indefinite = f.call(&[&Tensor::vector(vec![0.0, 2.0, 0.0])]).unwrap_err();
    assert!(indefinite.is_recoverable(), "{indefinite}");
    assert!(f.call(&[&Tensor::vector(vec![0.0, 0.5, 0.0])]).is_ok());
}
