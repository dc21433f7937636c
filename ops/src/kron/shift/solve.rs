//! Solving with a shifted Kronecker product by the eigenvalues of its factors.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Props, Result, Shape, Tangents,
    Variable, apply, origin, sum_of,
};

use super::spectrum::{Spectrum, along_all, checked};
use crate::dtype::DType;
use crate::elemwise::{cast, mul, neg};
use crate::layout::{join_dims, split_dims};
use crate::linalg::{eigh_factor_type, factor_matrix, matmul_along, order_dim};
use crate::reduce::sum;
use crate::tensor::{Tensor, TensorType, shape_text, tensor_type};

/// `(A_1 ⊗ .. ⊗ A_K + s I)⁻¹ y` from factors of the A, for y whose axes from `axis` on are those of the A.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KronShiftSolve {
    pub(super) factors: usize,
    pub(super) axis: usize,
}

/// `(A_1 ⊗ .. ⊗ A_K + s I)⁻¹ b` along an axis of b, for symmetric A, from their factors by
/// [`eigh_factor`](crate::eigh_factor).
///
/// It is `U (Uᵀ b / (w + s))` with `U = U_1 ⊗ .. ⊗ U_K` and w the products of eigenvalues; for N numbers in b it takes
/// `4 N (n_1 + .. + n_K)` operations behind the factors. With `v = M⁻¹ g`, the cotangent of b is v, that of s is
/// `-<v, x>`, and that of A_k is `-V_k Z_kᵀ`, unfolded along its axis, Z being x times all A but that.
///
/// ```
/// use kronograph_ops::{eigh_factor, kron_shift_solve, matrix, scalar, vector};
/// let factors = [eigh_factor(&matrix("a"))?, eigh_factor(&matrix("b"))?];
/// let x = kron_shift_solve(&factors, &scalar("s"), &vector("y"), 0)?;
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When a factor is no such factor, s is no scalar, or the axis of b has not the length of the product; at run time,
/// when the matrix is singular to working precision.
#[track_caller]
pub fn kron_shift_solve(factors: &[Variable], s: &Variable, b: &Variable, axis: usize) -> Result<Variable> {
    let _scope = origin::here();
    for factor in factors {
        eigh_factor_type("kron_shift_solve", factor)?;
    }
    let grid = split_dims(b, axis, factors.iter().map(order_dim))?;
    join_dims(&solve_grid(factors, s, &grid, axis)?, axis, factors.len())
}

/// The same for b that has an axis for each factor.
pub(super) fn solve_grid(factors: &[Variable], s: &Variable, b: &Variable, axis: usize) -> Result<Variable> {
    let inputs = [factors, &[s.clone(), b.clone()]].concat();
    apply(KronShiftSolve { factors: factors.len(), axis }, &inputs)
}

impl KronShiftSolve {
    /// x times all A but the k-th, each along its axis.
    fn times_others(self, node: &NodeView<'_>, x: &Variable, k: usize) -> Result<Variable> {
        (0..self.factors)
            .filter(|j| *j != k)
            .try_fold(x.clone(), |x, j| matmul_along(&factor_matrix(node.input(j))?, &x, self.axis + j))
    }
}

impl Op for KronShiftSolve {
    fn name(&self) -> Cow<'static, str> {
        "kron_shift_solve".into()
    }

    fn props(&self) -> Props {
        Props::default().with("factors", self.factors).with("axis", self.axis)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let mut inputs = checked("kron_shift_solve", self.factors, inputs)?;
        let [_, b] = &inputs[self.factors..] else {
            return Err(BuildError::arity("kron_shift_solve", self.factors + 2, &inputs));
        };
        let mut lengths = tensor_type("kron_shift_solve", b)?.lengths().to_vec();
        for (k, factor) in inputs[..self.factors].iter().enumerate() {
            let order = eigh_factor_type("kron_shift_solve", factor)?.order();
            let Some(length) = lengths.get_mut(self.axis + k) else {
                let rule = format!("there is no axis {}", self.axis + k);
                return Err(BuildError::inputs("kron_shift_solve", std::slice::from_ref(b), rule));
            };
            if order.is_some() && length.is_some() && order != *length {
                let rule = format!("axis {} of the second must be as long as the first", self.axis + k);
                return Err(BuildError::inputs("kron_shift_solve", &[factor.clone(), b.clone()], rule));
            }
            *length = length.or(order);
        }
        let b = cast(b, DType::F64)?;
        inputs[self.factors + 1] = b;
        Ok(NodeSpec::one(TensorType::shared(DType::F64, &lengths)).with_inputs(inputs))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (work, inputs, outputs) = io.with_state::<Workspace>()?;
        let spectrum = Spectrum::of(inputs, self.factors)?;
        let orders = spectrum.orders();
        spectrum.write_inverses(&mut work.inverses)?;
        let last = self.factors + 1;
        let b = inputs.get::<Tensor>(last)?.array::<f64>().map_err(|_| OpFailure::WrongValue(last))?;
        let end = self.axis + self.factors;
        if b.shape().get(self.axis..end) != Some(&orders[..]) {
            let (b, orders) = (shape_text(b.shape()), shape_text(&orders));
            return Err(OpFailure::Shapes(format!("a right-hand side of shape {b} does not fit {orders}")).into());
        }
        let outside = [b.shape()[..self.axis].iter().product(), b.shape()[end..].iter().product::<usize>()];
        let contiguous = b.to_contiguous();
        work.x.clear();
        work.x.extend_from_slice(&contiguous.storage()[..b.len()]);
        let vectors = |k: usize| spectrum.factors[k].vectors();
        along_all(&orders, outside, &mut work.x, &mut work.spare, |k| Some(vectors(k).transpose()));
        let blocks = work.x.chunks_exact_mut(outside[1].max(1));
        for (block, inverse) in blocks.zip(work.inverses.iter().cycle()) {
            block.iter_mut().for_each(|x| *x *= inverse);
        }
        along_all(&orders, outside, &mut work.x, &mut work.spare, |k| Some(vectors(k)));
        outputs[0].buffer::<Tensor>().reset::<f64>(b.shape()).copy_from_slice(&work.x);
        Ok(())
    }

    /// With `v = M⁻¹ g`, as M is symmetric: `b̄ = v`, `s̄ = -<v, x>`, `Ā_k = -V_k Z_kᵀ`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let (count, x) = (self.factors, node.output(0));
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; count + 2]) };
        let factors = &node.inputs()[..count];
        let v = solve_grid(factors, node.input(count), g, self.axis)?;
        let mut grads = Vec::with_capacity(count + 2);
        for (k, factor) in factors.iter().enumerate() {
            let z = self.times_others(node, x, k)?;
            let kind = eigh_factor_type("kron_shift_solve", factor)?.kind();
            grads.push(neg(&kind.outer(factor, &v, &z, self.axis + k)?)?.into());
        }
        grads.push(neg(&sum(&mul(&v, x)?)?)?.into());
        grads.push(v.into());
        Ok(grads)
    }

    /// `M ẋ = ḃ - Ṁ x`, with `Ṁ x = sum_k Ȧ_k Z_k + ṡ x`.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let (count, x) = (self.factors, node.output(0));
        let mut terms = vec![tangents[count + 1].clone()];
        for (k, tangent) in tangents[..count].iter().enumerate() {
            let Some(tangent) = tangent else { continue };
            let moved = matmul_along(tangent, &self.times_others(node, x, k)?, self.axis + k)?;
            terms.push(Some(neg(&moved)?));
        }
        terms.push(tangents[count].as_ref().map(|t| neg(&mul(t, x)?)).transpose()?);
        let Some(rhs) = sum_of(&terms)? else { return Ok(vec![Grad::Zero]) };
        Ok(vec![solve_grid(&node.inputs()[..count], node.input(count), &rhs, self.axis)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[self.factors + 1].clone()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Workspace>::default())
    }

    fn do_constant_folding(&self, _node: &NodeView<'_>) -> bool {
        false
    }
}

/// The eigenvalues of the inverse; the right-hand side in the basis of the vectors, and as much memory again.
#[derive(Debug, Default)]
struct Workspace {
    inverses: Vec<f64>,
    x: Vec<f64>,
    spare: Vec<f64>,
}

impl OpState for Workspace {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}
