//! Sparse matrices: what other systems get wrong or do not have, by the numbers of the points in the list that the ops
//! were written from, and what their fixtures do not reach.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod arithmetic;
mod arithmetic_derivatives;
mod building;
mod convolution;
mod indexing;
mod products;
mod random;
mod storage;

use kronograph::prelude::*;
use kronograph::sparse::SparseType;

/// A CSR matrix of its parts.
pub(crate) fn csr(shape: [usize; 2], data: &[f64], indices: &[usize], indptr: &[usize]) -> SparseMatrix {
    SparseMatrix::new(Format::Csr, shape, data.to_vec(), indices.to_vec(), indptr.to_vec()).unwrap()
}

/// `[[1, 0, 2], [0, 0, 3]]`.
pub(crate) fn a() -> SparseMatrix {
    csr([2, 3], &[1.0, 2.0, 3.0], &[0, 2, 2], &[0, 2, 3])
}

/// The values of [`a`], unsorted and with an explicit zero at (0, 1).
pub(crate) fn unsorted() -> SparseMatrix {
    csr([2, 3], &[2.0, 0.0, 1.0, 3.0], &[2, 1, 0, 2], &[0, 3, 4])
}

/// `1, 2, 3, ...` in row-major order.
pub(crate) fn counting(shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    Tensor::new(shape, (1..=count).map(|k| k as f64).collect()).unwrap()
}

/// A free variable of the type and shape of a sparse value.
pub(crate) fn sparse(name: &str, value: &SparseMatrix) -> Variable {
    Variable::input(name, SparseType::shared(value.format(), value.dtype(), value.shape().map(Some)))
}

/// A free variable of the type and shape of a dense value.
pub(crate) fn dense(name: &str, value: &Tensor) -> Variable {
    let lengths: Vec<Option<usize>> = value.shape().iter().map(|&length| Some(length)).collect();
    tensor(name, value.dtype(), &lengths)
}

/// The outputs at the values, as written and as rewritten, which must store the same.
pub(crate) fn call(inputs: &[Variable], outputs: &[Variable], values: &[&dyn Value]) -> Vec<Box<dyn Value>> {
    let run = |mode: &Mode| compile(inputs, outputs, mode).unwrap().call(values).unwrap().into_values();
    let (written, rewritten) = (run(&Mode::raw()), run(&Mode::run()));
    for (a, b) in written.iter().zip(&rewritten) {
        let matrix = |value: &dyn Value| (value as &dyn std::any::Any).downcast_ref::<SparseMatrix>().cloned();
        if let (Some(a), Some(b)) = (matrix(&**a), matrix(&**b)) {
            assert_eq!((a.format(), a.shape(), a.pattern()), (b.format(), b.shape(), b.pattern()));
        }
        let (a, b) = (entries(&**a), entries(&**b));
        assert_eq!(a.len(), b.len());
        let close = |(x, y): (&f64, &f64)| x == y || (x - y).abs() <= 1e-14 * x.abs() || (x.is_nan() && y.is_nan());
        assert!(a.iter().zip(&b).all(close), "{a:?} as written, {b:?} as rewritten");
    }
    rewritten
}

/// All entries of a value in row-major order, as f64.
pub(crate) fn entries(value: &dyn Value) -> Vec<f64> {
    let value = value as &dyn std::any::Any;
    let tensor = match value.downcast_ref::<SparseMatrix>() {
        Some(matrix) => matrix.to_dense().unwrap(),
        None => value.downcast_ref::<Tensor>().unwrap().clone(),
    };
    tensor.to_dtype(DType::F64).to_vec().unwrap()
}

/// A sparse answer.
pub(crate) fn stored(value: &dyn Value) -> &SparseMatrix {
    (value as &dyn std::any::Any).downcast_ref().unwrap()
}

/// `sum(all entries of output ∘ (1, 2, 3, ...))`, with a cotangent for every position.
pub(crate) fn weighed(output: &Variable) -> Variable {
    let whole = if kronograph::sparse::is_sparse(output) {
        kronograph::sparse::dense_from_sparse_regular(output).unwrap()
    } else {
        output.clone()
    };
    let shape: Vec<usize> = whole.ty().extents().iter().map(|length| length.unwrap()).collect();
    sum(&(constant(counting(&shape)) * whole)).unwrap()
}
