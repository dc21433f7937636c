//! Changing the storage format of a sparse matrix.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, OpState, Params, Props, Result, Sample,
    Shape, Tangents, Variable, apply, origin,
};
use kronograph_ops::check_size;
use kronograph_ops::params::only;

use crate::kept::Kept;
use crate::matrix::{Format, SparseMatrix};
use crate::pattern::Moved;
use crate::samples::{Build, no_rows, nothing, op, wide};
use crate::ty::{SparseType, sparse_type};

/// A sparse matrix in another format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ToFormat {
    /// The format of the result.
    pub format: Format,
}

/// `x` in the given format, with sorted indices; itself, sorted or not, if it is in that format already (SciPy:
/// `tocsr`, `tocsc`). The same positions are stored. The derivative is regular.
///
/// # Errors
///
/// When `x` is no sparse matrix.
#[track_caller]
pub fn to_format(x: &Variable, format: Format) -> Result<Variable> {
    let _scope = origin::here();
    match sparse_type("to_format", x)?.format() == format {
        true => Ok(x.clone()),
        false => apply(ToFormat { format }, std::slice::from_ref(x)),
    }
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| Ok(vec![to_format(only(params, inputs)?, format_of(params)?)?]);
    vec![op("to_format", build, samples, |params| Ok(Arc::new(ToFormat { format: format_of(params)? })))]
}

fn samples(format: Format) -> Vec<Sample> {
    let to_other = |name, x| Sample::new(name, [x]).with("format", format.flip().name());
    vec![
        to_other("a wide one", wide(format, 1)),
        to_other("nothing stored", nothing(format)),
        to_other("no rows", no_rows(format)),
    ]
}

pub(crate) fn format_of(params: &Params<'_>) -> Result<Format> {
    match params.word("format")? {
        "csr" => Ok(Format::Csr),
        "csc" => Ok(Format::Csc),
        other => Err(params.wrong_word("format", "`csr` or `csc`", other)),
    }
}

/// The format, if it is given.
pub(crate) fn maybe_format(params: &Params<'_>) -> Result<Option<Format>> {
    params.get("format").map(|_| format_of(params)).transpose()
}

impl Op for ToFormat {
    fn name(&self) -> Cow<'static, str> {
        "to_format".into()
    }

    fn props(&self) -> Props {
        Props::default().with("format", self.format.name())
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity("to_format", 1, inputs)) };
        let ty = sparse_type("to_format", x)?;
        Ok(NodeSpec::one(SparseType::shared(self.format, ty.dtype(), ty.shape())))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<Kept<Moved>>()?;
        let x = inputs.get::<SparseMatrix>(0)?;
        let move_to = || {
            if x.format() == self.format {
                return Ok(x.pattern().sorted());
            }
            // A pointer for each slice along the other axis.
            check_size(&[x.pattern().minor(), 1])?;
            Ok(x.pattern().flipped())
        };
        let moved = state.of_patterns(&[x.pattern()], move_to)?;
        outputs[0].buffer::<SparseMatrix>().reset_moved(self.format, x.shape(), moved, x);
        Ok(())
    }

    /// The cotangent in the format that the matrix has.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![to_format(g, sparse_type("to_format", node.input(0))?.format())?.into()])
    }

    fn r_op(&self, _node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![tangents[0].as_ref().map(|tangent| to_format(tangent, self.format)).transpose()?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Kept<Moved>>::default())
    }
}
