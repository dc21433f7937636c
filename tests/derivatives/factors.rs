//! Cases for dense factorisations, solves and log-determinants.

use kronograph::graph::Result;
use kronograph::prelude::*;

use crate::harness::{Case, Given, Random, case, dense, given};

const RANGE: (f64, f64) = (-1.0, 1.0);

pub(crate) fn cases() -> Vec<Case> {
    let random = &mut Random(6);
    [solves(random), determinants(random), krons(random)].into_iter().flatten().collect()
}

/// A general matrix far from singular, whose largest entries are off the diagonal, so that rows are exchanged.
pub(crate) fn general(random: &mut Random, n: usize) -> Given {
    let shifted = |at: usize| if (at / n + 1) % n == at % n { 3.0 } else { 0.0 };
    let data: Vec<f64> = (0..n * n).map(|at| shifted(at) + random.between(RANGE)).collect();
    given(Tensor::new(&[n, n], data).unwrap())
}

/// A positive definite matrix; it need not be stored symmetrically, since only the lower triangle is read.
fn positive(random: &mut Random, n: usize) -> Given {
    let data: Vec<f64> =
        (0..n * n).map(|at| if at / n == at % n { 4.0 } else { 0.0 } + random.between(RANGE)).collect();
    given(Tensor::new(&[n, n], data).unwrap())
}

type Factorise = fn(&Variable) -> Result<Variable>;

fn solves(random: &mut Random) -> Vec<Case> {
    let shapes: [(&[usize], usize); 6] =
        [(&[3], 0), (&[3, 2], 0), (&[2, 3], 1), (&[3, 2, 2], 0), (&[2, 3, 2], 1), (&[2, 2, 3], 2)];
    let mut cases = Vec::new();
    for (shape, axis) in shapes {
        for trans in [Trans::No, Trans::Yes] {
            let lu = vec![general(random, 3), dense(random, shape, RANGE)];
            let cholesky = vec![positive(random, 3), dense(random, shape, RANGE)];
            for (name, factorise, inputs) in
                [("lu", lu_factor as Factorise, lu), ("cholesky", cholesky_factor as Factorise, cholesky)]
            {
                let name = format!("factor_solve of {name}, b of shape {shape:?}, axis {axis}, {trans:?}");
                cases.push(case(name, inputs, move |v| factor_solve_axis(&factorise(&v[0])?, &v[1], axis, trans)));
            }
        }
    }
    let twice = vec![general(random, 3), dense(random, &[3], RANGE)];
    cases.push(case("two solves with one factor", twice, |v| {
        let factor = lu_factor(&v[0])?;
        factor_solve(&factor, &sqr(&factor_solve(&factor, &v[1], Trans::No)?)?, Trans::Yes)
    }));
    cases
}

fn determinants(random: &mut Random) -> Vec<Case> {
    let log = |factor: Variable| Ok(factor_logdet(&factor)?.1);
    let mut cases = vec![
        case("factor_logdet of lu", vec![general(random, 4)], move |v| log(lu_factor(&v[0])?)),
        case("factor_logdet of cholesky", vec![positive(random, 4)], move |v| log(cholesky_factor(&v[0])?)),
        case("logdet and solve with one factor", vec![positive(random, 3), dense(random, &[3], RANGE)], |v| {
            let factor = cholesky_factor(&v[0])?;
            let quadratic = matmul(&v[1], &factor_solve(&factor, &v[1], Trans::No)?)?;
            add(&quadratic, &factor_logdet(&factor)?.1)
        }),
    ];
    let both = |v: &[Variable]| slogdet(&v[0]).map(|(sign, log)| vec![sign, log]);
    let inputs = vec![general(random, 3)];
    cases.push(Case { name: "slogdet, both outputs".into(), inputs, build: Box::new(both), precision: f64::EPSILON });
    cases
}

fn krons(random: &mut Random) -> Vec<Case> {
    let mut cases = Vec::new();
    for (shape, trans) in [(&[6][..], Trans::No), (&[6], Trans::Yes), (&[6, 2], Trans::No), (&[6, 2], Trans::Yes)] {
        let inputs = vec![general(random, 2), general(random, 3), dense(random, shape, RANGE)];
        cases.push(case(format!("solve with kron, b of shape {shape:?}, {trans:?}"), inputs, move |v| {
            factor_solve(&lu_factor(&kron(&v[0], &v[1])?)?, &v[2], trans)
        }));
    }
    let inputs = vec![general(random, 2), general(random, 3)];
    cases.push(case("slogdet of kron", inputs, |v| Ok(slogdet(&kron(&v[0], &v[1])?)?.1)));
    cases
}
