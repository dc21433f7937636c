//! Parameters that make no sense: refused before anything is made of them.

#![allow(clippy::unwrap_used, reason = "tests")]

use kronograph::graph::Props;
use kronograph::prelude::*;

fn refused(name: &str, props: &Props, inputs: &[Variable]) {
    assert!(kronograph::registry().get(name).unwrap().build(props, inputs).is_err(), "{name}{props}");
}

#[test]
fn absurd_numbers_make_no_absurd_graphs() {
    let registry = kronograph::registry();
    let (x, holds) = (vector("x"), tensor("holds", DType::Bool, &[]));
    for number in [1 << 40, i64::MAX, -1] {
        refused("diff", &Props::default().with("n", number), std::slice::from_ref(&x));
        let props = Props::default().with("n_outs", number);
        refused("if_else", &props, &[holds.clone(), x.clone(), x.clone()]);
        assert!(registry.get("if_else").unwrap().op(&props).is_err(), "{props}");
    }
}

#[test]
fn inputs_that_no_parameter_asks_for_are_refused() {
    refused("linspace", &Props::default(), &[scalar("start"), scalar("end"), tensor("steps", DType::I64, &[])]);
}

#[test]
fn counts_of_copies_are_refused_if_they_cannot_be_counted() {
    let (x, counts) = (vector("x"), tensor("counts", DType::I64, &[None]));
    let inputs = [x, counts];
    let copies = kronograph::registry().get("repeat").unwrap().build(&Props::default(), &inputs).unwrap().remove(0);
    for mode in [Mode::raw(), Mode::run()] {
        let mut f = compile(&inputs, std::slice::from_ref(&copies), &mode).unwrap();
        let mut call = |counts: [i64; 2]| {
            let outputs = f.call(&[&Tensor::vector(vec![1.0, 2.0]), &Tensor::vector(counts.to_vec())]).ok()?;
            Some(outputs.get::<Tensor>(0).unwrap().to_vec::<f64>().unwrap())
        };
        assert_eq!(call([2, 1]), Some(vec![1.0, 1.0, 2.0]));
        for wrong in [[3, -1], [-1, 3], [1 << 62, 1 << 62], [i64::MAX, 1]] {
            assert_eq!(call(wrong), None, "{wrong:?}");
        }
    }
}
