//! Numbers of other elements, calls, seeds and streams have nothing to do with each other.

use kronograph::ops::random::{RngState, standard_normal, standard_uniform};
use kronograph::prelude::*;

use crate::{correlation, drawn};

const PAIRS: usize = 100_000;

/// Uniform pairs fill 16 by 16 cells evenly (chi-square at level 1e-3), and do not correlate (4 standard errors: level
/// 6e-5). A correlation of 0.02 is seen with probability 0.99.
#[track_caller]
fn are_independent(x: &[f64], y: &[f64]) {
    let mut cells = vec![0.0; 256];
    x.iter().zip(y).for_each(|(x, y)| cells[(x * 16.0) as usize * 16 + (y * 16.0) as usize] += 1.0);
    crate::chi_square(&cells, &vec![x.len() as f64 / 256.0; 256]);
    let z = correlation(x, y);
    assert!(z.abs() < 4.0, "the correlation is {z} standard errors from zero");
}

fn uniform(state: RngState, n: usize) -> Vec<f64> {
    drawn(state, |rng| standard_uniform(rng, DType::F64, [n])).to_vec().unwrap()
}

#[test]
fn elements_are_independent_of_their_neighbours() {
    let x = uniform(RngState::new(1), PAIRS + 5);
    // Within a block of four, and across blocks.
    for lag in [1, 2, 4, 5] {
        are_independent(&x[..PAIRS], &x[lag..PAIRS + lag]);
    }
}

#[test]
fn calls_seeds_and_streams_are_independent() {
    let state = RngState::new(1);
    let x = uniform(state, PAIRS);
    are_independent(&x, &uniform(state.next(), PAIRS));
    are_independent(&x, &uniform(RngState::new(2), PAIRS));
    let streams: Vec<Vec<f64>> = state.split(3).into_iter().map(|state| uniform(state, PAIRS)).collect();
    are_independent(&x, &streams[0]);
    are_independent(&streams[0], &streams[1]);
    are_independent(&streams[1], &streams[2]);
    let again = state.next().split(1).remove(0);
    are_independent(&streams[0], &uniform(again, PAIRS));
    // The first numbers of many seeds and of many calls, as a row of their own.
    let first =
        |states: &mut dyn Iterator<Item = RngState>| -> Vec<f64> { states.map(|state| uniform(state, 1)[0]).collect() };
    let seeds = first(&mut (0..5000).map(RngState::new));
    let calls = first(&mut (0..5000).map(|call| RngState::from_parts([9, 9], call)));
    for row in [seeds, calls] {
        assert!(correlation(&row[..4999], &row[1..]).abs() < 4.0);
        crate::mean_is(&row, 0.5);
    }
}

/// The squares of normal numbers do not correlate either: a generator that repeated its radii would show here.
#[test]
fn normal_numbers_are_independent_in_size() {
    let x: Vec<f64> = drawn(RngState::new(3), |rng| standard_normal(rng, DType::F64, [PAIRS])).to_vec().unwrap();
    let squares: Vec<f64> = x.iter().map(|x| x * x).collect();
    for lag in 1..5 {
        assert!(correlation(&x[lag..], &x[..PAIRS - lag]).abs() < 4.0);
        assert!(correlation(&squares[lag..], &squares[..PAIRS - lag]).abs() < 4.0);
    }
}
