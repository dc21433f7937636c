//! Triplets, against a sum of its own.

#![no_main]

use kronograph::sparse::{Format, from_triplets};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (bool, [u8; 2], Vec<(u8, u8, i8)>)| {
    let (rows, shape, triplets) = data;
    let format = if rows { Format::Csr } else { Format::Csc };
    let [m, n] = shape.map(usize::from);
    let place = |index: u8| if index == 255 { usize::MAX } else { usize::from(index) };
    let wide: Vec<_> = triplets.iter().map(|&(i, j, x)| (place(i), place(j), f64::from(x))).collect();
    let inside = wide.iter().all(|&(i, j, _)| i < m && j < n);
    let Ok(matrix) = from_triplets(format, [m, n], &wide) else { return assert!(!inside) };
    assert!(inside);
    let mut want = vec![0.0; m * n];
    wide.iter().for_each(|&(i, j, x)| want[i * n + j] += x);
    assert_eq!(matrix.to_dense().unwrap().to_vec::<f64>().unwrap(), want);
});
