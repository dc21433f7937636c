//! Blocks to stack, for the samples of `stack`.

use kronograph_graph::{Sample, SampleInput};
use kronograph_ops::DType;

use crate::convert::from_triplets;
use crate::matrix::Format;
use crate::samples::{dense_input, given_sparse, in_dtype, in_integers, merged, no_rows, nothing, other, wide};

/// A block of a shape with two entries.
fn block(format: Format, shape: [usize; 2]) -> SampleInput {
    let corners = [(0, shape[1] - 1, 0.5), (shape[0] - 1, 0, -1.5)];
    given_sparse(from_triplets(format, shape, &corners).expect("positions inside of the shape"))
}

/// Blocks that have an axis in common.
pub(crate) fn beside(format: Format, axis: usize) -> Vec<Sample> {
    let shape = if axis == 0 { [3, 2] } else { [2, 4] };
    let of = |name, blocks: Vec<SampleInput>| Sample::new(name, blocks).with("format", format.name());
    vec![
        of("two", vec![wide(format, 1), block(format, shape)]),
        of("of both formats", vec![block(format.flip(), shape), merged(format, 1), wide(format.flip(), 2)]),
        of("one", vec![other(format.flip(), 1)]),
        of("with nothing", vec![nothing(format), wide(format, 1)]),
        of("no rows", vec![no_rows(format), no_rows(format)]),
        of("an integer block", vec![in_integers(wide(format, 1)), block(format, shape)]),
        of("only integers", vec![in_integers(wide(format, 1)), in_dtype(wide(format, 2), DType::I32)]).edge(),
        of("f32", vec![in_dtype(wide(format, 1), DType::F32); 2]).single(),
        of("to f32", vec![wide(format, 1), other(format, 1)]).with("dtype", "float32").single(),
    ]
}

/// Blocks for the diagonal, dense ones among them.
pub(crate) fn diagonal(format: Format) -> Vec<Sample> {
    let of = |name, blocks: Vec<SampleInput>| Sample::new(name, blocks).with("format", format.name());
    vec![
        of("two", vec![wide(format, 1), block(format, [3, 2])]),
        of("of both formats", vec![block(format.flip(), [1, 2]), merged(format, 1), no_rows(format)]),
        of("one", vec![other(format.flip(), 1)]),
        of("dense ones", vec![dense_input(&[2, 2], 1), dense_input(&[1, 3], 2)]),
        of("one dense", vec![dense_input(&[2, 3], 1)]),
        of("a dense one between", vec![wide(format, 1), dense_input(&[2, 0], 2), dense_input(&[1, 2], 3)]),
        of("f32", vec![in_dtype(wide(format, 1), DType::F32), in_integers(wide(format, 1))]).single(),
        of("only integers", vec![in_integers(wide(format, 1)); 2]).edge(),
    ]
}
