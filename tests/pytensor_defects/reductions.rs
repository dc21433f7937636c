//! Reductions.

use std::error::Error;

use kronograph::graph::hvp;
use kronograph::ops::{cumprod, logsumexp, logsumexp_axes, prod};
use kronograph::prelude::*;

type Outcome = Result<(), Box<dyn Error>>;

/// The outputs for one vector, without any rewriting.
fn plain(x: &Variable, outputs: &[Variable], at: &[f64]) -> Result<Vec<Vec<f64>>, Box<dyn Error>> {
    let mut function = compile(std::slice::from_ref(x), outputs, &Mode::raw())?;
    let results = function.call(&[&Tensor::vector(at.to_vec())])?;
    (0..outputs.len()).map(|k| Ok(results.get::<Tensor>(k)?.to_vec::<f64>()?)).collect()
}

#[test]
fn the_gradient_of_logsumexp_of_minus_infinities_is_nan() -> Outcome {
    let x = vector("x");
    let y = logsumexp(&x)?;
    let gradient = grad(&y, std::slice::from_ref(&x))?;
    let results = plain(&x, &[y, gradient[0].clone()], &[f64::NEG_INFINITY; 2])?;
    assert_eq!(results, [vec![f64::NEG_INFINITY], vec![0.0, 0.0]]);

    // One such slice does not reach the others.
    let x = tensor("x", DType::F64, &[Some(2), Some(2)]);
    let gradient = grad(&sum(&exp(&logsumexp_axes(&x, &[1])?)?)?, std::slice::from_ref(&x))?;
    let mut function = compile(&[x], &gradient, &Mode::raw())?;
    let at = Tensor::new(&[2, 2], vec![f64::NEG_INFINITY, f64::NEG_INFINITY, 0.0, 0.0])?;
    assert_eq!(function.call(&[&at])?.get::<Tensor>(0)?.to_vec::<f64>()?, [0.0, 0.0, 1.0, 1.0]);
    Ok(())
}

#[test]
fn logsumexp_overflows_unless_it_is_rewritten() -> Outcome {
    let x = vector("x");
    let y = logsumexp(&x)?;
    let gradient = grad(&y, std::slice::from_ref(&x))?;
    for large in [1000.0, -1000.0] {
        let results = plain(&x, &[y.clone(), gradient[0].clone()], &[large, large])?;
        assert_eq!(results[0], [large + std::f64::consts::LN_2]);
        assert!(results[1].iter().all(|share| (share - 0.5).abs() < 1e-12), "{results:?}");
    }
    Ok(())
}

#[test]
fn prod_has_no_second_derivative() -> Outcome {
    let (x, direction) = (vector("x"), constant(vec![1.0, 1.0, 1.0]));
    let product = prod(&x)?;
    let gradient = grad(&product, std::slice::from_ref(&x))?;
    let second = hvp(&product, std::slice::from_ref(&x), &[direction])?;
    let both = [gradient[0].clone(), second[0].clone()];
    assert_eq!(plain(&x, &both, &[2.0, 0.0, 3.0])?, [[0.0, 6.0, 0.0], [3.0, 5.0, 2.0]]);
    assert_eq!(plain(&x, &both, &[0.0, 0.0, 3.0])?, [[0.0, 0.0, 0.0], [3.0, 3.0, 0.0]]);
    Ok(())
}

#[test]
fn the_gradient_of_cumprod_divides_by_zero() -> Outcome {
    let x = vector("x");
    let cost = sum(&mul(&cumprod(&x, 0)?, &constant(vec![1.0, 2.0, -1.0, 0.5]))?)?;
    let gradient = grad(&cost, std::slice::from_ref(&x))?;
    assert_eq!(plain(&x, &gradient, &[2.0, 0.0, 3.0, 4.0])?, [[1.0, 10.0, 0.0, 0.0]]);
    Ok(())
}
