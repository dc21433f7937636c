//! A sparse matrix read at the positions of parts.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Grad, Grads, Inputs, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Props, Result, Shape,
    Tangents, Variable, apply, origin,
};
use kronograph_ops::{Tensor, TensorType, shape_text};

use super::csm;
use super::parts::{Assembled, check_parts, told};
use crate::format::to_format;
use crate::kept::Kept;
use crate::matrix::{Format, SparseMatrix};
use crate::number::each_number;
use crate::ty::sparse_type;

/// A sparse matrix read at the places of parts. Inputs: the matrix, indices, indptr, shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CsmGrad {
    /// The format of the matrix and of the parts.
    pub format: Format,
}

/// The entries of a sparse matrix `g` at the positions of the slots that `indices`, `indptr` and `shape` describe, as a
/// dense vector; zero where `g` stores nothing (PyTensor: `csm_grad`).
///
/// The derivative is regular in `g`: [`csm`] of the cotangent.
///
/// # Errors
///
/// As [`csm`]; also when `g` is of another shape.
#[track_caller]
pub fn csm_grad(
    g: &Variable,
    indices: &Variable,
    indptr: &Variable,
    shape: &Variable,
    format: Format,
) -> Result<Variable> {
    let _scope = origin::here();
    sparse_type("csm_grad", g)?;
    apply(CsmGrad { format }, &[to_format(g, format)?, indices.clone(), indptr.clone(), shape.clone()])
}

/// Where the values of parts are in another pattern.
#[derive(Debug)]
struct Places {
    of: Assembled,
    slots: Vec<u32>,
}

impl Places {
    fn find(inputs: &Inputs<'_>, g: &SparseMatrix, format: Format) -> Result<Self, OpFailure> {
        let of = Assembled::of(inputs, format)?;
        if g.format() != format || g.shape() != of.shape(format) {
            let (want, got) = (shape_text(&of.shape(format)), shape_text(&g.shape()));
            return Err(OpFailure::Shapes(format!("parts of a matrix {want} do not fit one {got}")));
        }
        let own = of.pattern.slots_in(g.pattern());
        let slots = match &of.given {
            Some(given) => given.slots.iter().map(|&slot| own[slot as usize]).collect(),
            None => own,
        };
        Ok(Self { of, slots })
    }
}

impl Op for CsmGrad {
    fn name(&self) -> Cow<'static, str> {
        "csm_grad".into()
    }

    fn props(&self) -> Props {
        Props::default().with("format", self.format.name())
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [g, _, _, shape] = inputs else { return Err(BuildError::arity("csm_grad", 4, inputs)) };
        let ty = sparse_type("csm_grad", g)?;
        let count = check_parts("csm_grad", inputs)?;
        if ty.format() != self.format {
            return Err(BuildError::inputs("csm_grad", &inputs[..1], "it must be of the format of the parts"));
        }
        crate::ty::same_shape("csm_grad", inputs, ty.shape(), told(shape))?;
        Ok(NodeSpec::one(TensorType::shared(ty.dtype(), &[count])))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<Kept<Places>>()?;
        let (g, format) = (inputs.get::<SparseMatrix>(0)?, self.format);
        let serves = |known: &Places| known.of.serves(inputs, format);
        let places = state.of(&[g.pattern()], serves, || Places::find(inputs, g, format))?;
        each_number!(g.dtype(), T => {
            let values = g.slots::<T>()?;
            let out = outputs[0].buffer::<Tensor>().reset::<T>(&[places.slots.len()]);
            let value = |slot: u32| values.get(slot as usize).copied().unwrap_or_default();
            out.iter_mut().zip(&places.slots).for_each(|(out, &slot)| *out = value(slot));
        });
        Ok(())
    }

    /// The cotangents at their places.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut grads = vec![Grad::Disconnected; 4];
        let made = |u: &Variable| csm(u, node.input(1), node.input(2), node.input(3), self.format);
        grads[0] = output_grads[0].as_ref().map(made).transpose()?.into();
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[1].clone()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 0
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Kept<Places>>::default())
    }
}
