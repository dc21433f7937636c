//! The entries of the transforms, and where they are proved.

use kronograph_graph::{BuildError, Entry, Params, Result, Sample, SampleInput, Variable};

use super::Transform;
use crate::params::only;
use crate::samples::{dense, given, narrowed, shaped, spread_over};

const FAMILY: &str = "transforms";

/// The four questions to a transform, which the parameter `transform` names; a chain is several names with commas.
pub(crate) fn entries() -> Vec<Entry> {
    vec![
        entry("transform_forward", Transform::forward, || both(forward_samples)),
        entry("transform_inverse", Transform::inverse, inverse_samples),
        entry("transform_log_jacobian", Transform::log_jacobian, || both(forward_samples)),
        entry("transform_derivative", Transform::derivative, elementwise_samples),
    ]
}

type Question = fn(&Transform, &Variable) -> Result<Variable>;

fn entry(name: &'static str, question: Question, samples: fn() -> Vec<Sample>) -> Entry {
    let build =
        move |params: &Params<'_>, inputs: &[Variable]| Ok(vec![question(&named(params)?, only(params, inputs)?)?]);
    Entry::function(name, FAMILY, build, samples)
}

/// The transform that parameters name: `transform`, and with it `power`, `scale`, `shift`, `low`, `high`, `order`.
fn named(params: &Params<'_>) -> Result<Transform> {
    let words = params.word("transform")?;
    let mut members = words.split(',').map(|word| member(params, word)).collect::<Result<Vec<_>>>()?;
    Ok(if members.len() == 1 { members.remove(0) } else { Transform::Chain(members) })
}

fn member(params: &Params<'_>, word: &str) -> Result<Transform> {
    let number = |name: &str, default: f64| Ok::<_, BuildError>(params.maybe_float(name)?.unwrap_or(default));
    Ok(match word {
        "identity" => Transform::Identity,
        "exp" => Transform::Exp,
        "exp2" => Transform::Exp2,
        "exp10" => Transform::Exp10,
        "exppow2" => Transform::ExpPow2,
        "pow" => Transform::Pow(number("power", 1.0)?),
        "sigmoid" => Transform::Sigmoid,
        "scale_shift" => Transform::ScaleShift { scale: number("scale", 1.0)?, shift: number("shift", 0.0)? },
        "interval" => Transform::interval(number("low", 0.0)?, number("high", 1.0)?),
        "simplex" => Transform::Simplex,
        "ordered" => Transform::Ordered,
        "correlation_cholesky" => Transform::CorrelationCholesky { order: params.size("order")? },
        other => return Err(params.wrong_word("transform", "the name of a transform", other)),
    })
}

const ELEMENTWISE: [&str; 9] =
    ["identity", "exp", "exp2", "exp10", "exppow2", "sigmoid", "scale_shift", "interval", "sigmoid,scale_shift,exp"];

fn with_numbers(sample: Sample) -> Sample {
    sample.with("scale", -1.5).with("shift", 0.25).with("low", -1.0).with("high", 3.0)
}

fn of(word: &'static str, what: &str, input: SampleInput) -> Sample {
    with_numbers(Sample::new(format!("{word}, {what}"), [input])).with("transform", word)
}

fn pow(power: f64, what: &str, input: SampleInput) -> Sample {
    of("pow", &format!("{power}, {what}"), input).with("power", power)
}

fn elementwise_samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    for word in ELEMENTWISE {
        samples.push(of(word, "interior", dense(&[2, 3], (-1.5, 1.5), 1)));
        samples.push(of(word, "a scalar", dense(&[], (-1.5, 1.5), 2)));
        samples.push(of(word, "no elements", dense(&[0, 2], (-1.5, 1.5), 1)));
        samples.push(of(word, "f32", narrowed(&spread_over(&[3], (-1.5, 1.5), 1))).single());
        samples.push(of(word, "far out", given(vec![-800.0, -40.0, 0.0, 40.0, 300.0])).edge());
        samples.push(of(word, "integers", given(vec![-1i64, 0, 2])).edge());
    }
    for power in [3.0, 2.0, 0.5, -1.0, 1.0] {
        samples.push(pow(power, "interior", dense(&[3], (0.3, 2.0), 3)));
    }
    samples.push(pow(3.0, "negative", dense(&[3], (-2.0, -0.5), 3)));
    samples.push(pow(3.0, "zero", given(vec![0.0, 1.0])).edge());
    samples
}

/// How many raw numbers, and how many values: of vectors, of stacks of them, of the smallest.
type Shapes = (&'static [usize], &'static [usize]);

const SIMPLEX: &[Shapes] = &[(&[3], &[4]), (&[2, 2], &[2, 3]), (&[0], &[1]), (&[0, 2], &[0, 3])];
const ORDERED: &[Shapes] = &[(&[3], &[3]), (&[2, 2], &[2, 2]), (&[1], &[1]), (&[0], &[0]), (&[2, 0], &[2, 0])];
const CHOLESKY: &[(&[usize], usize)] = &[(&[6], 4), (&[2, 3], 3), (&[1], 2), (&[0], 1), (&[0], 0), (&[0, 3], 3)];

fn forward_samples() -> Vec<Sample> {
    let raw = |shape: &[usize]| dense(shape, (-1.5, 1.5), 1);
    let mut samples: Vec<Sample> = SIMPLEX.iter().map(|(x, _)| of("simplex", &format!("{x:?}"), raw(x))).collect();
    samples.extend(ORDERED.iter().map(|(x, _)| of("ordered", &format!("{x:?}"), raw(x))));
    let cholesky = |what: &str, input, order: usize| of("correlation_cholesky", what, input).with("order", order);
    samples.extend(CHOLESKY.iter().map(|(x, order)| cholesky(&format!("{x:?} to order {order}"), raw(x), *order)));
    let far = || given(vec![-800.0, 800.0, 40.0, -40.0, 1e-8, 0.0]);
    samples.push(cholesky("far out", far(), 4).edge());
    let single = || narrowed(&spread_over(&[3], (-1.5, 1.5), 1));
    samples.push(cholesky("f32", single(), 3).single());
    for word in ["simplex", "ordered"] {
        samples.push(of(word, "far out", far()).edge());
        samples.push(of(word, "f32", single()).single());
    }
    samples.push(of("ordered,exp", "rising and positive", raw(&[2, 3])));
    samples.push(of("scale_shift,simplex", "a scaled simplex", raw(&[2, 3])));
    samples
}

fn both(more: fn() -> Vec<Sample>) -> Vec<Sample> {
    elementwise_samples().into_iter().chain(more()).collect()
}

fn inverse_samples() -> Vec<Sample> {
    let positive = |word| of(word, "interior", dense(&[2, 3], (0.3, 3.0), 1));
    let mut samples: Vec<Sample> = ["identity", "exp", "exp2", "exp10", "exppow2", "scale_shift"].map(positive).into();
    samples.push(of("sigmoid", "interior", dense(&[2, 3], (0.2, 0.8), 1)));
    samples.push(of("interval", "interior", dense(&[3], (-0.5, 2.5), 1)));
    samples.push(of("scale_shift,exp", "a chain", dense(&[3], (0.3, 3.0), 1)));
    samples.push(of("exp", "f32", narrowed(&spread_over(&[3], (0.3, 3.0), 1))).single());
    samples.push(of("exp", "no elements", dense(&[0], (0.3, 3.0), 1)));
    samples.push(of("sigmoid", "beyond the border", given(vec![-0.5, 0.0, 1.0, 1.5, f64::NAN])).edge());
    for power in [3.0, 2.0, 0.5, -1.0] {
        samples.push(pow(power, "interior", dense(&[3], (0.3, 2.0), 3)));
    }
    samples.push(pow(3.0, "negative", dense(&[3], (-2.0, -0.5), 3)));
    samples.push(pow(3.0, "zero", given(vec![0.0, 1.0])).edge());
    samples.extend(SIMPLEX.iter().map(|(_, y)| of("simplex", &format!("{y:?}"), dense(y, (0.1, 0.3), 1))));
    samples.push(of("simplex", "on the border", given(vec![0.0, 0.5, 0.5, 0.0])).edge());
    samples.extend(ORDERED.iter().map(|(_, y)| of("ordered", &format!("{y:?}"), rising(y))));
    for &(x, order) in CHOLESKY {
        let shape = [&x[..x.len() - 1], &[order, order]].concat();
        let what = format!("{shape:?}");
        samples.push(of("correlation_cholesky", &what, lower(&shape)).with("order", order));
    }
    samples
}

fn rising(shape: &[usize]) -> SampleInput {
    let count: usize = shape.iter().product();
    given(shaped(shape, (0..count).map(|k| (k as f64).powf(1.3)).collect()))
}

/// Matrices with a positive diagonal.
fn lower(shape: &[usize]) -> SampleInput {
    let (count, order) = (shape.iter().product(), shape[shape.len() - 1]);
    let entry = |k: usize| match (k / order % order, k % order) {
        (row, column) if row == column => 0.6,
        (row, column) => 0.1 * (row as f64 + 1.0) - 0.25 * column as f64,
    };
    given(shaped(shape, (0..count).map(entry).collect()))
}
