//! Solving a flow system in the basis of a decomposition of W: the op, whose derivatives are itself.

use std::borrow::Cow;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par, c64};
use kronograph_graph::{
    BuildError, Dim, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Props, Result, Shape,
    Tangents, Variable, apply, shape_of, sum_of,
};
use kronograph_ops::{DType, LinalgError, Strided, Tensor, TensorType, Trans, cast, mul, reshape, shape_text, sum};

use super::sylvester::{self, Rho};
use super::{Form, Spectrum};
use crate::convert::sparse_constant;
use crate::product::structured_dot_along;
use crate::ty::check_scalar;

/// `A⁻¹ b` or `A⁻ᵀ b` for `A = I - ρ_d (I ⊗ W) - ρ_o (W ⊗ I) - ρ_w (W ⊗ W)`. Inputs: the three ρ, then b.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpectralFlowSolve {
    /// The decomposition of W.
    pub spectrum: Spectrum,
    /// Whether A or its transpose is solved with.
    pub trans: Trans,
}

/// `η = (I - ρ_d (I ⊗ W) - ρ_o (W ⊗ I) - ρ_w (W ⊗ W))⁻¹ b` from a decomposition of W, for a vector of n² flows
/// (destination fastest) or the columns of a matrix; no matrix of order n² is formed.
///
/// With `v = A⁻ᵀ g`: `b̄ = v`, `ρ̄_k = vᵀ W_k η`. W is a constant and has no derivative. Cost for each column: four
/// products of n × n matrices, real if a diagonal scaling makes W symmetric; else complex, and as much again.
///
/// # Errors
///
/// When a ρ is no f64 scalar, or b is no vector or matrix of n² rows; at run time, when the system is singular
/// (recoverable).
#[track_caller]
pub fn spectral_flow_solve(
    spectrum: &Spectrum,
    rho_d: &Variable,
    rho_o: &Variable,
    rho_w: &Variable,
    b: &Variable,
) -> Result<Variable> {
    solve(spectrum, Trans::No, &[rho_d.clone(), rho_o.clone(), rho_w.clone()], b)
}

#[track_caller]
fn solve(spectrum: &Spectrum, trans: Trans, rho: &[Variable], b: &Variable) -> Result<Variable> {
    let op = SpectralFlowSolve { spectrum: spectrum.clone(), trans };
    apply(op, &[rho, std::slice::from_ref(b)].concat())
}

impl SpectralFlowSolve {
    /// `W_d x`, `W_o x` and `W_w x`, or those with their transposes.
    fn products(&self, x: &Variable) -> Result<[Variable; 3]> {
        let (n, w) = (Dim::from(self.spectrum.order()), sparse_constant(self.spectrum.matrix().clone()));
        let shape = shape_of(x);
        let grid = reshape(x, [&[n.clone(), n][..], &shape[1..]].concat())?;
        let along = |x: &Variable, axis| structured_dot_along(&w, x, axis, self.trans);
        let d = along(&grid, 1)?;
        let both = along(&d, 0)?;
        let flat = |x: &Variable| reshape(x, shape.clone());
        Ok([flat(&d)?, flat(&along(&grid, 0)?)?, flat(&both)?])
    }
}

impl Op for SpectralFlowSolve {
    fn name(&self) -> Cow<'static, str> {
        "spectral_flow_solve".into()
    }

    fn props(&self) -> Props {
        Props::default().with("order", self.spectrum.order()).with("trans", self.trans == Trans::Yes)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [rho_d, rho_o, rho_w, b] = inputs else { return Err(BuildError::arity(self.name(), 4, inputs)) };
        for (rho, name) in [(rho_d, "rho_d"), (rho_o, "rho_o"), (rho_w, "rho_w")] {
            check_scalar("spectral_flow_solve", name, rho)?;
        }
        let length = self.spectrum.order().pow(2);
        let refuse = |rule: String| Err(BuildError::inputs(self.name(), std::slice::from_ref(b), rule));
        let mut lengths = match b.type_as::<TensorType>() {
            Some(ty) if (1..=2).contains(&ty.rank()) => ty.lengths().to_vec(),
            _ => return refuse("the right-hand side must be a dense vector or matrix".to_owned()),
        };
        if lengths[0].is_some_and(|rows| rows != length) {
            return refuse(format!("the right-hand side must have {length} rows"));
        }
        lengths[0] = Some(length);
        let inputs = [rho_d.clone(), rho_o.clone(), rho_w.clone(), cast(b, DType::F64)?];
        Ok(NodeSpec::one(TensorType::shared(DType::F64, &lengths)).with_inputs(inputs))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (work, inputs, outputs) = io.with_state::<Workspace>()?;
        let array = |k: usize| inputs.get::<Tensor>(k)?.array::<f64>().map_err(|_| OpFailure::WrongValue(k));
        let (n, b) = (self.spectrum.order(), array(3)?);
        let [rho_d, rho_o, rho_w] = [array(0)?.storage()[0], array(1)?.storage()[0], array(2)?.storage()[0]];
        if b.shape()[0] != n * n {
            let rule = format!("a right-hand side of shape {} does not fit {} flows", shape_text(b.shape()), n * n);
            return Err(OpFailure::Shapes(rule).into());
        }
        // A column of flows, read column by column, has the destinations along its rows.
        let rho = [rho_d, rho_o, rho_w];
        work.find_denominators(&self.spectrum, self.trans, rho)?;
        let columns = b.shape().get(1).copied().unwrap_or(1);
        let out = outputs[0].buffer::<Tensor>().reset::<f64>(b.shape());
        for t in 0..columns {
            work.load(b, t, n);
            work.solve(&self.spectrum, self.trans, rho);
            for (at, value) in out.iter_mut().skip(t).step_by(columns).enumerate() {
                *value = work.x[(at % n, at / n)];
            }
        }
        Ok(())
    }

    /// With `v = A⁻ᵀ g`: `b̄ = v`, `ρ̄_k = vᵀ W_k η`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 4]) };
        let v = solve(&self.spectrum, self.trans.flip(), &node.inputs()[..3], g)?;
        let mut grads = Vec::with_capacity(4);
        for moved in self.products(node.output(0))? {
            grads.push(sum(&mul(&v, &moved)?)?.into());
        }
        grads.push(v.into());
        Ok(grads)
    }

    /// `η̇ = A⁻¹ (ḃ + sum_k ρ̇_k W_k η)`.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let mut terms = vec![tangents[3].clone()];
        if tangents[..3].iter().any(Option::is_some) {
            for (tangent, product) in tangents.iter().zip(self.products(node.output(0))?) {
                terms.push(tangent.as_ref().map(|tangent| mul(tangent, &product)).transpose()?);
            }
        }
        let right = sum_of(&terms)?;
        let moved = right.map(|right| solve(&self.spectrum, self.trans, &node.inputs()[..3], &right)).transpose()?;
        Ok(vec![moved.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[3].clone()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Workspace>::default())
    }

    /// A singular system is the caller's to meet, when it is met.
    fn do_constant_folding(&self, _node: &NodeView<'_>) -> bool {
        false
    }
}

/// Matrices of the order of W, kept from call to call.
#[derive(Debug)]
struct Workspace {
    /// The column, with the destinations along its rows.
    x: Mat<f64>,
    half: Mat<f64>,
    /// `1 / (1 - μ_ij)`, where the form is diagonal.
    inverse: Mat<f64>,
}

impl Default for Workspace {
    fn default() -> Self {
        Self { x: Mat::new(), half: Mat::new(), inverse: Mat::new() }
    }
}

impl OpState for Workspace {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}

/// A norm of a complex number that needs no root.
fn magnitude(z: &c64) -> f64 {
    z.re.abs() + z.im.abs()
}

impl Workspace {
    /// Refuses a system in which some `1 - μ_ij` is no larger than its rounding; keeps their inverses.
    fn find_denominators(&mut self, spectrum: &Spectrum, trans: Trans, [d, o, w]: Rho) -> Result<(), LinalgError> {
        let (n, values) = (spectrum.order(), spectrum.diagonal(trans));
        for all in [&mut self.x, &mut self.half, &mut self.inverse] {
            all.resize_with(n, n, |_, _| 0.0);
        }
        let tolerance = n as f64 * f64::EPSILON;
        for (j, &b) in values.iter().enumerate() {
            for (i, &a) in values.iter().enumerate() {
                let (rest, terms) = (1.0 - (a * d + b * o + a * b * w), [a * d, b * o, a * b * w]);
                let scale = 1.0 + terms.iter().map(magnitude).sum::<f64>();
                match magnitude(&rest) {
                    size if !size.is_finite() => return Err(LinalgError::NotFinite { pivot: j * n + i }),
                    size if size <= tolerance * scale => return Err(LinalgError::Singular { pivot: j * n + i }),
                    _ => self.inverse[(i, j)] = 1.0 / rest.re,
                }
            }
        }
        Ok(())
    }

    fn load(&mut self, b: &Strided<f64>, t: usize, n: usize) {
        let (row, column) = (b.strides()[0], b.strides().get(1).copied().unwrap_or(0));
        for o in 0..n {
            for d in 0..n {
                self.x[(d, o)] = b.storage()[(o * n + d) * row + t * column];
            }
        }
    }

    /// Solves in place for `X`.
    fn solve(&mut self, spectrum: &Spectrum, trans: Trans, rho: Rho) {
        match (&spectrum.0.form, trans) {
            (Form::Diagonal { v, inverse, .. }, Trans::No) => self.solve_diagonal(v.as_ref(), inverse.as_ref()),
            (Form::Diagonal { v, inverse, .. }, Trans::Yes) => {
                self.solve_diagonal(inverse.as_ref().transpose(), v.as_ref().transpose());
            }
            (Form::Triangular { plain, .. }, Trans::No) => self.solve_triangular(plain, rho),
            (Form::Triangular { transposed, .. }, Trans::Yes) => self.solve_triangular(transposed, rho),
        }
    }

    /// `X ← V [(V⁻¹ X V⁻ᵀ) / (1 - μ)] Vᵀ`.
    fn solve_diagonal(&mut self, v: faer::MatRef<'_, f64>, inverse: faer::MatRef<'_, f64>) {
        let Self { x, half, inverse: denominators } = self;
        matmul(half.as_mut(), Accum::Replace, inverse, x.as_ref(), 1.0, Par::Seq);
        matmul(x.as_mut(), Accum::Replace, half.as_ref(), inverse.transpose(), 1.0, Par::Seq);
        faer::zip!(x.as_mut(), denominators.as_ref()).for_each(|faer::unzip!(x, by)| *x *= *by);
        matmul(half.as_mut(), Accum::Replace, v, x.as_ref(), 1.0, Par::Seq);
        matmul(x.as_mut(), Accum::Replace, half.as_ref(), v.transpose(), 1.0, Par::Seq);
    }

    /// `F = P X Pᵀ`, the triangular system, `X ← Pᴴ Y conj(P)`.
    fn solve_triangular(&mut self, form: &super::SchurForm, rho: Rho) {
        let (n, one) = (self.x.nrows(), c64::new(1.0, 0.0));
        let (p, s) = (form.p.as_ref(), form.s.as_ref());
        let mut x = Mat::from_fn(n, n, |i, j| c64::new(self.x[(i, j)], 0.0));
        let mut half = Mat::zeros(n, n);
        matmul(half.as_mut(), Accum::Replace, p, x.as_ref(), one, Par::Seq);
        matmul(x.as_mut(), Accum::Replace, half.as_ref(), p.transpose(), one, Par::Seq);
        sylvester::solve(x.as_mut(), s, s, rho);
        matmul(half.as_mut(), Accum::Replace, p.adjoint(), x.as_ref(), one, Par::Seq);
        matmul(x.as_mut(), Accum::Replace, half.as_ref(), p.conjugate(), one, Par::Seq);
        faer::zip!(self.x.as_mut(), x.as_ref()).for_each(|faer::unzip!(to, from)| *to = from.re);
    }
}
