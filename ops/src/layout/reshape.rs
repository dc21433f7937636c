//! The same elements in row-major order, with another shape.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpRef, OpResult, Params, Prop, Props,
    Result, Sample, Shape, Tangents, Variable, apply, origin, shape_of,
};
use smallvec::SmallVec;

use super::extent::{all_known, check_scalars};
use super::{ExtentSpec, Lowered, lengths_at_run_time, lower, shape_param, size_of};
use crate::params::some;
use crate::samples::{dense, given};
use crate::tensor::{
    Element, Extents, Strided, Tensor, TensorType, each_dtype, row_major, shape_text, size_of_shape, static_shape_text,
    tensor_type,
};

/// `x` in row-major order, with another shape. Inputs: x, then the lengths that are not known when the op is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reshape {
    spec: SmallVec<[ExtentSpec; 4]>,
}

/// `x` with another shape, its elements in row-major order. At most one length may be unknown (`-1`): it is inferred.
///
/// ```
/// use kronograph_ops::{matrix, reshape};
/// let x = matrix("x");
/// assert_eq!(reshape(&x, [3, -1])?.ty().to_string(), "f64 (3, ?)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When the number of elements changes, or more than one length is to be inferred.
#[track_caller]
pub fn reshape<D: Into<Dim>>(x: &Variable, shape: impl IntoIterator<Item = D>) -> Result<Variable> {
    let _scope = origin::here();
    let dims: Vec<Dim> = shape.into_iter().map(Into::into).collect();
    let Lowered { spec, inputs } = lower(&dims)?;
    let op = Reshape { spec };
    apply(op, &[std::slice::from_ref(x), &inputs[..]].concat())
}

pub(super) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| {
        let (x, scalars) = some(params, inputs)?.split_at(1);
        Ok(vec![reshape(&x[0], shape_param(params, "shape", scalars)?)?])
    };
    let samples = || {
        let x = || dense(&[2, 3, 2], (-2.0, 2.0), 1);
        let to = |sample: Sample, shape: &[i64]| sample.with("shape", Prop::Ints(shape.to_vec()));
        vec![
            to(Sample::new("to a vector", [x()]), &[12]),
            to(Sample::new("inferred", [x()]), &[-1, 2]),
            to(Sample::new("to a scalar", [dense(&[1, 1], (-2.0, 2.0), 1)]), &[]),
            to(Sample::new("a scalar", [dense(&[], (-2.0, 2.0), 1)]), &[1, -1]),
            to(Sample::new("no elements", [dense(&[0, 2], (-2.0, 2.0), 1)]), &[3, 0]),
            to(Sample::new("truth values", [given(vec![true, false])]), &[2, 1]),
            Sample::new("symbolic", [x(), given(3i64)])
                .with("shape", Prop::list(vec![Prop::from("input"), Prop::Int(-1)])),
        ]
    };
    let parse = |params: &Params<'_>| {
        let op: OpRef = Arc::new(Reshape { spec: ExtentSpec::parse(params, "shape")? });
        Ok(op)
    };
    vec![Entry::function("reshape", "shape", build, samples).parsed_by(parse)]
}

impl Reshape {
    /// The static lengths, with the inferred one filled in where the input's size is known.
    fn static_lengths(&self, x: &TensorType) -> Result<Vec<Option<usize>>, String> {
        let mut lengths: Vec<Option<usize>> = self.spec.iter().map(|spec| spec.known()).collect();
        let infer: Vec<usize> = (0..lengths.len()).filter(|&k| self.spec[k] == ExtentSpec::Infer).collect();
        let size = all_known(x.lengths()).and_then(|known| size_of_shape(&known));
        match (&infer[..], size) {
            ([], Some(size)) => match all_known(&lengths).map(|known| size_of_shape(&known)) {
                Some(new) if new != Some(size) => Err(mismatch(size, &lengths)),
                _ => Ok(lengths),
            },
            ([at], Some(size)) => {
                let rest: Option<usize> = (0..lengths.len()).filter(|k| k != at).map(|k| lengths[k]).product();
                match rest {
                    None => Ok(lengths),
                    Some(rest) if rest > 0 && size.is_multiple_of(rest) => {
                        lengths[*at] = Some(size / rest);
                        Ok(lengths)
                    }
                    Some(_) => Err(mismatch(size, &lengths)),
                }
            }
            ([] | [_], None) => Ok(lengths),
            _ => Err("only one length can be inferred".to_owned()),
        }
    }

    fn run_time_shape(&self, io: &Io<'_>, size: usize) -> Result<Extents, OpFailure> {
        let lengths = lengths_at_run_time(&self.spec, io, 1)?;
        let rest = lengths.iter().flatten().try_fold(1usize, |rest, &length| rest.checked_mul(length));
        let inferred = lengths.contains(&None);
        match rest {
            Some(rest) if !inferred && rest == size => Ok(lengths.iter().flatten().copied().collect()),
            Some(rest) if inferred && rest > 0 && size.is_multiple_of(rest) => {
                Ok(lengths.iter().map(|length| length.unwrap_or(size / rest)).collect())
            }
            _ => Err(OpFailure::Shapes(mismatch(size, &lengths))),
        }
    }
}

fn mismatch(size: usize, lengths: &[Option<usize>]) -> String {
    format!("{size} element(s) do not have the shape {}", static_shape_text(lengths))
}

impl Op for Reshape {
    fn name(&self) -> Cow<'static, str> {
        "reshape".into()
    }

    fn props(&self) -> Props {
        Props::default().with("shape", ExtentSpec::prop(&self.spec))
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let scalars = ExtentSpec::inputs(&self.spec);
        if inputs.len() != scalars + 1 {
            return Err(BuildError::arity("reshape", scalars + 1, inputs));
        }
        check_scalars("reshape", inputs, 1)?;
        let x = tensor_type("reshape", &inputs[0])?;
        let lengths = self.static_lengths(x).map_err(|rule| BuildError::inputs("reshape", &inputs[..1], rule))?;
        Ok(NodeSpec::one(TensorType::shared(x.dtype(), &lengths)))
    }

    /// A view if the elements lie in row-major order, else a copy.
    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn copy<T: Element>(x: &Strided<T>, shape: &[usize], out: &mut Tensor) {
            x.write_to(out.reset::<T>(shape));
        }
        let x = io.inputs.get::<Tensor>(0)?;
        let shape = self.run_time_shape(io, x.len())?;
        let out = io.outputs[0].buffer::<Tensor>();
        if each_dtype!(x, array => array.is_contiguous()) {
            let strides = row_major(&shape);
            *out = x.relaid(0, shape, strides).ok_or_else(|| OpFailure::Shapes(shape_text(x.shape())))?;
        } else {
            each_dtype!(x, array => copy(array, &shape, out));
        }
        Ok(())
    }

    /// The cotangent in the shape of x.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut grads = vec![Grad::Disconnected; node.inputs().len()];
        grads[0] = match &output_grads[0] {
            Some(g) => reshape(g, shape_of(node.input(0)))?.into(),
            None => Grad::Zero,
        };
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let mut dims = ExtentSpec::dims(&self.spec, &node.inputs()[1..]);
        if let Some(at) = self.spec.iter().position(|spec| *spec == ExtentSpec::Infer) {
            let rest = size_of(dims.iter().enumerate().filter(|(k, _)| *k != at).map(|(_, dim)| dim));
            dims[at] = size_of(&input_shapes[0]).quotient(&rest);
        }
        Ok(vec![dims])
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &[(0, 0)]
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 0
    }
}
