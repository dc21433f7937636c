//! Cases for ops that run an expression, and for identities with derivatives of their own.

use kronograph::graph::{Grad, OpFromGraph, grad_scale};
use kronograph::ops::map;
use kronograph::prelude::*;

use crate::harness::{Case, Random, case, dense};

const RANGE: (f64, f64) = (-1.0, 1.0);

pub(crate) fn cases() -> Vec<Case> {
    let random = &mut Random(21);
    let mut given = |shapes: &[&[usize]]| shapes.iter().map(|shape| dense(random, shape, RANGE)).collect::<Vec<_>>();
    vec![
        case("map over rows with a captured vector", given(&[&[3, 2], &[2]]), |v| {
            let scale = exp(&v[1])?;
            Ok(map(&v[..1], |row| Ok(vec![sum(&sin(&mul(&row[0], &scale)?)?)?]))?.remove(0))
        }),
        case("map over two sequences", given(&[&[3, 2], &[3]]), |v| {
            Ok(map(v, |e| Ok(vec![mul(&e[0], &exp(&e[1])?)?]))?.remove(0))
        }),
        case("map of which only one output is used", given(&[&[4], &[]]), |v| {
            let both = map(&v[..1], |e| Ok(vec![sqr(&e[0])?, mul(&sin(&e[0])?, &v[1])?]))?;
            Ok(both[1].clone())
        }),
        case("map of what does not depend on the sequence", given(&[&[3], &[2]]), |v| {
            add(&map(&v[..1], |_| Ok(vec![sum(&sqr(&v[1])?)?]))?.remove(0), &v[0])
        }),
        case("map with a captured factor", given(&[&[3, 2], &[2, 2]]), |v| {
            let factor = lu_factor(&add(&matmul(&v[1], &v[1])?, &mul(4.0, &eye(2)?)?)?)?;
            Ok(map(&v[..1], |row| Ok(vec![factor_solve(&factor, &row[0], Trans::No)?]))?.remove(0))
        }),
        case("map in a map", given(&[&[2, 3], &[]]), |v| {
            let rows = map(&v[..1], |row| map(row, |e| Ok(vec![sin(&mul(&e[0], &v[1])?)?])));
            Ok(rows?.remove(0))
        }),
        case("an op of an expression", given(&[&[3], &[3]]), |v| {
            let (a, b) = (vector("a"), vector("b"));
            let op = OpFromGraph::new("blend", &[a.clone(), b.clone()], &[mul(&sin(&a)?, &exp(&b)?)?])?;
            Ok(op.call(v)?.remove(0))
        }),
        case("an op of an expression, of related inputs", given(&[&[3]]), |v| {
            let (a, b) = (vector("a"), vector("b"));
            let op = OpFromGraph::new("blend", &[a.clone(), b.clone()], &[mul(&sin(&a)?, &b)?])?;
            Ok(op.call(&[v[0].clone(), sqr(&v[0])?])?.remove(0))
        }),
        case("an op with a reverse rule only", given(&[&[3]]), |v| Ok(cube()?.with_vjp(slope).call(v)?.remove(0))),
        case("an op with a forward rule only", given(&[&[3]]), |v| Ok(cube()?.with_jvp(slope).call(v)?.remove(0))),
        case("grad_scale by one", given(&[&[3]]), |v| sqr(&grad_scale(&v[0], 1.0)?)),
    ]
}

fn cube() -> kronograph::graph::Result<OpFromGraph> {
    let x = vector("x");
    OpFromGraph::new("cube", std::slice::from_ref(&x), &[mul(&x, &sqr(&x)?)?])
}

/// The derivative of the cube is diagonal, so that one rule serves both directions.
fn slope(node: &kronograph::graph::NodeView<'_>, terms: &[Option<Variable>]) -> kronograph::graph::Result<Vec<Grad>> {
    let Some(term) = &terms[0] else { return Ok(vec![Grad::Zero]) };
    Ok(vec![mul(&mul(3.0, &sqr(node.input(0))?)?, term)?.into()])
}
