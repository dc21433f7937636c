//! Subscripts of `einsum` for operands of a few ranks: an expression or an error.

#![no_main]

use kronograph::prelude::*;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (&str, Vec<u8>)| {
    let (subscripts, ranks) = data;
    let operand = |(k, rank): (usize, &u8)| tensor(&format!("x{k}"), DType::F64, &vec![Some(2); usize::from(rank % 5)]);
    let operands: Vec<Variable> = ranks.iter().take(4).enumerate().map(operand).collect();
    let _ = einsum(subscripts, &operands);
});
