//! Index notation against loops over all indices.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeMap;

use kronograph::ops::einsum;
use kronograph::ops::samples::spread_over;
use kronograph::prelude::*;

/// The elements of a tensor of a shape: whole numbers, of which sums of products are exact.
fn numbers(shape: &[usize], seed: usize) -> Vec<f64> {
    let numbers: Vec<f64> = spread_over(shape, (-5.0, 5.0), seed as u64).to_vec().unwrap();
    numbers.into_iter().map(f64::round).collect()
}

/// Every combination of indices of the letters.
fn by_loops(inputs: &[&str], output: &str, lengths: &BTreeMap<char, usize>, data: &[Vec<f64>]) -> Vec<f64> {
    let letters: Vec<char> = lengths.keys().copied().collect();
    let place = |text: &str, index: &BTreeMap<char, usize>| {
        text.chars().fold(0, |place, letter| place * lengths[&letter] + index[&letter])
    };
    let mut result = vec![0.0; output.chars().map(|letter| lengths[&letter]).product()];
    let count: usize = lengths.values().product();
    for number in 0..count {
        let (mut rest, mut index) = (number, BTreeMap::new());
        for letter in &letters {
            index.insert(*letter, rest % lengths[letter]);
            rest /= lengths[letter];
        }
        let product: f64 = inputs.iter().zip(data).map(|(text, data)| data[place(text, &index)]).product();
        result[place(output, &index)] += product;
    }
    result
}

#[test]
fn sums_of_products_are_those_of_loops() {
    let lengths: BTreeMap<char, usize> = [('i', 2), ('j', 3), ('k', 4), ('l', 2), ('b', 3)].into();
    for (inputs, output) in [
        (&["ij", "jk"][..], "ik"),
        (&["ij", "jk"], "ki"),
        (&["ji", "kj"], "ik"),
        (&["ii"], "i"),
        (&["ii"], ""),
        (&["iij"], "ji"),
        (&["ijk"], "kj"),
        (&["ij", "ij"], ""),
        (&["ij", "ij"], "j"),
        (&["ijk", "ijk"], "i"),
        (&["ijk", "kji"], ""),
        (&["ijk", "ikl"], "ijl"),
        (&["bij", "bjk"], "bik"),
        (&["bij", "bj"], "bi"),
        (&["bij", "kj"], "kbi"),
        (&["ijk", "kjl"], "li"),
        (&["ij", "k"], "kji"),
        (&["ij", "kl"], "jl"),
        (&["i", "ij", "j"], ""),
        (&["ij", "jk", "kl", "lb"], "ib"),
        (&["ijkl", "lkb", "b"], "bij"),
        (&["ij", "ik", "il"], "jkl"),
        (&["i", "", "j"], "ij"),
        (&["i", "j", "k", "l", "b", "i", "j", "k", "l", "b"], "i"),
    ] {
        let shape = |text: &str| text.chars().map(|letter| lengths[&letter]).collect::<Vec<_>>();
        let used: BTreeMap<char, usize> = lengths
            .iter()
            .filter(|(l, _)| inputs.iter().any(|text| text.contains(**l)))
            .map(|(l, n)| (*l, *n))
            .collect();
        let data: Vec<Vec<f64>> = inputs.iter().enumerate().map(|(k, text)| numbers(&shape(text), k)).collect();
        let want = by_loops(inputs, output, &used, &data);
        let subscripts = format!("{}->{output}", inputs.join(","));
        for known in [false, true] {
            let length = |n: &usize| known.then_some(*n);
            let variable = |(k, text): (usize, &&str)| {
                let lengths: Vec<Option<usize>> = shape(text).iter().map(length).collect();
                tensor(&format!("x{k}"), DType::F64, &lengths)
            };
            let x: Vec<Variable> = inputs.iter().enumerate().map(variable).collect();
            let values: Vec<Tensor> =
                inputs.iter().zip(&data).map(|(text, data)| Tensor::new(&shape(text), data.clone()).unwrap()).collect();
            let values: Vec<&dyn Value> = values.iter().map(|value| value as &dyn Value).collect();
            let y = einsum(&subscripts, &x).unwrap();
            let answer = compile(&x, &[y], &Mode::run()).unwrap().call(&values).unwrap().into_values().remove(0);
            assert_eq!(answer.extents(), shape(output), "{subscripts}");
            assert_eq!(answer.to_floats().unwrap(), want, "{subscripts}, lengths known: {known}");
        }
    }
}
