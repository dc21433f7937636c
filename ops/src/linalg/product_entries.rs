//! The entries of products made of others.

use kronograph_graph::{BuildError, Entry, Params, Prop, Result, Sample, SampleInput, Variable};

use super::einsum::einsum;
use super::tensordot::{batched_dot, dot, matvec, outer, tensordot, vecdot, vecmat};
use crate::params::{axes_in, exactly, some};
use crate::samples::{broadcasting, given, narrowed, shaped, spread_over};

const FAMILY: &str = "products";

/// An operand: its shape, and its axes of declared length 1.
type Operand = (&'static [usize], &'static [usize]);

type Pair = (&'static str, Operand, Operand);

/// The entries of products.
pub(crate) fn entries() -> Vec<Entry> {
    vec![
        of_two("dot", dot, || pairs(DOT)),
        of_two("outer", outer, || pairs(OUTER)),
        of_two("vecdot", vecdot, || pairs(VECDOT)),
        of_two("matvec", matvec, || pairs(MATVEC)),
        of_two("vecmat", vecmat, || pairs(VECMAT)),
        of_two("batched_dot", batched_dot, || pairs(BATCHED_DOT)),
        Entry::function("tensordot", FAMILY, build_tensordot, tensordot_samples),
        Entry::function("einsum", FAMILY, build_einsum, einsum_samples),
    ]
}

fn of_two(
    name: &'static str,
    product: fn(&Variable, &Variable) -> Result<Variable>,
    samples: fn() -> Vec<Sample>,
) -> Entry {
    let build = move |params: &Params<'_>, inputs: &[Variable]| {
        let [a, b] = exactly(params, inputs)?;
        Ok(vec![product(a, b)?])
    };
    Entry::function(name, FAMILY, build, samples)
}

/// PyTensor's `axes`: how many last axes of the first meet the first ones of the second (2 if absent), or two lists.
fn build_tensordot(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let [a, b] = exactly(params, inputs)?;
    let ranks = [a.ty().extents().len(), b.ty().extents().len()];
    let (axes_a, axes_b) = match params.get("axes") {
        None | Some(Prop::Int(_)) => {
            let count = params.maybe_int("axes")?.unwrap_or(2);
            let fits = usize::try_from(count).ok().filter(|count| ranks.iter().all(|rank| count <= rank));
            let Some(count) = fits else {
                let rule = format!("{count} axes cannot be summed over");
                return Err(BuildError::inputs("tensordot", inputs, rule));
            };
            ((ranks[0] - count..ranks[0]).collect(), (0..count).collect())
        }
        Some(other) => {
            let lists = params.maybe_list("axes")?.unwrap_or_default();
            let [first, second] = &lists[..] else {
                return Err(params.wrong("axes", "a number of axes, or two lists of them", other));
            };
            (summed_axes(params, a, first)?, summed_axes(params, b, second)?)
        }
    };
    Ok(vec![tensordot(a, b, &axes_a, &axes_b)?])
}

fn summed_axes(params: &Params<'_>, x: &Variable, axes: &Prop) -> Result<Vec<usize>> {
    let axes = match axes {
        Prop::Int(axis) => std::slice::from_ref(axis),
        Prop::Ints(axes) => axes,
        Prop::List(members) if members.is_empty() => &[],
        other => return Err(params.wrong("axes", "a number of axes, or two lists of them", other)),
    };
    axes_in("tensordot", x, axes)
}

fn build_einsum(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    Ok(vec![einsum(params.word("subscripts")?, some(params, inputs)?)?])
}

const DOT: &[Pair] = &[
    ("vectors", (&[4], &[]), (&[4], &[])),
    ("matrix and vector", (&[3, 4], &[]), (&[4], &[])),
    ("vector and matrix", (&[3], &[]), (&[3, 4], &[])),
    ("matrices", (&[3, 4], &[]), (&[4, 2], &[])),
    ("column and row", (&[3, 1], &[1]), (&[1, 4], &[0])),
    ("nothing inside", (&[2, 0], &[]), (&[0, 3], &[])),
    ("empty vectors", (&[0], &[]), (&[0], &[])),
    ("a scalar", (&[], &[]), (&[2, 3], &[])),
    ("three axes and two", (&[2, 3, 4], &[]), (&[4, 2], &[])),
    ("three axes and one", (&[2, 2, 3], &[]), (&[3], &[])),
    ("one axis and three", (&[3], &[]), (&[2, 3, 2], &[])),
    ("three axes and three", (&[2, 2, 3], &[]), (&[2, 3, 2], &[])),
];

const OUTER: &[Pair] = &[
    ("vectors", (&[3], &[]), (&[4], &[])),
    ("one element", (&[1], &[0]), (&[3], &[])),
    ("empty", (&[0], &[]), (&[3], &[])),
    ("a matrix", (&[2, 2], &[]), (&[3], &[])),
    ("a scalar", (&[], &[]), (&[3], &[])),
];

const VECDOT: &[Pair] = &[
    ("vectors", (&[3], &[]), (&[3], &[])),
    ("stacks", (&[2, 3], &[]), (&[2, 3], &[])),
    ("one for a stack", (&[3], &[]), (&[2, 3], &[])),
    ("repeated", (&[2, 1, 3], &[1]), (&[2, 3], &[])),
    ("empty", (&[2, 0], &[]), (&[2, 0], &[])),
];

const MATVEC: &[Pair] = &[
    ("one of each", (&[2, 3], &[]), (&[3], &[])),
    ("stacks", (&[2, 2, 3], &[]), (&[2, 3], &[])),
    ("one matrix", (&[2, 3], &[]), (&[4, 3], &[])),
    ("one vector", (&[2, 2, 3], &[]), (&[3], &[])),
    ("empty", (&[2, 0], &[]), (&[0], &[])),
];

const VECMAT: &[Pair] = &[
    ("one of each", (&[2], &[]), (&[2, 3], &[])),
    ("stacks", (&[2, 2], &[]), (&[2, 2, 3], &[])),
    ("one matrix", (&[4, 2], &[]), (&[2, 3], &[])),
    ("one vector", (&[2], &[]), (&[2, 2, 3], &[])),
];

const BATCHED_DOT: &[Pair] = &[
    ("matrices", (&[2, 2, 3], &[]), (&[2, 3, 2], &[])),
    ("matrices and vectors", (&[2, 2, 3], &[]), (&[2, 3], &[])),
    ("vectors and matrices", (&[2, 3], &[]), (&[2, 3, 2], &[])),
    ("vectors", (&[2, 3], &[]), (&[2, 3], &[])),
    ("an empty stack", (&[0, 2, 3], &[]), (&[0, 3, 2], &[])),
];

const EINSUM: &[(&str, &[Operand])] = &[
    ("ij,jk->ik", &[(&[2, 3], &[]), (&[3, 4], &[])]),
    ("ij,jk", &[(&[2, 3], &[]), (&[3, 4], &[])]),
    ("ba", &[(&[2, 3], &[])]),
    ("ii->i", &[(&[3, 3], &[])]),
    ("ii", &[(&[3, 3], &[])]),
    ("iij->j", &[(&[2, 2, 3], &[])]),
    ("iii->i", &[(&[2, 2, 2], &[])]),
    ("ij->", &[(&[2, 3], &[])]),
    ("ij -> ji", &[(&[2, 3], &[])]),
    ("ij->j", &[(&[2, 3], &[])]),
    (",ij->ij", &[(&[], &[]), (&[2, 3], &[])]),
    ("i,i->", &[(&[3], &[]), (&[3], &[])]),
    ("i,i->i", &[(&[3], &[]), (&[3], &[])]),
    ("ij,ij->", &[(&[2, 3], &[]), (&[2, 3], &[])]),
    ("ij,ij->i", &[(&[2, 3], &[]), (&[2, 3], &[])]),
    ("bij,bjk->bik", &[(&[2, 2, 3], &[]), (&[2, 3, 2], &[])]),
    ("bij,bj->bi", &[(&[2, 2, 3], &[]), (&[2, 3], &[])]),
    ("bj,bjk->kb", &[(&[2, 3], &[]), (&[2, 3, 2], &[])]),
    ("bij,kj->bki", &[(&[2, 2, 3], &[]), (&[2, 3], &[])]),
    ("i,j,k->ijk", &[(&[2], &[]), (&[3], &[]), (&[2], &[])]),
    ("i,ij,j->", &[(&[2], &[]), (&[2, 3], &[]), (&[3], &[])]),
    ("ij,jk,kl,lm->im", &[(&[2, 3], &[]), (&[3, 2], &[]), (&[2, 4], &[]), (&[4, 2], &[])]),
    ("ij,kl->jl", &[(&[2, 3], &[]), (&[3, 2], &[])]),
    ("ijk,jil->kl", &[(&[2, 3, 2], &[]), (&[3, 2, 2], &[])]),
    ("ijkl,lkm->mij", &[(&[2, 2, 3, 2], &[]), (&[2, 3, 2], &[])]),
    ("...ij,...jk->...ik", &[(&[2, 2, 3], &[]), (&[3, 2], &[])]),
    ("...i,...i", &[(&[2, 3], &[]), (&[2, 3], &[])]),
    ("i...->...", &[(&[2, 3, 2], &[])]),
    ("...ii->...i", &[(&[2, 3, 3], &[])]),
    ("ij,jk->ik", &[(&[2, 1], &[1]), (&[3, 2], &[])]),
    ("ij,ij->ij", &[(&[1, 3], &[0]), (&[2, 3], &[])]),
    ("ij,jk->ik", &[(&[2, 0], &[]), (&[0, 3], &[])]),
    ("i->i", &[(&[0], &[])]),
];

const RANGE: (f64, f64) = (-2.0, 2.0);

fn input((shape, ones): Operand, seed: u64) -> SampleInput {
    broadcasting(spread_over(shape, RANGE, seed), ones)
}

/// The operands as they are, the first pair also in f32 and as integers.
fn pairs(pairs: &[Pair]) -> Vec<Sample> {
    let mut samples: Vec<Sample> =
        pairs.iter().map(|&(name, a, b)| Sample::new(name, [input(a, 1), input(b, 2)])).collect();
    let shapes = [pairs[0].1.0, pairs[0].2.0];
    let [a, b] = shapes.map(|shape| narrowed(&spread_over(shape, RANGE, 3)));
    samples.push(Sample::new("f32", [a, b]).single());
    let whole = |shape: &[usize]| given(shaped(shape, (0..shape.iter().product::<usize>() as i64).collect()));
    samples.push(Sample::new("integers", shapes.map(whole)).edge());
    samples
}

fn tensordot_samples() -> Vec<Sample> {
    let lists = |a: &[i64], b: &[i64]| Prop::List(vec![Prop::Ints(a.to_vec()), Prop::Ints(b.to_vec())]);
    let sample = |name, a: &'static [usize], b: &'static [usize], axes: Prop| {
        Sample::new(name, [input((a, &[]), 1), input((b, &[]), 2)]).with("axes", axes)
    };
    let x = || [input((&[2, 3, 2], &[]), 1), input((&[3, 2, 2], &[]), 2)];
    vec![
        Sample::new("the default", x()),
        sample("two pairs crosswise", &[2, 3, 4], &[4, 3, 2], lists(&[1, 2], &[1, 0])),
        sample("from the end", &[2, 3, 4], &[2, 4, 3], lists(&[-1], &[-2])),
        sample("one axis", &[2, 3], &[3, 4], 1i64.into()),
        sample("no axis", &[2, 2], &[3], 0i64.into()),
        sample("empty lists", &[2], &[3], lists(&[], &[])),
        sample("all axes", &[2, 3], &[2, 3], 2i64.into()),
        sample("single numbers", &[2, 3], &[2, 2], Prop::Ints(vec![0, 1])),
        sample("nothing inside", &[2, 0, 3], &[3, 0], lists(&[1, 2], &[1, 0])),
        sample("no rows", &[0, 3], &[3, 2], 1i64.into()),
        Sample::new("f32", [narrowed(&spread_over(&[2, 3], RANGE, 1)), narrowed(&spread_over(&[3, 2], RANGE, 2))])
            .single()
            .with("axes", 1i64),
    ]
}

fn einsum_samples() -> Vec<Sample> {
    let sample = |(subscripts, operands): &(&'static str, &[Operand])| {
        let inputs: Vec<SampleInput> = operands.iter().zip(1..).map(|(operand, seed)| input(*operand, seed)).collect();
        Sample::new(*subscripts, inputs).with("subscripts", *subscripts)
    };
    let mut samples: Vec<Sample> = EINSUM.iter().map(sample).collect();
    let single = |shape, seed| narrowed(&spread_over(shape, RANGE, seed));
    samples.push(Sample::new("f32", [single(&[2, 3], 1), single(&[3, 2], 2)]).single().with("subscripts", "ij,jk->ik"));
    let whole = given(shaped(&[2, 2], vec![1i64, 2, 3, 4]));
    samples.push(Sample::new("integers", [whole.clone(), whole]).edge().with("subscripts", "ij,kj->ik"));
    samples
}
