//! One function and its forks, called with W of one order after the other.

use kronograph::ops::samples::Stream;
use kronograph::prelude::*;

use crate::golden::distance;
use crate::weights::directed;

/// Everything that the sparse route computes of a free W: solutions, the log-determinant, a gradient by all inputs and
/// a product with the Hessian.
fn everything(x: &[Variable; 5]) -> Vec<Variable> {
    let [w, d, o, both, b] = x;
    let eta = sparse_flow_solve(w, d, o, both, b).unwrap();
    let separable = kronecker_flow_solve(w, d, o, b).unwrap();
    let logdet = sparse_flow_logdet(w, d, o, both).unwrap();
    let cost = sum(&(sqr(&eta).unwrap() + sqr(&separable).unwrap())).unwrap() + &logdet;
    let gradients = grad(&cost, x).unwrap();
    let curvature = hvp(&cost, &[d.clone(), b.clone()], &[constant(1.0), b.clone()]).unwrap();
    let of_w = dense_from_sparse(&gradients[0]).unwrap();
    [vec![eta, separable, logdet, of_w], gradients[1..].to_vec(), curvature].concat()
}

fn call(f: &mut Function, arguments: &[&dyn Value]) -> Vec<Vec<f64>> {
    let out = f.call(arguments).unwrap();
    (0..out.len()).map(|k| out.get::<Tensor>(k).unwrap().to_vec().unwrap()).collect()
}

#[test]
fn the_order_of_w_may_change_from_call_to_call() {
    for format in [Format::Csr, Format::Csc] {
        let w = sparse_matrix("w", format, [None, None]);
        let x = [w, scalar("rho_d"), scalar("rho_o"), scalar("rho_w"), vector("b")];
        let outputs = everything(&x);
        let mut kept = compile(&x, &outputs, &Mode::run()).unwrap();
        let (mut fork, random) = (kept.fork(), &mut Stream::new(1));
        for (seed, n) in (0..).zip([3, 5, 2, 4, 4, 2, 5]) {
            let (w, b) = (directed(n, format, seed), random.tensor(&[n * n], (-1.0, 1.0)));
            let [d, o, both] = [(); 3].map(|()| Tensor::scalar(0.5 * random.unit() - 0.2));
            let arguments: [&dyn Value; 5] = [&w, &d, &o, &both, &b];
            let wanted = call(&mut compile(&x, &outputs, &Mode::raw()).unwrap(), &arguments);
            for f in [&mut kept, &mut fork] {
                for (k, (got, want)) in call(f, &arguments).iter().zip(&wanted).enumerate() {
                    assert!(distance(got, want) < 1e-11, "order {n}, output {k}: {got:?}, alone {want:?}");
                }
            }
            if seed % 3 == 0 {
                fork = kept.fork();
            }
        }
    }
}
