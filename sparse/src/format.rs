//! Changing the storage format of a sparse matrix.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Params, Props, Result,
    Sample, Shape, Tangents, Variable, apply,
};
use kronograph_ops::params::only;
use kronograph_ops::{DType, Tensor};

use crate::convert::same_pattern;
use crate::inner::project_sparse;
use crate::matrix::{Format, SparseMatrix};
use crate::pattern::Pattern;
use crate::samples::{Build, no_rows, nothing, op, wide};
use crate::ty::{SparseType, sparse_type};

/// A sparse matrix in another format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ToFormat {
    /// The format of the result.
    pub format: Format,
}

/// `x` in the given format, with sorted indices; itself, sorted or not, if it is in that format already (SciPy:
/// `tocsr`, `tocsc`). The same positions are stored, and the derivative moves back to where they were.
///
/// # Errors
///
/// When `x` is no sparse f64 matrix.
#[track_caller]
pub fn to_format(x: &Variable, format: Format) -> Result<Variable> {
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

fn format_of(params: &Params<'_>) -> Result<Format> {
    match params.word("format")? {
        "csr" => Ok(Format::Csr),
        "csc" => Ok(Format::Csc),
        other => Err(params.wrong_word("format", "`csr` or `csc`", other)),
    }
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
        Ok(NodeSpec::one(SparseType::shared(self.format, DType::F64, sparse_type("to_format", x)?.shape())))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<Converted>()?;
        let x = inputs.get::<SparseMatrix>(0)?;
        let values = x.values().ok_or(OpFailure::WrongValue(0))?;
        let Conversion { to, slots, .. } = state.of(x, self.format)?;
        let out = outputs[0].buffer::<SparseMatrix>().reset(self.format, x.shape(), to);
        out.iter_mut().zip(slots).for_each(|(out, slot)| *out = values[*slot]);
        Ok(())
    }

    /// The cotangent in the format that the matrix has, on its pattern.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        let x = node.input(0);
        let back = to_format(g, sparse_type("to_format", x)?.format())?;
        Ok(vec![project_sparse(x, &back)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Converted>::default())
    }
}

/// A pattern in another format, and the slot that each of its entries comes from.
#[derive(Clone, Debug)]
struct Conversion {
    from: Arc<Pattern>,
    to: Arc<Pattern>,
    slots: Vec<usize>,
}

/// The conversion of the pattern seen last.
#[derive(Clone, Debug, Default)]
struct Converted(Option<Conversion>);

impl Converted {
    fn of(&mut self, x: &SparseMatrix, format: Format) -> Result<&Conversion, OpFailure> {
        let known = self.0.take().filter(|known| same_pattern(&known.from, x.pattern()));
        let known = match known {
            Some(known) => known,
            None => {
                // Slots, of which there are no more than 2³², are whole numbers in f64.
                let slots = Tensor::vector((0..x.nnz()).map(|slot| slot as f64).collect::<Vec<_>>());
                let numbered = SparseMatrix::with_pattern(x.format(), x.shape(), x.pattern().clone(), slots);
                let turned = numbered.map_err(|error| OpFailure::Shapes(error.to_string()))?.to_format(format);
                let slots = turned.values().ok_or(OpFailure::WrongValue(0))?.iter().map(|slot| *slot as usize);
                Conversion { from: x.pattern().clone(), to: turned.pattern().clone(), slots: slots.collect() }
            }
        };
        Ok(self.0.insert(known))
    }
}

impl OpState for Converted {
    fn fork(&self) -> Box<dyn OpState> {
        Box::new(self.clone())
    }
}
