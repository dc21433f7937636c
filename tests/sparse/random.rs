//! Random sparse matrices: the same numbers for the same state in both formats, the right distributions, refusals.

use kronograph::graph::Result as Built;
use kronograph::ops::gammaincc;
use kronograph::ops::random::{self as dense_random, RngState, rng_state};
use kronograph::sparse::random::{binomial, multinomial, poisson};

use super::*;

type Draw = Built<(Variable, Variable)>;

/// The draw of a state, and the state after it.
fn drawn(state: RngState, build: impl Fn(&Variable) -> Draw) -> (RngState, Box<dyn Value>) {
    let rng = rng_state("rng");
    let (next, draw) = build(&rng).unwrap();
    let mut f = compile(&[rng], &[next, draw], &Mode::run()).unwrap();
    let mut answers = f.call(&[&state]).unwrap().into_values();
    let draw = answers.pop().unwrap();
    (*(&*answers[0] as &dyn std::any::Any).downcast_ref().unwrap(), draw)
}

fn refused(build: impl Fn(&Variable) -> Draw) -> String {
    let rng = rng_state("rng");
    let built = build(&rng).and_then(|(_, draw)| compile(std::slice::from_ref(&rng), &[draw], &Mode::run()));
    match built {
        Ok(mut f) => f.call(&[&RngState::new(1)]).map(|_| ()).unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

/// `[[0, 2, 30, 0], [0, 0, 0, 0], [0.25, 0, 0, 500]]`, with the slots of each slice back to front.
fn means(format: Format) -> SparseMatrix {
    let parts = match format {
        Format::Csr => (vec![30.0, 2.0, 500.0, 0.25], vec![2, 1, 3, 0], vec![0, 2, 2, 4]),
        Format::Csc => (vec![0.25, 2.0, 30.0, 500.0], vec![2, 0, 0, 2], vec![0, 1, 2, 3, 4]),
    };
    SparseMatrix::new(format, [3, 4], parts.0, parts.1, parts.2).unwrap()
}

/// Three rows of probabilities, one of which stores nothing.
fn shares(format: Format) -> SparseMatrix {
    let at = [(0, 3, 0.5), (0, 0, 0.125), (0, 1, 0.375), (2, 2, 1.0)];
    from_triplets(format, [3, 4], &at).unwrap()
}

/// Observed numbers of cases against expected ones; a right generator fails for one seed in a thousand.
fn chi_square(observed: &[f64], expected: &[f64]) {
    assert!(expected.iter().all(|e| *e >= 5.0), "cells are too small: {expected:?}");
    let statistic: f64 = observed.iter().zip(expected).map(|(o, e)| (o - e).powi(2) / e).sum();
    let (shape, x) = (0.5 * (observed.len() - 1) as f64, scalar("x"));
    let mut f = compile(std::slice::from_ref(&x), &[gammaincc(shape, &x).unwrap()], &Mode::raw()).unwrap();
    let p = entries(&*f.call(&[&Tensor::scalar(0.5 * statistic)]).unwrap().into_values()[0])[0];
    assert!(p > 1e-3, "chi-square {statistic} of {} cells: {p}", observed.len());
}

/// Where means are stored, counts are those of the dense draw; the state after it is the next one.
#[test]
fn point_38_poisson_counts_are_a_function_of_the_state() {
    let state = RngState::new(2011);
    let whole = constant(means(Format::Csr).to_dense().unwrap());
    let (_, dense) = drawn(state, |rng| dense_random::poisson(rng, &whole, None));
    for format in [Format::Csr, Format::Csc] {
        for dtype in [DType::F64, DType::F32] {
            let means = sparse_constant(means(format).to_dtype(dtype).unwrap());
            let (next, counts) = drawn(state, |rng| poisson(rng, &means));
            assert_eq!((next, stored(&*counts).format(), stored(&*counts).dtype()), (state.next(), format, dtype));
            assert_eq!(entries(&*counts), entries(&*dense));
            assert!(stored(&*counts).data().to_floats().unwrap().iter().all(|count| *count > 0.0));
            let (_, other) = drawn(next, |rng| poisson(rng, &means));
            assert_ne!(entries(&*other), entries(&*counts));
        }
    }
    let whole =
        sparse_constant(from_triplets(Format::Csr, [1, 2], &[(0, 1, 4.0)]).unwrap().to_dtype(DType::I32).unwrap());
    let (_, counts) = drawn(state, |rng| poisson(rng, &whole));
    assert_eq!(stored(&*counts).dtype(), DType::I32);
}

/// Counts are those of the dense draw; rows have trials of their own; zeros stay stored.
#[test]
fn point_38_multinomial_counts_are_a_function_of_the_state() {
    let state = RngState::new(7);
    let mut p = shares(Format::Csr).to_dense().unwrap().to_vec::<f64>().unwrap();
    // The dense draw has no rows without probabilities; counts of this one are not looked at.
    p[4] = 1.0;
    let whole = constant(Tensor::new(&[3, 4], p).unwrap());
    let trials = constant(vec![60i64, 5, 9]);
    let (_, dense) = drawn(state, |rng| dense_random::multinomial(rng, &trials, &whole, None));
    let mut want = entries(&*dense);
    want[4] = 0.0;
    assert_eq!((want[..4].iter().sum::<f64>(), &want[8..]), (60.0, &[0.0, 0.0, 9.0, 0.0][..]));
    for format in [Format::Csr, Format::Csc] {
        let p = shares(format);
        let (next, counts) = drawn(state, |rng| multinomial(rng, &trials, &sparse_constant(p.clone())));
        assert_eq!((next, entries(&*counts)), (state.next(), want.clone()));
        assert_eq!(stored(&*counts).pattern(), p.pattern());
        let (_, counts) = drawn(state, |rng| multinomial(rng, 100, &sparse_constant(p.clone())));
        let counts = entries(&*counts);
        assert_eq!((counts[..4].iter().sum::<f64>(), counts[10]), (100.0, 100.0));
    }
}

/// The positions and counts that the algorithm gives in exact arithmetic, on NumPy's words of these keys.
#[test]
fn point_38_binomial_counts_are_those_of_exact_arithmetic() {
    type Cells = &'static [(usize, f64)];
    let cases: [(u64, i64, f64, [i64; 2], Cells); 3] = [
        (
            42,
            3,
            0.05,
            [6, 7],
            &[(2, 1.), (25, 1.), (27, 1.), (29, 1.), (31, 1.), (36, 1.), (38, 1.), (39, 1.), (40, 1.)],
        ),
        (
            42,
            5,
            0.3,
            [3, 4],
            &[(0, 3.), (1, 2.), (2, 2.), (3, 1.), (4, 1.), (5, 3.), (6, 3.), (7, 3.), (8, 1.), (10, 2.), (11, 3.)],
        ),
        (
            7,
            4,
            0.75,
            [4, 3],
            &[
                (0, 4.),
                (1, 2.),
                (2, 2.),
                (3, 3.),
                (4, 3.),
                (5, 2.),
                (6, 3.),
                (7, 4.),
                (8, 2.),
                (9, 3.),
                (10, 3.),
                (11, 2.),
            ],
        ),
    ];
    for (seed, n, p, shape, cells) in cases {
        let mut want = vec![0.0; (shape[0] * shape[1]) as usize];
        cells.iter().for_each(|&(cell, count)| want[cell] = count);
        for (format, dtype) in [(Format::Csr, DType::F64), (Format::Csc, DType::F32), (Format::Csc, DType::I8)] {
            let size = constant(shape.to_vec());
            let (next, counts) = drawn(RngState::new(seed), |rng| binomial(rng, n, p, &size, format, dtype));
            assert_eq!((next, entries(&*counts)), (RngState::new(seed).next(), want.clone()));
            let counts = stored(&*counts);
            assert_eq!((counts.format(), counts.dtype(), counts.nnz()), (format, dtype, cells.len()));
        }
    }
}

/// Counts, zero among them, have the binomial distribution, and what is stored lies anywhere.
#[test]
fn binomial_counts_have_their_distribution() {
    for (seed, n, p, cells) in [(1, 3, 0.02, 4), (2, 4, 0.4, 5), (3, 30, 0.1, 9)] {
        let size = constant(vec![300i64, 200]);
        let (_, counts) = drawn(RngState::new(seed), |rng| binomial(rng, n, p, &size, Format::Csr, DType::F64));
        let (counts, total) = (entries(&*counts), 60_000.0);
        let mut pmf = vec![(1.0 - p).powi(n)];
        (1..=n).for_each(|k| pmf.push(pmf[k as usize - 1] * f64::from(n - k + 1) / f64::from(k) * p / (1.0 - p)));
        let last = cells.min(pmf.len()) - 1;
        // The last cell holds all that is more; of three trials at 2 % there are too few successes of all of them.
        let last = if n == 3 { 2 } else { last };
        let mut expected: Vec<f64> = pmf[..last].iter().map(|share| share * total).collect();
        expected.push(total - expected.iter().sum::<f64>());
        let mut observed = vec![0.0; last + 1];
        counts.iter().for_each(|&count| observed[(count as usize).min(last)] += 1.0);
        chi_square(&observed, &expected);
        let above = counts.iter().filter(|count| **count > 0.0).count() as f64;
        let mut quarters = [0.0; 4];
        counts.iter().enumerate().filter(|(_, count)| **count > 0.0).for_each(|(at, _)| quarters[at / 15_000] += 1.0);
        // The numbers of four quarters that sum to a given one vary less by the share of what is zero.
        chi_square(&quarters, &[above / 4.0; 4]);
    }
}

/// What is rare is found without looking at what is not there.
#[test]
fn binomial_counts_of_a_huge_matrix_take_as_long_as_what_is_stored() {
    let size = constant(vec![1_000_000i64, 4_000_000_000]);
    let (_, counts) = drawn(RngState::new(5), |rng| binomial(rng, 1, 1e-12, &size, Format::Csr, DType::F64));
    let found = stored(&*counts).nnz() as f64;
    // Poisson of mean 4000: six standard deviations.
    assert!((found - 4000.0).abs() < 6.0 * 4000f64.sqrt(), "{found}");
}

/// Where there is no distribution there is no draw, and the error says why.
#[test]
fn point_38_parameters_of_no_distribution_are_refused() {
    let one = |value: f64| sparse_constant(from_triplets(Format::Csc, [2, 3], &[(1, 2, value)]).unwrap());
    let error = refused(|rng| poisson(rng, &one(-1.0)));
    assert!(error.contains("`lam` must be from 0 to 9.2e18, its element 5 is -1.0"), "{error}");
    let error = refused(|rng| poisson(rng, &one(f64::NAN)));
    assert!(error.contains("its element 5 is NaN"), "{error}");
    let small = from_triplets(Format::Csr, [1, 1], &[(0, 0, 127.0)]).unwrap().to_dtype(DType::I8).unwrap();
    let large = (0..64).map(|seed| {
        let rng = rng_state("rng");
        let (_, draw) = poisson(&rng, &sparse_constant(small.clone())).unwrap();
        compile(&[rng], &[draw], &Mode::run()).unwrap().call(&[&RngState::new(seed)]).map(|_| ()).err()
    });
    let errors: Vec<String> = large.flatten().map(|error| error.to_string()).collect();
    // Half of the counts are above the mean, which is the largest number of the dtype.
    assert!((16..48).contains(&errors.len()), "{errors:?}");
    assert!(errors.iter().all(|error| error.contains("a count does not fit into the dtype")), "{errors:?}");

    let p = |a: f64, b: f64| sparse_constant(from_triplets(Format::Csc, [1, 3], &[(0, 0, a), (0, 2, b)]).unwrap());
    let error = refused(|rng| multinomial(rng, 4, &p(0.5, 0.4)));
    assert!(error.contains("the probabilities of row 0 must sum to one, they sum to 0.9"), "{error}");
    let error = refused(|rng| multinomial(rng, 4, &p(1.5, -0.5)));
    assert!(error.contains("`p` must be from 0 to 1, its element 0 is 1.5"), "{error}");
    let error = refused(|rng| multinomial(rng, -4, &p(0.5, 0.5)));
    assert!(error.contains("`n` must be finite and not negative"), "{error}");
    let error = refused(|rng| multinomial(rng, &constant(vec![1i64, 2]), &p(0.5, 0.5)));
    assert!(error.contains("there must be a number of trials for each row"), "{error}");
    let error = refused(|rng| multinomial(rng, &matrix("n"), &p(0.5, 0.5)));
    assert!(error.contains("trials are an integer, or one for each row"), "{error}");

    let of = |n: i64, p: f64, shape: Vec<i64>| {
        refused(move |rng| binomial(rng, n, p, &constant(shape.clone()), Format::Csr, DType::F64))
    };
    let cases = [
        (of(3, 1.5, vec![2, 3]), "`p` must be from 0 to 1"),
        (of(3, f64::NAN, vec![2, 3]), "`p` must be from 0 to 1"),
        (of(-3, 0.5, vec![2, 3]), "`n` must be finite and not negative"),
        (of(3, 0.5, vec![2, -3]), "is negative"),
        (of(3, 0.5, vec![2, 3, 4]), "a shape is a number of rows and one of columns"),
        (of(3, 0.5, vec![100_000, 4_000_000_000]), "more entries than 32 bits count"),
    ];
    for (error, text) in cases {
        assert!(error.contains(text), "{error}");
    }
    let error = refused(|rng| binomial(rng, 0.5, 0.5, &constant(vec![2i64, 3]), Format::Csr, DType::F64));
    assert!(error.contains("the number of trials must be an integer scalar"), "{error}");
}

/// A draw has no derivative by its parameters, in both modes, and says so.
#[test]
fn point_38_draws_have_no_derivative_for_a_reason() {
    let (rng, p) = (rng_state("rng"), scalar("p"));
    let x = sparse("x", &shares(Format::Csr));
    let draws = [
        (poisson(&rng, &x).unwrap().1, x.clone(), sparse_constant(shares(Format::Csr))),
        (multinomial(&rng, 3, &x).unwrap().1, x.clone(), sparse_constant(shares(Format::Csr))),
        (binomial(&rng, 3, &p, &constant(vec![2i64, 3]), Format::Csc, DType::F64).unwrap().1, p.clone(), constant(1.0)),
    ];
    for (draw, wrt, tangent) in draws {
        let cost = sum(&dense_from_sparse(&draw).unwrap()).unwrap();
        let reverse = grad(&cost, std::slice::from_ref(&wrt)).unwrap_err().to_string();
        let forward = rop(&[cost], &[wrt], &[tangent]).unwrap_err().to_string();
        for error in [reverse, forward] {
            assert!(error.contains("random"), "{error}");
        }
    }
}
