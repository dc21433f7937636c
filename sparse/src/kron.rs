//! The Kronecker product of two sparse matrices, and its contractions: each other's derivatives.
//!
//! Nothing dense is made. The product's pattern is found once per function and kept, so that symbolic work behind it
//! stays valid.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Params, Props,
    Result, Sample, Shape, Tangents, Variable, apply, origin, sum_of,
};
use kronograph_ops::DType;
use kronograph_ops::params::exactly;

use crate::add::sum_of_terms;
use crate::format::to_format;
use crate::kept::same_pattern;
use crate::matrix::{Format, SparseMatrix};
use crate::pattern::Pattern;
use crate::project::project_sparse;
use crate::samples::{no_rows, nothing, op, weights, wide};
use crate::ty::{SparseType, sparse_f64};

/// `A ⊗ B` of sparse matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SparseKron;

/// `A ⊗ B` of sparse matrices: entry (i m + k, j n + l) is `A[i, j] B[k, l]` for B of shape (m, n).
///
/// The result has the format of A, which B is brought into ([`to_format`]). It stores a product for each pair of stored
/// entries, explicit zeros included. Derivatives: `Ā` and `B̄` are the contractions of the cotangent,
/// [`sparse_kron_contract`]. Source: SciPy `sparse.kron`.
///
/// ```
/// use kronograph_sparse::{Format, sparse_kron, sparse_matrix};
/// let a = sparse_matrix("a", Format::Csr, [Some(2), Some(3)]);
/// let b = sparse_matrix("b", Format::Csr, [Some(4), None]);
/// assert_eq!(sparse_kron(&a, &b)?.ty().to_string(), "csr f64 (8, ?)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When an operand is no sparse f64 matrix; at run time, when the product does not fit into 32 bits.
#[track_caller]
pub fn sparse_kron(a: &Variable, b: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    apply(SparseKron, &[a.clone(), to_format(b, sparse_f64("sparse_kron", a)?.format())?])
}

/// The factor of a Kronecker product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// A of `A ⊗ B`.
    Left,
    /// B of `A ⊗ B`.
    Right,
}

/// A sum over one factor of a Kronecker product. Inputs: G on the pattern of `A ⊗ B`, then A and B.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SparseKronContract {
    /// The factor whose pattern the result has.
    pub side: Side,
}

/// On the pattern of A, `out[i, j] = sum_kl G[(i, k), (j, l)] B[k, l]`; on the pattern of B,
/// `out[k, l] = sum_ij G[(i, k), (j, l)] A[i, j]`. G has the pattern of `A ⊗ B`.
///
/// It is linear in G and in the factor that is summed over; its derivatives are a product and the other contraction.
///
/// # Errors
///
/// When the three are no sparse f64 matrices of one format; at run time, when G has another pattern.
#[track_caller]
pub fn sparse_kron_contract(side: Side, g: &Variable, a: &Variable, b: &Variable) -> Result<Variable> {
    apply(SparseKronContract { side }, &[g.clone(), a.clone(), b.clone()])
}

/// The format that sparse inputs share.
fn shared_format(op: &'static str, inputs: &[Variable]) -> Result<Format> {
    let format = sparse_f64(op, &inputs[0])?.format();
    for input in &inputs[1..] {
        if sparse_f64(op, input)?.format() != format {
            return Err(BuildError::inputs(op, inputs, "the formats must be equal; convert with `to_format`"));
        }
    }
    Ok(format)
}

fn values_of(x: &SparseMatrix, input: usize) -> Result<&[f64], OpFailure> {
    x.values().ok_or(OpFailure::WrongValue(input))
}

/// The entries of this file.
pub(crate) fn entries() -> Vec<Entry> {
    vec![
        op(
            "sparse_kron",
            |params, v| {
                let [a, b] = exactly(params, v)?;
                Ok(vec![sparse_kron(a, b)?])
            },
            |format| {
                vec![
                    Sample::new("of two", [wide(format, 1), weights(format, 2)]),
                    Sample::new("with nothing", [nothing(format), weights(format, 2)]),
                    Sample::new("no rows", [no_rows(format), weights(format, 2)]),
                    Sample::new("of two formats", [wide(format, 1), wide(format.flip(), 2)]),
                ]
            },
            |_| Ok(Arc::new(SparseKron)),
        ),
        op("sparse_kron_contract", build_contract, contract_samples, |params| {
            Ok(Arc::new(SparseKronContract { side: side_of(params)? }))
        }),
    ]
}

fn side_of(params: &Params<'_>) -> Result<Side> {
    match params.word("side")? {
        "left" => Ok(Side::Left),
        "right" => Ok(Side::Right),
        other => Err(params.wrong_word("side", "`left` or `right`", other)),
    }
}

/// Of a product's cotangent and its two legs; of four legs, of the product of the first two.
fn build_contract(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let side = side_of(params)?;
    if let [a, b, c, d] = v {
        return Ok(vec![sparse_kron_contract(side, &sparse_kron(a, b)?, c, d)?]);
    }
    let [g, a, b] = exactly(params, v)?;
    Ok(vec![sparse_kron_contract(side, g, a, b)?])
}

fn contract_samples(format: Format) -> Vec<Sample> {
    let legs = || [wide(format, 1), weights(format, 2), wide(format, 3), weights(format, 4)];
    vec![
        Sample::new("the left leg", legs()).with("side", "left"),
        Sample::new("the right leg", legs()).with("side", "right"),
    ]
}

impl Op for SparseKron {
    fn name(&self) -> Cow<'static, str> {
        "sparse_kron".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [a, b] = inputs else { return Err(BuildError::arity("sparse_kron", 2, inputs)) };
        let format = shared_format("sparse_kron", inputs)?;
        let (left, right) = (sparse_f64("sparse_kron", a)?.shape(), sparse_f64("sparse_kron", b)?.shape());
        let shape = [0, 1].map(|axis| left[axis]?.checked_mul(right[axis]?));
        Ok(NodeSpec::one(SparseType::shared(format, DType::F64, shape)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<ProductPattern>()?;
        let (a, b) = (inputs.get::<SparseMatrix>(0)?, inputs.get::<SparseMatrix>(1)?);
        let (x, y) = (values_of(a, 0)?, values_of(b, 1)?);
        let pattern = state.of(a, b)?;
        let shape = [0, 1].map(|axis| a.shape()[axis] * b.shape()[axis]);
        let out = outputs[0].buffer::<SparseMatrix>().reset(a.format(), shape, pattern);
        let mut slots = out.iter_mut();
        a.pattern().for_each_pair(b.pattern(), |s, t| {
            if let Some(out) = slots.next() {
                *out = x[s] * y[t];
            }
        });
        Ok(())
    }

    /// `Ā[i, j] = sum_kl Ḡ[(i, k), (j, l)] B[k, l]`, and the same with A for `B̄`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 2]) };
        let g = project_sparse(node.output(0), g)?;
        let bar = |side| sparse_kron_contract(side, &g, node.input(0), node.input(1));
        Ok(vec![bar(Side::Left)?.into(), bar(Side::Right)?.into()])
    }

    /// `Ȧ ⊗ B + A ⊗ Ḃ`.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let (a, b) = (node.input(0), node.input(1));
        let left = tangents[0].as_ref().map(|t| sparse_kron(&project_sparse(a, t)?, b)).transpose()?;
        let right = tangents[1].as_ref().map(|t| sparse_kron(a, &project_sparse(b, t)?)).transpose()?;
        Ok(vec![sum_of_terms([left, right])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let lengths: Vec<Dim> = (0..2).map(|axis| input_shapes[0][axis].times(&input_shapes[1][axis])).collect();
        Ok(vec![lengths.into_iter().collect()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<ProductPattern>::default())
    }
}

impl SparseKronContract {
    /// The position of the factor whose pattern the result has, and of the one that is summed over.
    fn positions(self) -> (usize, usize) {
        match self.side {
            Side::Left => (1, 2),
            Side::Right => (2, 1),
        }
    }

    /// The product with `own` in the place of the factor whose pattern the result has.
    fn product(self, own: &Variable, summed: &Variable) -> Result<Variable> {
        match self.side {
            Side::Left => sparse_kron(own, summed),
            Side::Right => sparse_kron(summed, own),
        }
    }

    fn other_side(self) -> Side {
        match self.side {
            Side::Left => Side::Right,
            Side::Right => Side::Left,
        }
    }
}

impl Op for SparseKronContract {
    fn name(&self) -> Cow<'static, str> {
        "sparse_kron_contract".into()
    }

    fn props(&self) -> Props {
        Props::default().with("side", if self.side == Side::Left { "left" } else { "right" })
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [_, _, _] = inputs else { return Err(BuildError::arity("sparse_kron_contract", 3, inputs)) };
        let format = shared_format("sparse_kron_contract", inputs)?;
        let shape = sparse_f64("sparse_kron_contract", &inputs[self.positions().0])?.shape();
        Ok(NodeSpec::one(SparseType::shared(format, DType::F64, shape)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<ProductPattern>()?;
        let [g, a, b] = [inputs.get::<SparseMatrix>(0)?, inputs.get(1)?, inputs.get(2)?];
        let [g_values, x, y] = [values_of(g, 0)?, values_of(a, 1)?, values_of(b, 2)?];
        if !same_pattern(g.pattern(), state.of(a, b)?) {
            return Err(OpFailure::Shapes("the first does not have the pattern of the Kronecker product".into()).into());
        }
        let like = if self.side == Side::Left { a } else { b };
        let out = outputs[0].buffer::<SparseMatrix>().reset(like.format(), like.shape(), like.pattern());
        out.fill(0.0);
        let mut slots = g_values.iter();
        a.pattern().for_each_pair(b.pattern(), |s, t| {
            let g = slots.next().copied().unwrap_or(0.0);
            match self.side {
                Side::Left => out[s] += g * y[t],
                Side::Right => out[t] += g * x[s],
            }
        });
        Ok(())
    }

    /// `Ḡ = H ⊗ B` for a cotangent H of the left contraction, and `B̄` is the right contraction with H for A.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(h) = &output_grads[0] else { return Ok(vec![Grad::Zero; 3]) };
        let (own, summed) = self.positions();
        let h = project_sparse(node.input(own), h)?;
        let mut factors = [node.input(1).clone(), node.input(2).clone()];
        factors[own - 1] = h.clone();
        let bar = sparse_kron_contract(self.other_side(), node.input(0), &factors[0], &factors[1])?;
        let mut grads = vec![Grad::Disconnected; 3];
        grads[0] = self.product(&h, node.input(summed))?.into();
        grads[summed] = bar.into();
        Ok(grads)
    }

    /// The product rule for G and the factor that is summed over.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let (_, summed) = self.positions();
        let moved = |position: usize| -> Result<Option<Variable>> {
            let Some(tangent) = &tangents[position] else { return Ok(None) };
            let mut inputs = node.inputs().to_vec();
            inputs[position] = project_sparse(node.input(position), tangent)?;
            Ok(Some(sparse_kron_contract(self.side, &inputs[0], &inputs[1], &inputs[2])?))
        };
        Ok(vec![sum_of(&[moved(0)?, moved(summed)?])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[self.positions().0].clone()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input != self.positions().0
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<ProductPattern>::default())
    }
}

/// The pattern of the product of the two patterns seen last.
#[derive(Clone, Debug, Default)]
struct ProductPattern(Option<[Arc<Pattern>; 3]>);

impl ProductPattern {
    fn of(&mut self, a: &SparseMatrix, b: &SparseMatrix) -> Result<&Arc<Pattern>, OpFailure> {
        if a.format() != b.format() {
            return Err(OpFailure::Shapes("the factors have two formats".into()));
        }
        let known = self.0.take();
        let known =
            known.filter(|[left, right, _]| same_pattern(left, a.pattern()) && same_pattern(right, b.pattern()));
        let known = match known {
            Some(known) => known,
            None => {
                let product = a.pattern().kron(b.pattern()).map_err(|error| OpFailure::Shapes(error.to_string()))?;
                [a.pattern().clone(), b.pattern().clone(), Arc::new(product)]
            }
        };
        Ok(&self.0.insert(known)[2])
    }
}

impl OpState for ProductPattern {
    fn fork(&self) -> Box<dyn OpState> {
        Box::new(self.clone())
    }
}
