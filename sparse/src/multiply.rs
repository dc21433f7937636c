//! The product of two sparse matrices, entry by entry.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, OpState, Params, Props, Result, Sample,
    Shape, Tangents, Variable, apply, origin,
};
use kronograph_ops::params::exactly;

use crate::add::sum_of_terms;
use crate::cast::sparse_cast;
use crate::clean::SlotFilter;
use crate::format::to_format;
use crate::kept::Kept;
use crate::matrix::{Format, SparseMatrix};
use crate::number::{Number, each_number};
use crate::pattern::Pattern;
use crate::samples::{Build, in_integers, op, other, overlapping, wide};
use crate::ty::{SparseType, check_same_shape, same_shape, sparse_type};

/// `X ∘ Y` on the intersection of the patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MulSS {
    /// Whether zeros stay stored.
    keep_zeros: bool,
}

/// `X ∘ Y` of sparse matrices of one shape, in the format of X and the dtype that both convert to (PyTensor:
/// `mul_s_s`). The result stores the positions that both store, in the order of X, without zeros.
///
/// Derivatives, both regular: `X̄ = Y ∘ Ḡ`, `Ȳ = X ∘ Ḡ`.
///
/// # Errors
///
/// When an operand is no sparse matrix, or the shapes differ: a row does not broadcast.
#[track_caller]
pub fn mul_s_s(x: &Variable, y: &Variable) -> Result<Variable> {
    product(x, y, MulSS { keep_zeros: false })
}

/// The same with its zeros, so that the pattern depends on patterns only: for cotangents.
#[track_caller]
pub(crate) fn products(x: &Variable, y: &Variable) -> Result<Variable> {
    product(x, y, MulSS { keep_zeros: true })
}

#[track_caller]
fn product(x: &Variable, y: &Variable, op: MulSS) -> Result<Variable> {
    let _scope = origin::here();
    let (a, b) = (sparse_type("mul_s_s", x)?, sparse_type("mul_s_s", y)?);
    same_shape("mul_s_s", &[x.clone(), y.clone()], a.shape(), b.shape())?;
    let dtype = a.dtype().promote(b.dtype());
    apply(op, &[sparse_cast(x, dtype)?, sparse_cast(&to_format(y, a.format())?, dtype)?])
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| {
        let [x, y] = exactly(params, inputs)?;
        Ok(vec![product(x, y, op_of(params)?)?])
    };
    let samples = |format: Format| {
        let mixed = || [in_integers(wide(format, 1)), other(format.flip(), 2)];
        let more = vec![Sample::new("integers by f64 of the other format", mixed()).edge()];
        let kept = overlapping(format).into_iter().map(|sample| {
            let name = format!("{}, zeros kept", sample.name);
            Sample { name: name.into(), ..sample }.with("keep_zeros", true)
        });
        [overlapping(format), more, kept.collect()].concat()
    };
    vec![op("mul_s_s", build, samples, |params| Ok(Arc::new(op_of(params)?)))]
}

fn op_of(params: &Params<'_>) -> Result<MulSS> {
    Ok(MulSS { keep_zeros: params.flag("keep_zeros")? })
}

/// The positions that two patterns share, and where they are in each.
#[derive(Debug)]
struct Shared {
    pattern: Arc<Pattern>,
    slots: [Vec<u32>; 2],
}

impl Shared {
    fn of(x: &Arc<Pattern>, y: &Arc<Pattern>) -> Self {
        let places = x.slots_in(y);
        let kept = x.kept(|slot| places[slot] != u32::MAX);
        let there = kept.slots.iter().map(|&slot| places[slot as usize]).collect();
        let pattern = if kept.slots.len() == x.nnz() { x.clone() } else { kept.pattern };
        Self { pattern, slots: [kept.slots, there] }
    }
}

impl Op for MulSS {
    fn name(&self) -> Cow<'static, str> {
        "mul_s_s".into()
    }

    fn props(&self) -> Props {
        Props::default().with("keep_zeros", self.keep_zeros)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x, y] = inputs else { return Err(BuildError::arity("mul_s_s", 2, inputs)) };
        let (a, b) = (sparse_type("mul_s_s", x)?, sparse_type("mul_s_s", y)?);
        if (a.format(), a.dtype()) != (b.format(), b.dtype()) {
            return Err(BuildError::inputs("mul_s_s", inputs, "formats and dtypes must be equal"));
        }
        let shape = same_shape("mul_s_s", inputs, a.shape(), b.shape())?;
        Ok(NodeSpec::one(SparseType::shared(a.format(), a.dtype(), shape)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<State>()?;
        let (x, y) = (inputs.get::<SparseMatrix>(0)?, inputs.get::<SparseMatrix>(1)?);
        check_same_shape(&x.shape(), &y.shape())?;
        let meet = || Ok(Shared::of(x.pattern(), y.pattern()));
        let Shared { pattern, slots: [left, right] } = state.shared.of_patterns(&[x.pattern(), y.pattern()], meet)?;
        let result = outputs[0].buffer::<SparseMatrix>();
        each_number!(x.dtype(), T => {
            let (a, b) = (x.slots::<T>()?, y.slots::<T>()?);
            let out = result.reset::<T>(x.format(), x.shape(), pattern);
            for (out, (&i, &j)) in out.iter_mut().zip(left.iter().zip(right)) {
                *out = a[i as usize].times(b[j as usize]);
            }
        });
        if !self.keep_zeros {
            state.zeros.drop_zeros(result)?;
        }
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 2]) };
        Ok(vec![products(g, node.input(1))?.into(), products(g, node.input(0))?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let left = tangents[0].as_ref().map(|t| products(t, node.input(1))).transpose()?;
        let right = tangents[1].as_ref().map(|t| products(node.input(0), t)).transpose()?;
        Ok(vec![sum_of_terms([left, right])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<State>::default())
    }
}

/// Which positions both store, and which products were zero.
#[derive(Debug, Default)]
struct State {
    shared: Kept<Shared>,
    zeros: SlotFilter,
}

impl OpState for State {
    fn fork(&self) -> Box<dyn OpState> {
        Box::new(Self { shared: self.shared.forked(), zeros: SlotFilter::default() })
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.shared.counts()
    }
}
