//! Sums of the entries of a sparse matrix.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, OpState, Params, Prop, Props, Result, Sample,
    Shape, Tangents, Variable, apply, origin, shape_of,
};
use kronograph_ops::params::only;
use kronograph_ops::{DType, Tensor, TensorType, broadcast_to, check_size, expand_dims};

use crate::like::sp_ones_like;
use crate::matrix::{Format, SparseMatrix};
use crate::multiply_dense::mul_s_d;
use crate::number::{Number, each_number};
use crate::project::project_sparse;
use crate::samples::{Build, any_matrix, in_dtype, in_integers, op, wide};
use crate::scale::{Lines, scale};
use crate::ty::{SparseType, sparse_type};

/// The sum of the entries of a sparse matrix, of each row or column or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpSum {
    lines: Option<Lines>,
    structured: bool,
}

/// The sum of all entries, of the columns (axis 0) or of the rows (axis 1) of a sparse matrix, dense (PyTensor:
/// `sp_sum`, with `sparse_grad=False`). Integers are counted in i64, with wrap-around.
///
/// The derivative is regular: g for every entry, stored or not, so its cotangent is full.
/// [`sp_sum_structured`] moves stored entries only.
///
/// ```
/// use kronograph_sparse::{Format, sp_sum, sparse_matrix};
///
/// let x = sparse_matrix("x", Format::Csr, [Some(3), Some(4)]);
/// assert_eq!(sp_sum(&x, Some(0))?.ty().to_string(), "f64 (4,)");
/// assert!(sp_sum(&x, Some(2)).is_err());
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When `x` is no sparse matrix, or the axis is neither 0 nor 1.
#[track_caller]
pub fn sp_sum(x: &Variable, axis: Option<usize>) -> Result<Variable> {
    sum_along(x, axis, false)
}

/// [`sp_sum`] with the structured derivative: g where X stores an entry (PyTensor: `sparse_grad=True`).
///
/// # Errors
///
/// As [`sp_sum`].
#[track_caller]
pub fn sp_sum_structured(x: &Variable, axis: Option<usize>) -> Result<Variable> {
    sum_along(x, axis, true)
}

#[track_caller]
fn sum_along(x: &Variable, axis: Option<usize>, structured: bool) -> Result<Variable> {
    let _scope = origin::here();
    match axis {
        None | Some(0 | 1) => apply(SpSum { lines: axis.map(lines_of), structured }, std::slice::from_ref(x)),
        Some(axis) => {
            let rule = format!("there is no axis {axis}: a sparse matrix has axes 0 and 1");
            Err(BuildError::inputs("sp_sum", std::slice::from_ref(x), rule))
        }
    }
}

/// What the sums along an axis are one of for each.
pub(crate) fn lines_of(axis: usize) -> Lines {
    match axis {
        0 => Lines::Columns,
        _ => Lines::Rows,
    }
}

/// The parameter `axis`: absent, 0 or 1.
pub(crate) fn axis_of(params: &Params<'_>) -> Result<Option<usize>> {
    match params.maybe_int("axis")? {
        None => Ok(None),
        Some(0) => Ok(Some(0)),
        Some(1) => Ok(Some(1)),
        Some(other) => Err(params.wrong("axis", "absent, 0 or 1", &Prop::Int(other))),
    }
}

pub(crate) fn printed_axis(lines: Option<Lines>) -> Props {
    Props::default().with("axis", lines.map(|lines| 1 - lines.axis() as i64))
}

/// The lengths that sums keep.
pub(crate) fn kept_lengths<T>(shape: &[T], lines: Option<Lines>) -> &[T] {
    match lines {
        Some(lines) => std::slice::from_ref(&shape[lines.axis()]),
        None => &[],
    }
}

/// The length of a vector of sums.
pub(crate) fn kept_length(shape: [usize; 2], lines: Option<Lines>) -> Option<usize> {
    lines.map(|lines| shape[lines.axis()])
}

/// Room for sums in wide numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals(Tensor);

impl Totals {
    /// Writes what is added up to a vector of sums, or to a scalar.
    pub(crate) fn add_up<T: Number>(
        &mut self,
        out: &mut Tensor,
        length: Option<usize>,
        add: impl FnOnce(&mut [T::Wide]),
    ) {
        let lengths = [length.unwrap_or(1)];
        let totals = self.0.reset::<T::Wide>(&lengths);
        totals.fill(T::Wide::default());
        add(totals);
        let out = out.reset::<T::Sum>(if length.is_some() { &lengths } else { &[] });
        out.iter_mut().zip(totals).for_each(|(out, &mut total)| *out = T::total(total));
    }
}

impl OpState for Totals {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| {
        let (axis, structured) = (axis_of(params)?, is_structured(params)?);
        Ok(vec![sum_along(only(params, inputs)?, axis, structured)?])
    };
    vec![op("sp_sum", build, samples, |params| {
        Ok(Arc::new(SpSum { lines: axis_of(params)?.map(lines_of), structured: is_structured(params)? }))
    })]
}

fn is_float(x: &Variable) -> bool {
    x.type_as::<SparseType>().is_some_and(|ty| ty.dtype().is_float())
}

fn is_structured(params: &Params<'_>) -> Result<bool> {
    params.flag("sparse_grad")
}

fn samples(format: Format) -> Vec<Sample> {
    let along = |axis: usize, structured: bool| {
        any_matrix(format).into_iter().map(move |s| s.with("axis", axis).with("sparse_grad", structured))
    };
    let whole = any_matrix(format).into_iter().map(|sample| sample.with("sparse_grad", true));
    let small = Sample::new("small integers", [in_dtype(in_integers(wide(format, 1)), DType::I8)]).edge();
    [
        any_matrix(format),
        whole.collect(),
        along(0, false).collect(),
        along(0, true).collect(),
        along(1, false).collect(),
        along(1, true).collect(),
        vec![small],
    ]
    .concat()
}

impl Op for SpSum {
    fn name(&self) -> Cow<'static, str> {
        "sp_sum".into()
    }

    fn props(&self) -> Props {
        printed_axis(self.lines).with("sparse_grad", self.structured)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity("sp_sum", 1, inputs)) };
        let ty = sparse_type("sp_sum", x)?;
        Ok(NodeSpec::one(TensorType::shared(ty.dtype().sum(), kept_lengths(&ty.shape(), self.lines))))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<Totals>()?;
        let x = inputs.get::<SparseMatrix>(0)?;
        let length = kept_length(x.shape(), self.lines);
        check_size(&[length.unwrap_or(1), 2])?;
        each_number!(x.dtype(), T => {
            let values = x.slots::<T>()?;
            state.add_up::<T>(outputs[0].buffer(), length, |totals| match self.lines {
                Some(lines) => x.for_each_line(lines, |slot, line| {
                    totals[line] = totals[line].plus(values[slot].widen());
                }),
                None => values.iter().for_each(|value| totals[0] = totals[0].plus(value.widen())),
            });
        });
        Ok(())
    }

    /// The cotangent repeated: where X stores an entry, or everywhere as a view that takes no room. Integers have none.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let x = node.input(0);
        let Some(g) = output_grads[0].as_ref().filter(|_| is_float(x)) else { return Ok(vec![Grad::Zero]) };
        Ok(vec![match (self.structured, self.lines) {
            (true, None) => mul_s_d(&sp_ones_like(x)?, g)?.into(),
            (true, Some(lines)) => scale(&sp_ones_like(x)?, g, lines)?.into(),
            (false, None) => broadcast_to(&expand_dims(g, &[0, 1])?, shape_of(x))?.into(),
            (false, Some(lines)) => broadcast_to(&expand_dims(g, &[1 - lines.axis()])?, shape_of(x))?.into(),
        }])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = tangents[0].as_ref().filter(|_| is_float(node.input(0))) else {
            return Ok(vec![Grad::Zero]);
        };
        let tangent = if self.structured { project_sparse(node.input(0), tangent)? } else { tangent.clone() };
        Ok(vec![apply(*self, &[tangent])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![kept_lengths(&input_shapes[0], self.lines).iter().cloned().collect()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Totals>::default())
    }
}
