//! Inputs for the samples of dense ops.
//!
//! The lengths of an input are both left open and given when it is proved, so a sample never says which.

use kronograph_graph::SampleInput;

use crate::dtype::DType;
use crate::elemwise::cast_value;
use crate::tensor::{Element, Tensor, TensorType};

/// A given tensor.
pub fn given(value: impl Into<Tensor>) -> SampleInput {
    broadcasting(value, &[])
}

/// A given tensor whose type knows that these axes have length 1, so that they broadcast.
pub fn broadcasting(value: impl Into<Tensor>, axes: &[usize]) -> SampleInput {
    let value = value.into();
    let known: Vec<Option<usize>> = value.shape().iter().map(|&length| Some(length)).collect();
    let open: Vec<Option<usize>> = (0..known.len()).map(|axis| axes.contains(&axis).then_some(1)).collect();
    let types = vec![TensorType::shared(value.dtype(), &open), TensorType::shared(value.dtype(), &known)];
    SampleInput { value: Box::new(value), types }
}

/// A tensor of given elements in row-major order.
///
/// # Panics
///
/// When there are not as many elements as the shape asks for: samples are fixed when they are written.
pub fn shaped<T: Element>(shape: &[usize], data: Vec<T>) -> Tensor {
    Tensor::new(shape, data).expect("as many elements as the shape asks for")
}

/// Numbers of a fixed sequence, spread evenly: for samples and tests, which must be the same at every run.
#[derive(Clone, Debug)]
pub struct Stream(u64);

impl Stream {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1))
    }

    /// The next number of at least 0 and less than 1.
    pub fn unit(&mut self) -> f64 {
        // Knuth's linear congruential generator: the numbers need to be spread, not random.
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The next whole number below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.unit() * bound as f64) as usize
    }

    /// A tensor of the next numbers, between two bounds.
    pub fn tensor(&mut self, shape: &[usize], (low, high): (f64, f64)) -> Tensor {
        shaped(shape, (0..shape.iter().product()).map(|_| low + (high - low) * self.unit()).collect())
    }
}

/// Numbers of a fixed sequence between two bounds; the seed tells inputs of one sample apart.
pub fn spread_over(shape: &[usize], range: (f64, f64), seed: u64) -> Tensor {
    Stream::new(seed).tensor(shape, range)
}

/// A given tensor, converted to f32.
pub fn narrowed(value: &Tensor) -> SampleInput {
    given(cast_value(value, DType::F32))
}

/// An input of numbers of a fixed sequence between two bounds.
pub fn dense(shape: &[usize], range: (f64, f64), seed: u64) -> SampleInput {
    given(spread_over(shape, range, seed))
}
