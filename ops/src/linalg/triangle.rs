//! Keeping one triangle of a matrix.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Props, Result, Shape, Tangents, Variable,
    apply,
};

use crate::tensor::{Element, Strided, Tensor, each_dtype, tensor_type};

/// Which part of a matrix is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Triangle {
    /// The diagonal and what is below it.
    Lower,
    /// What is below the diagonal.
    StrictlyLower,
}

/// A matrix with zeros outside of a triangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LowerPart {
    part: Triangle,
}

/// A matrix with zeros outside of a triangle (NumPy: `tril`).
///
/// # Errors
///
/// When `x` is no matrix.
#[track_caller]
pub fn lower_part(x: &Variable, part: Triangle) -> Result<Variable> {
    apply(LowerPart { part }, std::slice::from_ref(x))
}

impl Op for LowerPart {
    fn name(&self) -> Cow<'static, str> {
        "tril".into()
    }

    fn props(&self) -> Props {
        Props::default().with("k", if self.part == Triangle::Lower { 0i64 } else { -1 })
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity("tril", 1, inputs)) };
        if tensor_type("tril", x)?.rank() != 2 {
            return Err(BuildError::inputs("tril", inputs, "a matrix is needed"));
        }
        Ok(NodeSpec::one(x.ty().clone()))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn keep<T: Element>(x: &Strided<T>, part: Triangle, out: &mut Tensor) {
            let (columns, strides) = (x.shape()[1], x.strides());
            let reach = usize::from(part == Triangle::Lower);
            let out = out.reset::<T>(x.shape());
            for (at, to) in out.iter_mut().enumerate() {
                let (i, j) = (at / columns, at % columns);
                *to = if j < i + reach { x.storage()[i * strides[0] + j * strides[1]] } else { T::default() };
            }
        }
        let x = io.inputs.get::<Tensor>(0)?;
        if x.shape().len() != 2 {
            return Err(OpFailure::WrongValue(0).into());
        }
        let out = io.outputs[0].buffer::<Tensor>();
        each_dtype!(x, array => keep(array, self.part, out));
        Ok(())
    }

    /// A projection: the same part of the cotangent.
    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![lower_part(g, self.part)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }
}
