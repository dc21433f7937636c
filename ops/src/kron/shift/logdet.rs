//! The log-determinant of a shifted Kronecker product from the eigenvalues of its factors.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Props, Result, Shape, Tangents,
    Variable, apply_all, sum_of,
};

use super::contract::{contract, identities, omitting};
use super::spectrum::{Spectrum, checked};
use crate::dtype::DType;
use crate::elemwise::mul;
use crate::linalg::{LinalgError, eigh_factor_type, factor_matrix, trace};
use crate::tensor::{Tensor, TensorType};

/// `(sign, ln|det M|)` for `M = A_1 ⊗ .. ⊗ A_K + s I`, from factors of the A.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KronShiftLogdet {
    pub(super) factors: usize,
}

/// The sign of `det(A_1 ⊗ .. ⊗ A_K + s I)` and the logarithm of its size, for symmetric A, from their factors by
/// [`eigh_factor`](crate::eigh_factor); `(0, -∞)` if an eigenvalue is zero.
///
/// It is the sum of `ln|w + s|` over the products w of eigenvalues; where w is small beside a positive s, `ln s +
/// log1p(w / s)`. The cotangent of A_k is `U_k diag(h) U_kᵀ`, h the sums of `w_k' / (w + s)` over the other indices and
/// w_k' the product of the other factors' eigenvalues; that of s is the sum of `1 / (w + s)`.
///
/// # Errors
///
/// When a factor is no such factor, or s is no scalar; at run time, when an eigenvalue is not finite.
#[track_caller]
pub fn kron_shift_logdet(factors: &[Variable], s: &Variable) -> Result<(Variable, Variable)> {
    let inputs = [factors, std::slice::from_ref(s)].concat();
    let outputs = apply_all(KronShiftLogdet { factors: factors.len() }, &inputs)?;
    Ok((outputs[0].clone(), outputs[1].clone()))
}

impl KronShiftLogdet {
    /// The derivative by A_k: `M⁻¹`, contracted with the other A.
    fn by_factor(self, node: &NodeView<'_>, k: usize) -> Result<Variable> {
        let factors = &node.inputs()[..self.factors];
        let matrices = factors.iter().map(factor_matrix).collect::<Result<Vec<_>>>()?;
        contract(factors, node.input(self.factors), &[], &omitting(&matrices, k), k)
    }

    /// The derivative by s: the trace of `M⁻¹`.
    fn by_shift(self, node: &NodeView<'_>) -> Result<Variable> {
        let factors = &node.inputs()[..self.factors];
        let others = omitting(&identities(factors)?, 0);
        trace(&contract(factors, node.input(self.factors), &[], &others, 0)?, 0, 0, 1)
    }
}

impl Op for KronShiftLogdet {
    fn name(&self) -> Cow<'static, str> {
        "kron_shift_logdet".into()
    }

    fn props(&self) -> Props {
        Props::default().with("factors", self.factors)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let inputs = checked("kron_shift_logdet", self.factors, inputs)?;
        if inputs.len() != self.factors + 1 {
            return Err(BuildError::arity("kron_shift_logdet", self.factors + 1, &inputs));
        }
        let scalar = TensorType::shared(DType::F64, &[]);
        Ok(NodeSpec::many([scalar.clone(), scalar]).with_inputs(inputs))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (Eigenvalues(products), inputs, outputs) = io.with_state::<Eigenvalues>()?;
        let spectrum = Spectrum::of(inputs, self.factors)?;
        spectrum.write_products(products);
        let s = spectrum.shift;
        let (mut sign, mut log) = (1.0, 0.0);
        for (pivot, w) in products.iter().enumerate() {
            let eigenvalue = w + s;
            if !eigenvalue.is_finite() {
                return Err(LinalgError::NotFinite { pivot }.into());
            }
            sign *= if eigenvalue == 0.0 { 0.0 } else { eigenvalue.signum() };
            log += if s > 0.0 && w.abs() < s { s.ln() + (w / s).ln_1p() } else { eigenvalue.abs().ln() };
        }
        let [to_sign, to_log] = outputs else { return Err(OpFailure::WrongValue(0).into()) };
        to_sign.buffer::<Tensor>().reset::<f64>(&[])[0] = sign;
        to_log.buffer::<Tensor>().reset::<f64>(&[])[0] = log;
        Ok(())
    }

    /// `d ln|det M| = tr(M⁻¹ dM)`; the sign has no derivative.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[1] else { return Ok(vec![Grad::Zero; self.factors + 1]) };
        let mut grads: Grads = Vec::with_capacity(self.factors + 1);
        for k in 0..self.factors {
            grads.push(mul(g, &self.by_factor(node, k)?)?.into());
        }
        grads.push(mul(g, &self.by_shift(node)?)?.into());
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let mut terms = Vec::with_capacity(tangents.len());
        for (k, tangent) in tangents[..self.factors].iter().enumerate() {
            let Some(tangent) = tangent else { continue };
            let kind = eigh_factor_type("kron_shift_logdet", node.input(k))?.kind();
            terms.push(Some(kind.inner(&self.by_factor(node, k)?, tangent)?));
        }
        if let Some(t) = &tangents[self.factors] {
            terms.push(Some(mul(t, &self.by_shift(node)?)?));
        }
        Ok(vec![Grad::Zero, sum_of(&terms)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![Shape::new(); 2])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Eigenvalues>::default())
    }

    fn do_constant_folding(&self, _node: &NodeView<'_>) -> bool {
        false
    }
}

/// Those of the Kronecker product.
#[derive(Debug, Default)]
struct Eigenvalues(Vec<f64>);

impl OpState for Eigenvalues {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}
