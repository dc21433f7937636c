//! Where the elements are that are not zero.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, OpState, Result, Sample, Shape,
    Tangents, Variable, Why, apply_all, origin,
};

use crate::dtype::DType;
use crate::kernels::runs::for_each_run;
use crate::layout::reshape;
use crate::params::only;
use crate::samples::{dense, given, shaped};
use crate::tensor::{Element, Strided, Tensor, TensorType, each_dtype, tensor_type};

/// The positions of the elements that are not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Nonzero;

/// The positions of the elements that are not zero (NaN is not), or true: one i64 vector for each axis, row by row.
/// How long they are is known at run time only.
///
/// # Errors
///
/// When `x` is no dense tensor, or a scalar.
#[track_caller]
pub fn nonzero(x: &Variable) -> Result<Vec<Variable>> {
    Ok(apply_all(Nonzero, std::slice::from_ref(x))?.into_vec())
}

/// The positions of the elements that are not zero, in `x` as one row.
///
/// # Errors
///
/// When `x` is no dense tensor.
#[track_caller]
pub fn flatnonzero(x: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    Ok(nonzero(&reshape(x, [Dim::UNKNOWN])?)?.remove(0))
}

/// The entries of this file.
pub(super) fn entries() -> Vec<Entry> {
    let many = Entry::function("nonzero", "indexing", |params, x| nonzero(only(params, x)?), samples);
    let flat = |params: &kronograph_graph::Params<'_>, x: &[Variable]| Ok(vec![flatnonzero(only(params, x)?)?]);
    vec![
        many.parsed_by(|_| Ok(Arc::new(Nonzero))).without_derivative(Why::Discrete),
        Entry::function("flatnonzero", "indexing", flat, samples).without_derivative(Why::Discrete),
    ]
}

fn samples() -> Vec<Sample> {
    let sample = |name: &'static str, x| Sample::new(name, [x]).edge();
    vec![
        sample("a matrix", given(shaped(&[2, 3], vec![0.0, -1.5, 0.0, 2.0, -0.0, f64::NAN]))),
        sample("a vector", dense(&[4], (-2.0, 2.0), 1)),
        sample("truth values", given(shaped(&[2, 1, 2], vec![true, false, false, true]))),
        sample("integers", given(vec![0i64, 3, 0, -1])),
        sample("f32", given(vec![0.0f32, 1.0])).single(),
        sample("only zeros", given(vec![0.0, 0.0])),
        sample("no elements", dense(&[0, 2], (-2.0, 2.0), 1)),
    ]
}

/// Positions of the last call, kept for their storage.
#[derive(Debug, Default)]
struct Found(Vec<usize>);

impl OpState for Found {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}

impl Op for Nonzero {
    fn name(&self) -> Cow<'static, str> {
        "nonzero".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity("nonzero", 1, inputs)) };
        match tensor_type("nonzero", x)?.rank() {
            0 => Err(BuildError::inputs("nonzero", inputs, "a scalar has no positions")),
            rank => Ok(NodeSpec::many((0..rank).map(|_| TensorType::shared(DType::I64, &[None])))),
        }
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn find<T: Element>(x: &Strided<T>, found: &mut Vec<usize>) {
            let (zero, mut at) = (T::default(), 0);
            for_each_run(x.shape(), [x.strides()], |[from], [step], length| {
                let hits = (0..length).filter(|i| x.storage()[from + i * step] != zero);
                found.extend(hits.map(|i| at + i));
                at += length;
            });
        }
        let (Found(found), inputs, outputs) = io.with_state::<Found>()?;
        let x = inputs.get::<Tensor>(0)?;
        found.clear();
        each_dtype!(x, array => find(array, found));
        let strides = crate::tensor::row_major(x.shape());
        for ((slot, &stride), &length) in outputs.iter_mut().zip(&strides).zip(x.shape()) {
            let out = slot.buffer::<Tensor>().reset::<i64>(&[found.len()]);
            out.iter_mut().zip(&*found).for_each(|(out, at)| *out = (at / stride % length) as i64);
        }
        Ok(())
    }

    fn l_op(&self, _node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![Grad::Zero])
    }

    fn r_op(&self, node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::Zero; node.outputs().len()])
    }

    fn infer_shape(&self, node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![Shape::from(vec![Dim::UNKNOWN]); node.outputs().len()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Found>::default())
    }
}
