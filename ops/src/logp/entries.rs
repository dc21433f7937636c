//! The entries of the densities, and where they are proved: inside, beside each other, and on the borders.

use kronograph_graph::{Entry, Params, Result, Sample, SampleInput, Variable};

use super::{bounded, counts, normal, positive, real, vectors};
use crate::dtype::DType;
use crate::elemwise::cast_value;
use crate::linalg::{cholesky_factor, lu_factor};
use crate::params::exactly;
use crate::samples::{broadcasting, dense, given, narrowed, shaped, spread_over};
use crate::tensor::Tensor;

const FAMILY: &str = "log-densities";
const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// An argument of a density: whether it is a count, where it is sampled, and numbers on the borders.
struct Argument(Kind, (f64, f64), &'static [f64]);

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Number,
    Count,
}

use Kind::{Count, Number};

/// A scale, a rate, or another number that is positive.
const POSITIVE: Argument = Argument(Number, (0.5, 2.0), &[2.0, 0.0, -1.0]);
/// A number of the size of degrees of freedom.
const SHAPE: Argument = Argument(Number, (0.6, 3.0), &[0.5, 1.0, 2.0, 1e9, -1.0]);
/// A location.
const REAL: Argument = Argument(Number, (-2.0, 2.0), &[0.5, NAN]);

/// The densities of this folder.
pub(crate) fn entries() -> Vec<Entry> {
    [of_numbers(), of_positive_numbers(), of_bounded_numbers(), of_counts(), of_vectors()].concat()
}

fn of_numbers() -> Vec<Entry> {
    let x = || Argument(Number, (-2.0, 2.0), &[0.0, 1e150, -INF, NAN]);
    vec![
        of3("normal_logp", |[x, a, b]| real::normal(x, a, b), move || [x(), REAL, POSITIVE]),
        of4("student_t_logp", |[x, n, a, b]| real::student_t(x, n, a, b), move || [x(), SHAPE, REAL, POSITIVE]),
        of3("laplace_logp", |[x, a, b]| real::laplace(x, a, b), move || [x(), REAL, POSITIVE]),
    ]
}

fn of_positive_numbers() -> Vec<Entry> {
    let x = || Argument(Number, (0.3, 3.0), &[-1.0, 0.0, -0.0, 1e150, INF, NAN]);
    vec![
        of2("half_normal_logp", |[x, a]| positive::half_normal(x, a), move || [x(), POSITIVE]),
        of2("half_cauchy_logp", |[x, a]| positive::half_cauchy(x, a), move || [x(), POSITIVE]),
        of2("exponential_logp", |[x, a]| positive::exponential(x, a), move || [x(), POSITIVE]),
        of3("gamma_logp", |[x, a, b]| positive::gamma(x, a, b), move || [x(), SHAPE, POSITIVE]),
        of3("inverse_gamma_logp", |[x, a, b]| positive::inverse_gamma(x, a, b), move || [x(), SHAPE, POSITIVE]),
        of3("lognormal_logp", |[x, a, b]| positive::lognormal(x, a, b), move || [x(), REAL, POSITIVE]),
    ]
}

fn of_bounded_numbers() -> Vec<Entry> {
    let between = || {
        let x = Argument(Number, (0.1, 0.9), &[-1.0, 0.0, 0.5, 1.0, 2.0, NAN]);
        [x, Argument(Number, (-1.0, 0.0), &[0.0, 1.0]), Argument(Number, (1.0, 2.0), &[1.0, NAN])]
    };
    let share = || Argument(Number, (0.2, 0.8), &[-1.0, 0.0, 1.0, 0.5, 2.0, NAN]);
    let angle = || Argument(Number, (-3.0, 3.0), &[0.5, 10.0, NAN]);
    vec![
        of3("uniform_logp", |[x, a, b]| bounded::uniform(x, a, b), between),
        of3("beta_logp", |[x, a, b]| bounded::beta(x, a, b), move || [share(), SHAPE, SHAPE]),
        of3(
            "von_mises_logp",
            |[x, a, b]| bounded::von_mises(x, a, b),
            move || [angle(), REAL, Argument(Number, (0.3, 3.0), &[1e8, -1.0])],
        ),
    ]
}

fn of_counts() -> Vec<Entry> {
    let k = |range| Argument(Count, range, &[0.0, 3.0, -1.0, 0.5, NAN]);
    let trials = || Argument(Count, (5.0, 9.0), &[3.0, 5.0, 0.0, 2.5]);
    let p = || Argument(Number, (0.2, 0.8), &[0.5, 0.0, 1.0, 2.0]);
    let log_odds = || Argument(Number, (-2.0, 2.0), &[800.0, -800.0]);
    let few = (0.0, 5.0);
    vec![
        of2("poisson_logp", |[k, a]| counts::poisson(k, a), move || [k(few), POSITIVE]),
        of3(
            "negative_binomial_logp",
            |[k, a, b]| counts::negative_binomial(k, a, b),
            move || [k(few), POSITIVE, SHAPE],
        ),
        of3("binomial_logp", |[k, n, p]| counts::binomial(k, n, p), move || [k(few), trials(), p()]),
        of2("bernoulli_logit_logp", |[k, a]| counts::bernoulli_logit(k, a), move || [k((0.0, 2.0)), log_odds()]),
        entry("categorical_logit_logp", |[k, a]| counts::categorical_logit(k, a), choices),
    ]
}

fn of_vectors() -> Vec<Entry> {
    // A factor cannot be an argument: those of a given matrix are taken, by LU and by Cholesky.
    let by_factors: fn(&[Variable; 3]) -> Result<Variable> = |[x, mu, a]| {
        let by_lu = normal::multivariate_normal_factor(x, mu, &lu_factor(a)?)?;
        Ok(by_lu + normal::multivariate_normal_factor(x, mu, &cholesky_factor(a)?)?)
    };
    let by_triangle: fn(&[Variable; 3]) -> Result<Variable> =
        |[x, mu, l]| normal::multivariate_normal_cholesky(x, mu, l);
    let by_precision: fn(&[Variable; 3]) -> Result<Variable> =
        |[x, mu, q]| normal::multivariate_normal_precision(x, mu, q);
    vec![
        entry("dirichlet_logp", |[x, a]| vectors::dirichlet(x, a), shares),
        entry("multivariate_normal_logp", |[x, mu, a]| normal::multivariate_normal(x, mu, a), vectors_and_matrices),
        entry("multivariate_normal_cholesky_logp", by_triangle, vectors_and_matrices),
        entry("multivariate_normal_precision_logp", by_precision, vectors_and_matrices),
        entry("multivariate_normal_factor_logp", by_factors, vectors_and_matrices),
    ]
}

fn entry<const N: usize>(
    name: &'static str,
    density: fn(&[Variable; N]) -> Result<Variable>,
    samples: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
) -> Entry {
    let build = move |params: &Params<'_>, inputs: &[Variable]| Ok(vec![density(exactly(params, inputs)?)?]);
    Entry::function(name, FAMILY, build, samples)
}

macro_rules! of {
    ($($name:ident: $count:literal;)+) => { $(
        fn $name(
            name: &'static str,
            density: fn(&[Variable; $count]) -> Result<Variable>,
            arguments: impl Fn() -> [Argument; $count] + Send + Sync + 'static,
        ) -> Entry {
            entry(name, density, move || elementwise(&arguments()))
        }
    )+ };
}

of! {
    of2: 2;
    of3: 3;
    of4: 4;
}

/// Samples of shapes side by side, of f32, and of all combinations of numbers on the borders.
fn elementwise(arguments: &[Argument]) -> Vec<Sample> {
    let input = |k: usize, shape: &[usize], ones: &[usize]| broadcasting(arguments[k].numbers(k, shape), ones);
    let all = |shape: &[usize]| (0..arguments.len()).map(|k| input(k, shape, &[])).collect::<Vec<_>>();
    let beside = (0..arguments.len()).map(|k| match k {
        0 => input(k, &[2, 1], &[1]),
        1 => input(k, &[1, 3], &[0]),
        2 => input(k, &[], &[]),
        _ => input(k, &[3], &[]),
    });
    let single = arguments.iter().enumerate().map(|(k, argument)| {
        let numbers = argument.numbers(k, &[3]);
        if argument.0 == Count { given(numbers) } else { narrowed(&numbers) }
    });
    vec![
        Sample::new("interior", all(&[2, 3])),
        Sample::new("a column, a row and others", beside),
        Sample::new("one element", all(&[1])),
        Sample::new("no elements", all(&[0, 3])),
        Sample::new("f32", single).single(),
        borders(arguments),
    ]
}

impl Argument {
    fn numbers(&self, seed: usize, shape: &[usize]) -> Tensor {
        let numbers = spread_over(shape, self.1, seed as u64 + 1);
        if self.0 == Count { cast_value(&numbers, DType::I64) } else { numbers }
    }
}

/// All combinations of the numbers that the arguments name.
fn borders(arguments: &[Argument]) -> Sample {
    let count: usize = arguments.iter().map(|argument| argument.2.len()).product();
    let mut repeats = count;
    let inputs = arguments.iter().map(|argument| {
        let list = argument.2;
        repeats /= list.len();
        given((0..count).map(|at| list[at / repeats % list.len()]).collect::<Vec<f64>>())
    });
    Sample::new("on the borders", inputs.collect::<Vec<_>>()).edge()
}

fn choices() -> Vec<Sample> {
    let logits = |shape: &[usize]| dense(shape, (-2.0, 2.0), 1);
    let far = shaped(&[2, 3], vec![800.0, -800.0, 0.0, -INF, 40.0, 39.0]);
    vec![
        Sample::new("a vector", [given(1i64), logits(&[3])]),
        Sample::new("each of one vector", [given(vec![0i64, 2, 1, 2]), logits(&[3])]),
        Sample::new("rows", [given(vec![2i64, 0]), logits(&[2, 3])]),
        Sample::new("a stack", [broadcasting(shaped(&[2, 1], vec![0i64, 1]), &[1]), logits(&[2, 2, 3])]),
        Sample::new("one choice", [given(0i64), logits(&[1])]),
        Sample::new("nobody chooses", [given(Vec::<i64>::new()), logits(&[0, 3])]),
        Sample::new("f32", [given(vec![0i64, 2]), narrowed(&spread_over(&[2, 3], (-2.0, 2.0), 1))]).single(),
        Sample::new("no such choice", [given(vec![-1i64, 3]), logits(&[2, 3])]).edge(),
        Sample::new("far apart", [given(vec![0i64, 1]), given(far)]).edge(),
        Sample::new("half a choice", [given(vec![0.5, 1.0]), logits(&[2, 3])]).edge(),
    ]
}

fn shares() -> Vec<Sample> {
    let x = |shape: &[usize]| dense(shape, (0.1, 0.6), 1);
    let alpha = |shape: &[usize]| dense(shape, (0.6, 3.0), 2);
    let edges = shaped(&[4, 3], vec![0.0, 0.4, 0.6, 0.0, 0.0, 1.0, -0.5, 1.0, 0.5, 0.2, 0.3, 0.5]);
    vec![
        Sample::new("a vector", [x(&[3]), alpha(&[3])]),
        Sample::new("rows", [x(&[2, 3]), alpha(&[3])]),
        Sample::new("parameters for each", [x(&[3]), alpha(&[2, 3])]),
        Sample::new("one parameter for all", [x(&[2, 3]), dense(&[], (0.6, 3.0), 2)]),
        Sample::new("one share", [x(&[1]), alpha(&[1])]),
        Sample::new("no vectors", [x(&[0, 3]), alpha(&[3])]),
        Sample::new("f32", [narrowed(&spread_over(&[3], (0.1, 0.6), 1)), narrowed(&spread_over(&[3], (0.6, 3.0), 2))])
            .single(),
        Sample::new("on the border", [given(edges.clone()), given(vec![1.0, 2.0, 3.0])]).edge(),
        Sample::new("where it is infinite", [given(edges.clone()), given(vec![0.5, 0.25, 1e9])]).edge(),
        Sample::new("no parameters", [given(edges), given(vec![0.5, 0.0, 1.0])]).edge(),
    ]
}

/// Vectors, and a matrix that is positive definite with a positive diagonal, so that it serves as a factor too.
fn vectors_and_matrices() -> Vec<Sample> {
    let x = |shape: &[usize]| dense(shape, (-2.0, 2.0), 1);
    let mu = |shape: &[usize]| dense(shape, (-1.0, 1.0), 2);
    let given_matrix = |shape: &[usize]| given(covariance(shape));
    let single = |shape: &[usize], seed| -> SampleInput { narrowed(&spread_over(shape, (-1.0, 1.0), seed)) };
    vec![
        Sample::new("a vector", [x(&[3]), mu(&[3]), given_matrix(&[3, 3])]),
        Sample::new("rows", [x(&[2, 3]), mu(&[3]), given_matrix(&[3, 3])]),
        Sample::new("means for each row", [x(&[2, 2]), mu(&[2, 2]), given_matrix(&[2, 2])]),
        Sample::new("a stack of matrices", [x(&[2, 2]), mu(&[2]), given_matrix(&[2, 2, 2])]),
        Sample::new("one number", [x(&[1]), mu(&[1]), given_matrix(&[1, 1])]),
        Sample::new("no numbers", [x(&[0]), mu(&[0]), given_matrix(&[0, 0])]),
        Sample::new("no vectors", [x(&[0, 2]), mu(&[2]), given_matrix(&[2, 2])]),
        Sample::new("f32", [single(&[3], 1), single(&[3], 2), narrowed(&covariance(&[3, 3]))]).single(),
    ]
}

fn covariance(shape: &[usize]) -> Tensor {
    let n = shape[shape.len() - 1];
    let entry = |k: usize| match (k / n.max(1) % n.max(1), k % n.max(1)) {
        (row, column) if row == column => 1.5 + 0.25 * row as f64 + 0.125 * (k / (n * n)) as f64,
        (row, column) => 0.3 - 0.1 * (row + column) as f64,
    };
    shaped(shape, (0..shape.iter().product()).map(entry).collect())
}
