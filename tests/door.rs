//! The door for optimisers and samplers: packing, evaluating, forking, and what it refuses.

#![allow(clippy::unwrap_used, reason = "a test may")]

use kronograph::prelude::*;

/// `c exp(a) + Σ b²` with parameters a (), b (2, 2), c ().
fn door() -> ValueAndGradient {
    let (a, b, c) = (scalar("a"), tensor("b", DType::F64, &[Some(2), Some(2)]), scalar("c"));
    let cost = &c * exp(&a).unwrap() + sum(&sqr(&b).unwrap()).unwrap();
    value_and_gradient(&cost, &[a, b, c], &Mode::run()).unwrap()
}

#[test]
fn parameters_have_names_shapes_and_places() {
    let door = door();
    let shown: Vec<_> = door.parameters().iter().map(|p| (p.name(), p.shape().to_vec(), p.range())).collect();
    assert_eq!(shown, [("a", vec![], 0..1), ("b", vec![2, 2], 1..5), ("c", vec![], 5..6)]);
    assert_eq!((door.dim(), door.function().node_count()), (6, 1));
}

#[test]
fn value_and_gradient_are_those_of_the_function() {
    let mut door = door();
    let x = door.pack(&[("c", &[3.0]), ("a", &[0.5]), ("b", &[1.0, 2.0, 3.0, 4.0])]).unwrap();
    assert_eq!(x, [0.5, 1.0, 2.0, 3.0, 4.0, 3.0]);
    let mut gradient = vec![f64::NAN; 6];
    let e = 0.5_f64.exp();
    assert_eq!(door.eval(&x, &mut gradient).unwrap(), 3.0 * e + 30.0);
    assert_eq!(gradient, [3.0 * e, 2.0, 4.0, 6.0, 8.0, e]);
    assert_eq!(door.unpack(&gradient, "b").unwrap(), [2.0, 4.0, 6.0, 8.0]);
}

#[test]
fn a_fork_goes_to_another_thread() {
    fn is_send<T: Send>(_: &T) {}
    let mut door = door();
    is_send(&door);
    let mut fork = door.fork();
    let other = std::thread::spawn(move || {
        let mut gradient = [0.0; 6];
        let value = fork.eval(&[0.0, 0.0, 0.0, 0.0, 1.0, 2.0], &mut gradient).unwrap();
        (value, gradient)
    });
    let mut gradient = [0.0; 6];
    assert_eq!(door.eval(&[0.0, 0.0, 0.0, 0.0, 0.0, 1.0], &mut gradient).unwrap(), 1.0);
    assert_eq!(other.join().unwrap(), (3.0, [2.0, 0.0, 0.0, 0.0, 2.0, 1.0]));
}

#[test]
fn a_gradient_that_is_a_view_is_copied_out() {
    let (x, y) = (tensor("x", DType::F64, &[Some(2), Some(3)]), tensor("y", DType::F64, &[Some(3), Some(2)]));
    let cost = sum(&(transpose(&x).unwrap() * &y)).unwrap();
    for mode in [Mode::raw(), Mode::run()] {
        let mut door = value_and_gradient(&cost, &[x.clone(), y.clone()], &mode).unwrap();
        let point: Vec<f64> = (0..12).map(f64::from).collect();
        let mut gradient = [0.0; 12];
        for _ in 0..2 {
            assert_eq!(door.eval(&point, &mut gradient).unwrap(), 140.0);
            assert_eq!(gradient, [6.0, 8.0, 10.0, 7.0, 9.0, 11.0, 0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        }
    }
}

#[test]
fn wrong_lengths_and_names_are_refused() {
    let mut door = door();
    let text = |error: RunError| {
        assert!(!error.is_recoverable());
        error.to_string()
    };
    let short = door.eval(&[0.0; 5], &mut [0.0; 6]).map_err(text).unwrap_err();
    assert_eq!(short, "the point has 5 element(s); the parameters have 6");
    let short = door.eval(&[0.0; 6], &mut [0.0; 7]).map_err(text).unwrap_err();
    assert_eq!(short, "the gradient has 7 element(s); the parameters have 6");
    let unknown = door.unpack(&[0.0; 6], "d").map_err(text).unwrap_err();
    assert_eq!(unknown, "parameter `d`: there is none of this name; there are a, b, c");
    let pack = |values: &[(&str, &[f64])]| door.pack(values).map_err(text).unwrap_err();
    assert_eq!(pack(&[("a", &[1.0])]), "parameter `b`: it is not given");
    assert_eq!(pack(&[("a", &[1.0]), ("a", &[1.0])]), "parameter `a`: it is given twice");
    assert_eq!(pack(&[("b", &[1.0])]), "parameter `b`: it has 4 element(s), 1 were given");
}

#[test]
fn parameters_that_cannot_be_packed_are_refused() {
    let refused = |cost: &Variable, parameters: &[Variable]| {
        value_and_gradient(cost, parameters, &Mode::run()).unwrap_err().to_string()
    };
    let x = vector("x");
    let text = refused(&sum(&x).unwrap(), &[x]);
    assert!(text.contains("`x` is f64 (?,); a parameter must be an f64 tensor whose lengths are all known"), "{text}");
    let x = tensor("x", DType::F32, &[]);
    let text = refused(&cast(&x, DType::F64).unwrap(), &[x]);
    assert!(text.contains("a parameter must be an f64 tensor"), "{text}");
    let x = tensor("x", DType::F64, &[Some(1 << 40), Some(1 << 40)]);
    let text = refused(&sum(&x).unwrap(), &[x]);
    assert!(text.contains("a parameter must fit in memory"), "{text}");
    let (x, y) = (scalar("x"), scalar("x"));
    let text = refused(&(&x * &y), &[x, y]);
    assert!(text.contains("a parameter must have a name of its own"), "{text}");
    let x = scalar("x");
    let only = compile(std::slice::from_ref(&x), std::slice::from_ref(&x), &Mode::raw()).unwrap();
    let text = ValueAndGradient::new(only).unwrap_err().to_string();
    assert!(text.contains("the outputs must be an f64 scalar, and then one gradient for each input"), "{text}");
}

#[test]
fn shared_variables_are_data_and_no_parameters() {
    let (data, p) = (shared("data", vec![1.0, 2.0]).unwrap(), scalar("p"));
    let cost = sum(&sqr(&(data.variable() * &p)).unwrap()).unwrap();
    let mut door = value_and_gradient(&cost, std::slice::from_ref(&p), &Mode::run()).unwrap();
    let mut gradient = [0.0];
    assert_eq!((door.dim(), door.eval(&[2.0], &mut gradient).unwrap(), gradient), (1, 20.0, [20.0]));
    data.set(Tensor::vector(vec![3.0])).unwrap();
    assert_eq!((door.fork().eval(&[2.0], &mut gradient).unwrap(), gradient), (36.0, [36.0]));
    let steps = Shared::new("steps", scalar("").ty().clone(), Tensor::scalar(0.0)).unwrap();
    let definition = Definition::new(std::slice::from_ref(&p), &[p.clone(), constant(1.0)]);
    let counted = definition.update(&steps, &(steps.variable() + 1.0));
    let mut door = ValueAndGradient::new(compile_definition(&counted, &Mode::run()).unwrap()).unwrap();
    assert_eq!((door.eval(&[7.0], &mut gradient).unwrap(), gradient), (7.0, [1.0]));
    assert_eq!(steps.get().as_f64().unwrap(), [1.0], "the update runs");
}

/// What a sampler does at a point outside of the domain: reject, and go on.
#[test]
fn a_failure_of_the_numbers_can_be_told_from_a_mistake() {
    let x = scalar("x");
    let one = tensor("one", DType::F64, &[Some(1)]);
    let row = |a: &Variable, b: &Variable| concatenate(&[expand_dims(a, &[0]).unwrap(), b.clone()], 0).unwrap();
    let rows = [row(&x, &one), concatenate(&[one.clone(), one.clone()], 0).unwrap()];
    let a = concatenate(&rows.map(|row| expand_dims(&row, &[0]).unwrap()), 0).unwrap();
    let cost = factor_logdet(&cholesky_factor(&a).unwrap()).unwrap().1;
    let mut door = value_and_gradient(&cost, &[x, one], &Mode::run()).unwrap();
    let mut gradient = [0.0; 2];
    let error = door.eval(&[0.5, 1.0], &mut gradient).unwrap_err();
    assert!(error.is_recoverable(), "{error}");
    let value = door.eval(&[3.0, 1.0], &mut gradient).unwrap();
    assert!((value - 2f64.ln()).abs() < 1e-15 && (gradient[0] - 0.5).abs() < 1e-15, "{value} {gradient:?}");
}
