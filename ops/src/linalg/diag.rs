//! Diagonals: taking one, setting one, and matrices and traces made of them.
//!
//! The two ops are each other's adjoint. Diagonal 0 is the main one, positive ones are above it; a diagonal outside of
//! the matrix has no elements.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Dim, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Operand, Props, Result, Shape,
    Tangents, Variable, apply, origin, overloaded, shape_of,
};

use crate::construct::full;
use crate::elemwise::cast;
use crate::kernels::runs::for_each_run;
use crate::layout::broadcast_to;
use crate::reduce::sum_axes;
use crate::tensor::{Element, Extents, Strided, Tensor, TensorType, each_dtype, row_major, shape_text, tensor_type};

/// Which diagonal of which matrices: one above the main one by `offset`, row indices along one axis and column indices
/// along another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) offset: i64,
    pub(super) axis1: usize,
    pub(super) axis2: usize,
}

/// A diagonal of the matrices along two axes, as a new last axis; a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Diagonal(pub(super) Place);

impl Diagonal {
    /// How far above the main diagonal it is.
    pub fn offset(&self) -> i64 {
        self.0.offset
    }
}

/// A tensor in which a diagonal is replaced. Inputs: the tensor, then the diagonal, as [`Diagonal`] gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SetDiagonal(pub(super) Place);

/// A diagonal of the matrices along two axes, as a new last axis behind the others (NumPy: `diagonal`).
///
/// The derivative is zero beside the diagonal.
///
/// ```
/// use kronograph_ops::{DType, diagonal, tensor};
/// let x = tensor("x", DType::F64, &[Some(2), Some(5), Some(4)]);
/// assert_eq!(diagonal(&x, -2, 1, 2)?.ty().to_string(), "f64 (2, 3)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When the axes are not two different axes of `x`.
#[track_caller]
pub fn diagonal(x: &Variable, offset: i64, axis1: usize, axis2: usize) -> Result<Variable> {
    apply(Diagonal(Place { offset, axis1, axis2 }), std::slice::from_ref(x))
}

/// `x` with a diagonal replaced by `y`, which has the shape of [`diagonal`].
///
/// # Errors
///
/// When the axes are not two different axes of `x`, or `y` does not have that shape.
#[track_caller]
pub fn set_diagonal(x: &Variable, y: &Variable, offset: i64, axis1: usize, axis2: usize) -> Result<Variable> {
    apply(SetDiagonal(Place { offset, axis1, axis2 }), &[x.clone(), y.clone()])
}

/// Square matrices that are zero but for a diagonal, the last axis of `v`; the matrices lie along two axes of the
/// result (PyTensor: `alloc_diag`).
///
/// # Errors
///
/// When `v` is a scalar, or the axes are not two different axes of the result.
#[track_caller]
pub fn alloc_diag(v: &Variable, offset: i64, axis1: usize, axis2: usize) -> Result<Variable> {
    let _scope = origin::here();
    let mut rest = shape_of(v);
    let Some(length) = rest.pop() else {
        return Err(BuildError::inputs("alloc_diag", std::slice::from_ref(v), "it has no axis to be a diagonal"));
    };
    let place = Place { offset, axis1, axis2 };
    place.check("alloc_diag", std::slice::from_ref(v), rest.len() + 2)?;
    let order = length.plus(&Dim::from(offset.unsigned_abs() as usize));
    let (rank, mut rest) = (rest.len() + 2, rest.into_iter());
    let pick = |axis| if axis == axis1 || axis == axis2 { Some(order.clone()) } else { rest.next() };
    let shape: Vec<Dim> = (0..rank).filter_map(pick).collect();
    set_diagonal(&full(0.0, tensor_type("alloc_diag", v)?.dtype(), shape)?, v, offset, axis1, axis2)
}

/// A matrix with a vector on diagonal `k`, or diagonal `k` of a matrix (NumPy: `diag`).
///
/// # Errors
///
/// When `x` is neither vector nor matrix.
#[track_caller]
pub fn diag(x: &Variable, k: i64) -> Result<Variable> {
    let main = Diagonal(Place { offset: k, axis1: 0, axis2: 1 });
    if let Some(answer) = overloaded(&main, &[Operand::Variable(x)]) {
        return answer;
    }
    match tensor_type("diag", x)?.rank() {
        1 => alloc_diag(x, k, 0, 1),
        2 => diagonal(x, k, 0, 1),
        _ => Err(BuildError::inputs("diag", std::slice::from_ref(x), "a vector or a matrix is needed")),
    }
}

/// A matrix with a scalar on a diagonal in place of what was there (PyTensor: `fill_diagonal_offset`).
///
/// # Errors
///
/// When `a` is no matrix, or `value` is no scalar or of a dtype that does not fit in that of `a`.
#[track_caller]
pub fn fill_diagonal(a: &Variable, value: &Variable, offset: i64) -> Result<Variable> {
    let _scope = origin::here();
    let (ta, tv) = (tensor_type("fill_diagonal", a)?, tensor_type("fill_diagonal", value)?);
    if ta.rank() != 2 || tv.rank() != 0 || !tv.dtype().fits_in(ta.dtype()) {
        let rule = "a matrix is needed, and a scalar of a dtype that fits in that of the matrix";
        return Err(BuildError::inputs("fill_diagonal", &[a.clone(), value.clone()], rule));
    }
    let filled = broadcast_to(value, shape_of(&diagonal(a, offset, 0, 1)?))?;
    set_diagonal(a, &filled, offset, 0, 1)
}

/// The sum of a diagonal of the matrices along two axes (NumPy: `trace`). Integers are summed in i64.
///
/// # Errors
///
/// When the axes are not two different axes of `x`.
#[track_caller]
pub fn trace(x: &Variable, offset: i64, axis1: usize, axis2: usize) -> Result<Variable> {
    let _scope = origin::here();
    Place { offset, axis1, axis2 }.check("trace", std::slice::from_ref(x), tensor_type("trace", x)?.rank())?;
    let diagonal = diagonal(x, offset, axis1, axis2)?;
    let last = diagonal.ty().extents().len() - 1;
    sum_axes(&diagonal, &[last])
}

impl Place {
    fn props(self) -> Props {
        Props::default().with("offset", self.offset).with("axis1", self.axis1).with("axis2", self.axis2)
    }

    #[track_caller]
    fn check(self, op: &'static str, inputs: &[Variable], rank: usize) -> Result<()> {
        let Self { axis1, axis2, .. } = self;
        if axis1 != axis2 && axis1.max(axis2) < rank {
            return Ok(());
        }
        let rule = format!("axes {axis1} and {axis2} are not two different ones of {rank} axes");
        Err(BuildError::inputs(op, &inputs[..1], rule))
    }

    /// The length of the diagonal of a matrix.
    fn length(self, rows: usize, columns: usize) -> usize {
        let skipped = usize::try_from(self.offset.unsigned_abs()).unwrap_or(usize::MAX);
        match self.offset {
            0.. => rows.min(columns.saturating_sub(skipped)),
            _ => columns.min(rows.saturating_sub(skipped)),
        }
    }

    /// What an array has along the axes that are neither of rows nor of columns.
    fn rest<'a, T: Clone>(self, all: &'a [T]) -> impl Iterator<Item = T> + 'a {
        let keep = move |(axis, _): &(usize, &T)| *axis != self.axis1 && *axis != self.axis2;
        all.iter().enumerate().filter(keep).map(|(_, item)| item.clone())
    }

    fn lengths(self, x: &[Option<usize>]) -> Vec<Option<usize>> {
        let length = match (x[self.axis1], x[self.axis2]) {
            (Some(rows), Some(columns)) => Some(self.length(rows, columns)),
            _ => None,
        };
        self.rest(x).chain([length]).collect()
    }

    /// The diagonal in storage: what to skip, its shape and its strides.
    fn layout(self, shape: &[usize], strides: &[usize]) -> (usize, Extents, Extents) {
        let Self { offset, axis1, axis2 } = self;
        let length = self.length(shape[axis1], shape[axis2]);
        let first = if offset < 0 { strides[axis1] } else { strides[axis2] };
        // An empty diagonal may begin outside.
        let skip = if length == 0 { 0 } else { offset.unsigned_abs() as usize * first };
        let shape = self.rest(shape).chain([length]).collect();
        (skip, shape, self.rest(strides).chain([strides[axis1] + strides[axis2]]).collect())
    }
}

impl Op for Diagonal {
    fn name(&self) -> Cow<'static, str> {
        "diagonal".into()
    }

    fn props(&self) -> Props {
        self.0.props()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity("diagonal", 1, inputs)) };
        let ty = tensor_type("diagonal", x)?;
        self.0.check("diagonal", inputs, ty.rank())?;
        Ok(NodeSpec::one(TensorType::shared(ty.dtype(), &self.0.lengths(ty.lengths()))))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let x = io.inputs.get::<Tensor>(0)?;
        let (skip, shape, strides) = self.0.layout(x.shape(), x.strides());
        *io.outputs[0].buffer::<Tensor>() = x.relaid(skip, shape, strides).ok_or(OpFailure::WrongValue(0))?;
        Ok(())
    }

    /// The cotangent on a diagonal of zeros.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        let zeros = full(0.0, tensor_type("diagonal", g)?.dtype(), shape_of(node.input(0)))?;
        Ok(vec![apply(SetDiagonal(self.0), &[zeros, g.clone()])?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let (rows, columns) = (&input_shapes[0][self.0.axis1], &input_shapes[0][self.0.axis2]);
        let length = match (rows.known(), columns.known()) {
            (Some(rows), Some(columns)) => Dim::from(self.0.length(rows, columns)),
            _ if self.0.offset == 0 => rows.min(columns),
            _ => Dim::UNKNOWN,
        };
        Ok(vec![self.0.rest(&input_shapes[0]).chain([length]).collect()])
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &[(0, 0)]
    }
}

impl Op for SetDiagonal {
    fn name(&self) -> Cow<'static, str> {
        "set_diagonal".into()
    }

    fn props(&self) -> Props {
        self.0.props()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x, y] = inputs else { return Err(BuildError::arity("set_diagonal", 2, inputs)) };
        let (tx, ty) = (tensor_type("set_diagonal", x)?, tensor_type("set_diagonal", y)?);
        self.0.check("set_diagonal", inputs, tx.rank())?;
        let want = self.0.lengths(tx.lengths());
        let fits = |(want, got): (&Option<usize>, &Option<usize>)| want.is_none() || got.is_none() || want == got;
        if ty.rank() != want.len() || !want.iter().zip(ty.lengths()).all(fits) {
            return Err(BuildError::inputs("set_diagonal", inputs, "the second must have the shape of the diagonal"));
        }
        let dtype = tx.dtype().promote(ty.dtype());
        Ok(NodeSpec::one(TensorType::shared(dtype, tx.lengths())).with_inputs([cast(x, dtype)?, cast(y, dtype)?]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (x, y) = (io.inputs.get::<Tensor>(0)?, io.inputs.get::<Tensor>(1)?);
        let dense = row_major(x.shape());
        let (skip, shape, strides) = self.0.layout(x.shape(), &dense);
        if y.shape() != &shape[..] {
            let (got, want) = (shape_text(y.shape()), shape_text(&shape));
            return Err(OpFailure::Shapes(format!("a diagonal of shape {got} was given, {want} is needed")).into());
        }
        fn set<T: Element>(x: &Strided<T>, y: &Tensor, out: &mut Tensor, skip: usize, strides: &[usize]) -> OpResult {
            let y = y.array::<T>().map_err(|_| OpFailure::WrongValue(1))?;
            let out = out.reset::<T>(x.shape());
            x.write_to(out);
            for_each_run(y.shape(), [y.strides(), strides], |[from, to], [step, out_step], length| {
                (0..length).for_each(|i| out[skip + to + i * out_step] = y.storage()[from + i * step]);
            });
            Ok(())
        }
        let out = io.outputs[0].buffer::<Tensor>();
        each_dtype!(x, array => set(array, y, out, skip, &strides))
    }

    /// What was replaced has no part in the result.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 2]) };
        let zeros = full(0.0, tensor_type("set_diagonal", g)?.dtype(), shape_of(node.input(1)))?;
        let beside = apply(*self, &[g.clone(), zeros])?;
        Ok(vec![beside.into(), apply(Diagonal(self.0), std::slice::from_ref(g))?.into()])
    }

    /// Linear in both together.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let moved = |k: usize| match &tangents[k] {
            Some(tangent) => Ok(tangent.clone()),
            None => full(0.0, tensor_type("set_diagonal", node.output(0))?.dtype(), shape_of(node.input(k))),
        };
        Ok(vec![apply(*self, &[moved(0)?, moved(1)?])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }
}
