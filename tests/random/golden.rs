//! The numbers of each distribution, to the last bit, as they are on every machine.
//!
//! `golden.txt` is this library's own output: it shows that the numbers stay what they are, from machine to machine and
//! from version to version. That they are right is shown by the other tests of this folder, and here for the words of
//! the generator, which are NumPy's.

use kronograph::ops::random::{
    RngState, bernoulli, beta, binomial, categorical, exponential, gamma, multinomial, multivariate_normal_cholesky,
    negative_binomial, normal, permutation, poisson, standard_gamma, standard_normal, standard_uniform, uniform,
};
use kronograph::prelude::*;

use crate::{Draw, drawn};

/// The numbers as text that is read back to the same bits.
fn text(tensor: &Tensor) -> String {
    let words: Vec<String> = match tensor.dtype() {
        DType::I64 => tensor.to_vec::<i64>().unwrap().iter().map(i64::to_string).collect(),
        DType::F32 => tensor.to_vec::<f32>().unwrap().iter().map(|x| format!("{x:?}")).collect(),
        _ => tensor.to_vec::<f64>().unwrap().iter().map(|x| format!("{x:?}")).collect(),
    };
    words.join(" ")
}

/// Eight numbers of each, the parameters in the name.
fn lines() -> Vec<String> {
    const N: [usize; 1] = [8];
    let row = |x: &[f64]| constant(Tensor::vector(x.to_vec()));
    let (state, mut lines) = (RngState::from_parts([2011, 10], 3), Vec::new());
    let mut line = |name: &str, draw: &dyn Fn(&Variable) -> Draw| {
        lines.push(format!("{name}: {}", text(&drawn(state, draw))));
    };
    line("standard_uniform", &|rng| standard_uniform(rng, DType::F64, N));
    line("standard_uniform f32", &|rng| standard_uniform(rng, DType::F32, N));
    line("standard_normal", &|rng| standard_normal(rng, DType::F64, N));
    line("standard_normal f32", &|rng| standard_normal(rng, DType::F32, N));
    line("uniform -1 2.5", &|rng| uniform(rng, -1.0, 2.5, N));
    line("normal 0.1 3", &|rng| normal(rng, 0.1, 3.0, N));
    line("exponential 0.3", &|rng| exponential(rng, 0.3, N));
    line("standard_gamma", &|rng| standard_gamma(rng, &row(&[1e-4, 0.03, 0.5, 0.9, 1.0, 3.5, 77.0, 1e10]), None));
    line("gamma 0.7 2.5", &|rng| gamma(rng, 0.7, 2.5, N));
    line("beta", &|rng| beta(rng, &row(&[1e-4, 0.5, 3.0, 80.0]), &row(&[2e-4, 0.5, 1.5, 3.0]), [2, 4]));
    line("bernoulli 0.4", &|rng| bernoulli(rng, 0.4, N));
    line("poisson", &|rng| poisson(rng, &row(&[0.1, 3.0, 9.9, 10.0, 25.0, 1e4, 1e9, 1e17]), None));
    line("binomial 50 0.1", &|rng| binomial(rng, 50, 0.1, N));
    line("binomial 500 0.3", &|rng| binomial(rng, 500, 0.3, N));
    line("binomial 1000000007 0.8", &|rng| binomial(rng, 1_000_000_007, 0.8, N));
    line("negative_binomial 2.5 0.2", &|rng| negative_binomial(rng, 2.5, 0.2, N));
    line("categorical", &|rng| categorical(rng, &row(&[0.1, 0.2, 0.3, 0.4]), N));
    line("multinomial 100", &|rng| multinomial(rng, 100, &row(&[0.1, 0.2, 0.3, 0.4]), [2]));
    line("permutation", &|rng| permutation(rng, 8));
    // A product of such numbers is exact in whatever order: the factor has few bits, and each row one entry.
    let scaled = Tensor::new(&[2, 2], vec![0.5, 0.0, 0.0, 2.0]).unwrap();
    line("multivariate_normal_cholesky", &|rng| {
        multivariate_normal_cholesky(rng, &row(&[1.0, -1.0]), &constant(scaled.clone()), [4])
    });
    lines.push(format!("split: {}", state.split(2).iter().map(RngState::to_string).collect::<Vec<_>>().join("; ")));
    lines
}

#[test]
fn the_numbers_are_those_of_every_machine() {
    let (golden, lines) = (include_str!("golden.txt"), lines());
    assert!(golden.lines().eq(lines.iter()), "{}", lines.join("\n"));
}

/// Raw words of NumPy's generator, through the inverses that these draws are: the same key, the counter
/// `[0, element / 4, call, 0]`, the word `element % 4`.
#[test]
fn uniform_numbers_are_those_of_the_published_generator() {
    let words: [u64; 4] = NUMPY_WORDS;
    let want: Vec<f64> = words.iter().map(|word| (word >> 11) as f64 / (1u64 << 53) as f64).collect();
    let state = RngState::from_parts([2011, 10], 3);
    let x = drawn(state, |rng| standard_uniform(rng, DType::F64, [8])).to_vec::<f64>().unwrap();
    assert_eq!(x[4..], want);
}

/// `numpy.random.Philox(key=[2011, 10], counter=[2**64 - 1, 0, 3, 0]).random_raw(4)`, which begins one counter later.
const NUMPY_WORDS: [u64; 4] = [0x5e01e327439ae779, 0x94f360403093317e, 0x258d50040223df20, 0x7500c34533a552bc];
