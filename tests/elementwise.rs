//! Elementwise functions at the edges: NaN, infinities, signed zeros, ties, wrap-around, promotion, literals, no elements.

#![allow(clippy::unwrap_used, reason = "a test may")]

use kronograph::ops::Element;
use kronograph::prelude::*;

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

type Unary = fn(&Variable) -> Result<Variable, BuildError>;
type Binary = fn(&Variable, &Variable) -> Result<Variable, BuildError>;

/// The output for one-axis inputs, which both modes must agree on to the bit.
fn outputs<T: Element, O: Element>(arguments: &[Vec<T>], build: impl Fn(&[Variable]) -> Variable) -> Vec<O> {
    let inputs: Vec<Variable> = (0..arguments.len()).map(|k| tensor(&format!("x{k}"), T::DTYPE, &[None])).collect();
    let output = build(&inputs);
    let values: Vec<Tensor> = arguments.iter().map(|argument| Tensor::vector(argument.clone())).collect();
    let values: Vec<&dyn Value> = values.iter().map(|value| value as &dyn Value).collect();
    let call = |mode| compile(&inputs, std::slice::from_ref(&output), &mode).unwrap().call(&values).unwrap();
    let (raw, rewritten) = (call(Mode::raw()), call(Mode::run()));
    let (raw, rewritten) = (raw.get::<Tensor>(0).unwrap(), rewritten.get::<Tensor>(0).unwrap());
    assert!(raw.same_bits(rewritten), "{raw:?} as written, {rewritten:?} rewritten");
    raw.to_vec().unwrap()
}

fn unary<T: Element, O: Element>(f: Unary, x: &[T]) -> Vec<O> {
    outputs(&[x.to_vec()], |v| f(&v[0]).unwrap())
}

fn binary<T: Element, O: Element>(f: Binary, a: &[T], b: &[T]) -> Vec<O> {
    outputs(&[a.to_vec(), b.to_vec()], |v| f(&v[0], &v[1]).unwrap())
}

/// The derivative of the sum of the outputs by the input that is asked for.
fn slope(wrt: usize, arguments: &[&[f64]], build: impl Fn(&[Variable]) -> Variable) -> Vec<f64> {
    let arguments: Vec<Vec<f64>> = arguments.iter().map(|argument| argument.to_vec()).collect();
    outputs(&arguments, |v| grad(&sum(&build(v)).unwrap(), &v[wrt..=wrt]).unwrap().remove(0))
}

/// Equal to the bit, apart from the bits of NaN.
#[track_caller]
fn same(got: &[f64], want: &[f64]) {
    let equal = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    assert!(got.len() == want.len() && got.iter().zip(want).all(equal), "{got:?}, not {want:?}");
}

#[test]
fn unary_functions_at_the_edges() {
    same(&unary(abs, &[-0.0, 0.0, -INF, NAN]), &[0.0, 0.0, INF, NAN]);
    same(&unary(sign, &[-0.0, 0.0, -INF, NAN, 3.0]), &[0.0, 0.0, -1.0, NAN, 1.0]);
    same(&unary(neg, &[0.0, -0.0, INF, NAN]), &[-0.0, 0.0, -INF, NAN]);
    same(&unary(sqrt, &[-0.0, 0.0, -1.0, INF]), &[-0.0, 0.0, NAN, INF]);
    same(&unary(reciprocal, &[-0.0, 0.0, -INF]), &[-INF, INF, -0.0]);
    same(&unary(exp, &[-INF, 0.0, INF, 1e3, -1e3]), &[0.0, 1.0, INF, INF, 0.0]);
    same(&unary(log, &[0.0, -1.0, 1.0, INF]), &[-INF, NAN, 0.0, INF]);
    same(&unary(log1p, &[-1.0, -0.0, 1e-300]), &[-INF, -0.0, 1e-300]);
    same(&unary(expm1, &[-INF, 0.0, 1e-300]), &[-1.0, 0.0, 1e-300]);
    same(&unary(sigmoid, &[-INF, -1e3, 0.0, 1e3, INF, NAN]), &[0.0, 0.0, 0.5, 1.0, 1.0, NAN]);
    same(&unary(softplus, &[-INF, -1e3, 1e3, INF, NAN]), &[0.0, 0.0, 1e3, INF, NAN]);
    same(&unary(tanh, &[-INF, -0.0, INF, NAN]), &[-1.0, -0.0, 1.0, NAN]);
}

#[test]
fn binary_functions_at_the_edges() {
    let (a, b) = (&[NAN, 1.0, -0.0, INF, 2.0][..], &[1.0, NAN, 0.0, -INF, 2.0][..]);
    same(&binary(|a, b| maximum(a, b), a, b)[..2], &[NAN, NAN]);
    same(&binary(|a, b| minimum(a, b), a, b)[..2], &[NAN, NAN]);
    same(&binary(|a, b| maximum(a, b), a, b)[3..], &[INF, 2.0]);
    same(&binary(|a, b| add(a, b), a, b), &[NAN, NAN, 0.0, NAN, 4.0]);
    same(&binary(|a, b| true_div(a, b), &[0.0, 1.0, -1.0, INF], &[0.0, 0.0, 0.0, INF]), &[NAN, INF, -INF, NAN]);
    same(
        &binary(|a, b| pow(a, b), &[0.0, 0.0, -8.0, 2.0, NAN], &[0.0, -1.0, 1.0 / 3.0, -INF, 0.0]),
        &[1.0, INF, NAN, 0.0, 1.0],
    );
    let (a, b) = (&[NAN, 0.0, 1.0][..], &[NAN, -0.0, 2.0][..]);
    assert_eq!(binary::<_, bool>(|a, b| eq(a, b), a, b), [false, true, false]);
    assert_eq!(binary::<_, bool>(|a, b| neq(a, b), a, b), [true, false, true]);
    assert_eq!(binary::<_, bool>(|a, b| le(a, b), a, b), [false, true, true]);
    assert_eq!(binary::<_, bool>(|a, b| gt(a, b), a, b), [false, false, false]);
}

#[test]
fn derivatives_at_kinks_ties_and_zeros() {
    same(&slope(0, &[&[-2.0, 0.0, 2.0]], |v| abs(&v[0]).unwrap()), &[-1.0, 0.0, 1.0]);
    let tie: [&[f64]; 2] = [&[1.0, 2.0, 3.0], &[2.0, 2.0, 2.0]];
    same(&slope(0, &tie, |v| maximum(&v[0], &v[1]).unwrap()), &[0.0, 1.0, 1.0]);
    same(&slope(1, &tie, |v| maximum(&v[0], &v[1]).unwrap()), &[1.0, 0.0, 0.0]);
    same(&slope(0, &tie, |v| minimum(&v[0], &v[1]).unwrap()), &[1.0, 1.0, 0.0]);
    same(&slope(1, &tie, |v| minimum(&v[0], &v[1]).unwrap()), &[0.0, 0.0, 1.0]);
    same(&slope(0, &[&[1.0, 3.0, 3.0]], |v| max(&v[0]).unwrap()), &[0.0, 1.0, 1.0]);
    let power: [&[f64]; 2] = [&[0.0, 0.0, 0.0, 3.0], &[0.0, 1.0, 2.0, 0.0]];
    same(&slope(0, &power, |v| pow(&v[0], &v[1]).unwrap()), &[0.0, 1.0, 0.0, 0.0]);
    same(&slope(1, &power[..], |v| pow(&v[0], &v[1]).unwrap()), &[0.0, 0.0, 0.0, 3f64.ln()]);
    same(&slope(0, &[&[-1e3, 1e3]], |v| tanh(&v[0]).unwrap()), &[0.0, 0.0]);
    same(&slope(0, &[&[-1e3, 1e3]], |v| softplus(&v[0]).unwrap()), &[0.0, 1.0]);
}

/// The branch that is not taken has an infinite derivative there; it must not leak out as NaN.
#[test]
fn a_switch_keeps_out_the_derivative_of_the_branch_not_taken() {
    let safe_root = |v: &[Variable]| switch(&gt(&v[0], 0.0).unwrap(), &sqrt(&v[0]).unwrap(), 0.0).unwrap();
    let root = outputs::<f64, f64>(&[vec![0.0, 4.0, -1.0]], safe_root);
    same(&root, &[0.0, 2.0, 0.0]);
    let masked = |v: &[Variable]| switch(&gt(&v[0], 0.0).unwrap(), &v[0], &log(&v[1]).unwrap()).unwrap();
    same(&slope(0, &[&[1.0, -1.0], &[0.0, 2.0]], masked), &[1.0, 0.0]);
    // However infinite the derivative of the branch not taken is, and however it is reached.
    same(&slope(0, &[&[0.0, 4.0, -1.0]], safe_root), &[0.0, 0.25, 0.0]);
    let deep = |v: &[Variable]| {
        let (root, positive) = (sqrt(&v[0]).unwrap(), gt(&v[0], 0.0).unwrap());
        switch(&positive, &add(&mul(&root, &log(&root).unwrap()).unwrap(), &root).unwrap(), &v[0]).unwrap()
    };
    same(&slope(0, &[&[0.0, 1.0]], deep), &[1.0, 1.0]);
    let twice = |v: &[Variable]| grad(&sum(&deep(v)).unwrap(), v).unwrap().remove(0);
    same(&slope(0, &[&[0.0, 1.0]], twice), &[0.0, -0.25]);
}

#[test]
fn integers_wrap() {
    assert_eq!(binary::<_, u8>(|a, b| add(a, b), &[250u8, 1], &[10, 2]), [4, 3]);
    assert_eq!(binary::<_, u8>(|a, b| sub(a, b), &[1u8], &[2]), [255]);
    assert_eq!(binary::<_, i8>(|a, b| mul(a, b), &[100i8], &[2]), [-56]);
    assert_eq!(unary::<_, i64>(neg, &[i64::MIN, 5]), [i64::MIN, -5]);
    assert_eq!(unary::<_, i64>(abs, &[i64::MIN, -5]), [i64::MIN, 5]);
    assert_eq!(unary::<_, i32>(sqr, &[i32::MAX]), [1]);
    assert_eq!(binary::<_, i64>(|a, b| pow(a, b), &[2i64, 3, 0], &[10, 64, 0]), [1024, 3i64.wrapping_pow(64), 1]);
    assert_eq!(binary::<_, f64>(|a, b| true_div(a, b), &[1i64, 1], &[2, 0]), [0.5, INF]);
    assert_eq!(unary::<_, i64>(|x| sum(x).and_then(|s| expand_dims(&s, &[0])), &[i64::MAX, 1]), [i64::MIN]);
}

#[test]
fn truth_values_are_combined_and_counted() {
    let (a, b) = (&[true, true, false][..], &[true, false, false][..]);
    assert_eq!(binary::<_, bool>(|a, b| add(a, b), a, b), [true, true, false]);
    assert_eq!(binary::<_, bool>(|a, b| mul(a, b), a, b), [true, false, false]);
    assert_eq!(unary::<_, i64>(|x| sum(x).and_then(|s| expand_dims(&s, &[0])), a), [2]);
}

#[test]
fn dtypes_are_promoted_and_literals_are_weak() {
    let dtype = |x: &Variable| x.ty().to_string();
    let of = |dtype| tensor("x", dtype, &[]);
    for a in DType::ALL {
        for b in DType::ALL {
            assert_eq!(dtype(&add(&of(a), &of(b)).unwrap()), format!("{} ()", a.promote(b)), "{a} + {b}");
            assert_eq!(a.promote(b), b.promote(a));
        }
    }
    let (single, small) = (of(DType::F32), of(DType::I8));
    assert_eq!(dtype(&(&single * 2.5)), "f32 ()");
    assert_eq!(dtype(&(&single + 1i64)), "f32 ()");
    assert_eq!(dtype(&(&small + 1i64)), "i8 ()");
    assert_eq!(dtype(&(&small + 1000i64)), "i64 ()", "a literal that does not fit widens");
    assert_eq!(dtype(&(&small * 0.5)), "f64 ()");
    assert_eq!(dtype(&(&of(DType::Bool) + 1i64)), "i64 ()");
    assert_eq!(dtype(&exp(&small).unwrap()), "f64 ()");
    assert_eq!(dtype(&exp(&single).unwrap()), "f32 ()");
    assert_eq!(dtype(&gt(&single, 0.0).unwrap()), "bool ()");
}

#[test]
fn an_unknown_length_of_1_does_not_broadcast() {
    let (a, b) = (vector("a"), vector("b"));
    let mut f = compile(&[a.clone(), b.clone()], &[add(&a, &b).unwrap()], &Mode::run()).unwrap();
    let (one, three) = (Tensor::vector(vec![1.0]), Tensor::vector(vec![1.0, 2.0, 3.0]));
    assert!(f.call(&[&one, &three]).unwrap_err().to_string().contains("broadcasts only"));
    assert!(f.call(&[&three, &one]).is_err());
    assert_eq!(f.call(&[&one, &one]).unwrap().get::<Tensor>(0).unwrap().to_vec::<f64>().unwrap(), [2.0]);
    let declared = tensor("c", DType::F64, &[Some(1)]);
    let mut f = compile(&[declared.clone(), b.clone()], &[add(&declared, &b).unwrap()], &Mode::run()).unwrap();
    assert_eq!(f.call(&[&one, &three]).unwrap().get::<Tensor>(0).unwrap().to_vec::<f64>().unwrap(), [2.0, 3.0, 4.0]);
    assert!(f.call(&[&one, &Tensor::vector(Vec::<f64>::new())]).unwrap().get::<Tensor>(0).unwrap().is_empty());
}

#[test]
fn nothing_is_a_value() {
    let none: &[f64] = &[];
    same(&unary(exp, none), &[]);
    same(&binary(|a, b| mul(a, b), none, none), &[]);
    same(&unary(|x| sum(x).and_then(|s| expand_dims(&s, &[0])), none), &[0.0]);
    same(&unary(|x| mean(x).and_then(|s| expand_dims(&s, &[0])), none), &[NAN]);
    same(&slope(0, &[none], |v| sqr(&v[0]).unwrap()), &[]);
    let x = matrix("x");
    let inner = matmul(&transpose(&x).unwrap(), &x).unwrap();
    let empty = Tensor::new::<f64>(&[0, 2], Vec::new()).unwrap();
    let answers = compile(&[x], &[inner], &Mode::run()).unwrap().call(&[&empty]).unwrap();
    assert_eq!(answers.get::<Tensor>(0).unwrap().to_vec::<f64>().unwrap(), [0.0; 4]);
}
