//! The triangles of a matrix: keeping one, and what goes from one to the other.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Props, Result, Sample,
    Shape, Tangents, Variable, apply, origin,
};

use super::matrices::for_each_matrix;
use crate::elemwise::add;
use crate::layout::matrix_transpose;
use crate::params::only;
use crate::samples::{dense, given, shaped};
use crate::tensor::{Element, Strided, Tensor, each_dtype, tensor_type};

/// One of the triangles of a matrix, with the diagonal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Triangle {
    /// What is not above the diagonal.
    Lower,
    /// What is not below the diagonal.
    Upper,
}

/// A matrix with zeros outside of a triangle, whose border is a diagonal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TriangularPart {
    triangle: Triangle,
    k: i64,
}

/// The lower triangle of the matrices along the last two axes: what is above diagonal `k` becomes zero.
///
/// Diagonal 0 is the main one, positive ones are above it. What is masked out is not multiplied, so it may be NaN.
///
/// # Errors
///
/// When `x` has less than two axes.
#[track_caller]
pub fn tril(x: &Variable, k: i64) -> Result<Variable> {
    apply(TriangularPart { triangle: Triangle::Lower, k }, std::slice::from_ref(x))
}

/// The upper triangle of the matrices along the last two axes: what is below diagonal `k` becomes zero; see [`tril`].
///
/// # Errors
///
/// When `x` has less than two axes.
#[track_caller]
pub fn triu(x: &Variable, k: i64) -> Result<Variable> {
    apply(TriangularPart { triangle: Triangle::Upper, k }, std::slice::from_ref(x))
}

impl Triangle {
    /// PyTensor's `lower`, which has a default of its own in every function.
    pub(super) fn of(params: &Params<'_>, default: Self) -> Result<Self> {
        match (params.get("lower"), params.flag("lower")?) {
            (None, _) => Ok(default),
            (Some(_), true) => Ok(Triangle::Lower),
            (Some(_), false) => Ok(Triangle::Upper),
        }
    }

    /// The part of a matrix in this triangle, with or without the diagonal.
    pub(super) fn part(self, x: &Variable, diagonal: bool) -> Result<Variable> {
        let k = i64::from(!diagonal);
        match self {
            Triangle::Lower => tril(x, -k),
            Triangle::Upper => triu(x, k),
        }
    }
}

/// The symmetric matrix of which `x` holds this triangle.
pub(super) fn mirrored(x: &Variable, triangle: Triangle) -> Result<Variable> {
    let _scope = origin::here();
    add(&triangle.part(x, true)?, &matrix_transpose(&triangle.part(x, false)?)?)
}

/// The adjoint of [`mirrored`]: the cotangent of a triangle from that of the symmetric matrix. An entry beside the
/// diagonal stands for two.
pub(super) fn folded(g: &Variable, triangle: Triangle) -> Result<Variable> {
    let _scope = origin::here();
    add(&triangle.part(g, true)?, &triangle.part(&matrix_transpose(g)?, false)?)
}

/// The entries of this file: PyTensor's `k`, 0 if absent.
pub(crate) fn entries() -> Vec<Entry> {
    let entry = |name: &'static str, triangle: Triangle| {
        let part = move |params: &Params<'_>| {
            Ok::<_, BuildError>(TriangularPart { triangle, k: params.maybe_int("k")?.unwrap_or(0) })
        };
        let build = move |params: &Params<'_>, x: &[Variable]| {
            Ok(vec![apply(part(params)?, std::slice::from_ref(only(params, x)?))?])
        };
        Entry::function(name, "linear algebra", build, samples).parsed_by(move |params| Ok(Arc::new(part(params)?)))
    };
    vec![entry("tril", Triangle::Lower), entry("triu", Triangle::Upper)]
}

fn samples() -> Vec<Sample> {
    let (range, x) = ((-2.0, 2.0), |shape: &[usize]| [dense(shape, (-2.0, 2.0), 1)]);
    let mut samples = vec![Sample::new("the default", x(&[3, 3]))];
    samples.extend([-9i64, -1, 0, 1, 9].map(|k| Sample::new(format!("wide, k = {k}"), x(&[3, 4])).with("k", k)));
    samples.extend([-1i64, 0, 1].map(|k| Sample::new(format!("tall, k = {k}"), x(&[4, 2])).with("k", k)));
    samples.push(Sample::new("a stack", [dense(&[2, 3, 3], range, 2)]).with("k", 1i64));
    samples.push(Sample::new("no columns", x(&[2, 0])));
    samples.push(Sample::new("an empty stack", x(&[0, 2, 2])));
    samples.push(Sample::new("one entry", x(&[1, 1])));
    samples.push(Sample::new("NaN", [given(shaped(&[2, 2], vec![f64::NAN; 4]))]).edge());
    samples.push(Sample::new("integers", [given(shaped(&[2, 2], vec![1i64, 2, 3, 4]))]).edge());
    samples.push(Sample::new("truth values", [given(shaped(&[2, 2], vec![true; 4]))]).edge());
    samples.push(Sample::new("f32", [given(shaped(&[2, 2], vec![1.5f32, 2.0, 3.0, 4.0]))]).single());
    samples
}

impl TriangularPart {
    fn keep<T: Element>(self, x: &Strided<T>, out: &mut Tensor) {
        let axes = x.shape().len() - 2;
        let (rows, columns, strides) = (x.shape()[axes], x.shape()[axes + 1], &x.strides()[axes..]);
        let out = out.reset::<T>(x.shape());
        for_each_matrix(x.shape(), x.strides(), |number, offset| {
            for i in 0..rows {
                // The columns on the border of the triangle and before it.
                let border = (i as i64).saturating_add(self.k);
                let row = &mut out[(number * rows + i) * columns..][..columns];
                for (j, to) in row.iter_mut().enumerate() {
                    let kept = match self.triangle {
                        Triangle::Lower => j as i64 <= border,
                        Triangle::Upper => j as i64 >= border,
                    };
                    *to = if kept { x.storage()[offset + i * strides[0] + j * strides[1]] } else { T::default() };
                }
            }
        });
    }
}

impl Op for TriangularPart {
    fn name(&self) -> Cow<'static, str> {
        match self.triangle {
            Triangle::Lower => "tril".into(),
            Triangle::Upper => "triu".into(),
        }
    }

    fn props(&self) -> Props {
        Props::default().with("k", self.k)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity(self.name(), 1, inputs)) };
        if tensor_type(&self.name(), x)?.rank() < 2 {
            return Err(BuildError::inputs(self.name(), inputs, "a matrix, or a stack of them, is needed"));
        }
        Ok(NodeSpec::one(x.ty().clone()))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let x = io.inputs.get::<Tensor>(0)?;
        if x.shape().len() < 2 {
            return Err(OpFailure::WrongValue(0).into());
        }
        let out = io.outputs[0].buffer::<Tensor>();
        each_dtype!(x, array => self.keep(array, out));
        Ok(())
    }

    /// A projection: the same part of the cotangent.
    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![apply(*self, std::slice::from_ref(g))?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }
}
