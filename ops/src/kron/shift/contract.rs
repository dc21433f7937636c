//! Derivatives of traces of inverses of shifted Kronecker products: the op of which all higher derivatives are made.
//!
//! For `M = A_1 ⊗ .. ⊗ A_K + s I` and Kronecker products `X_i = X_i1 ⊗ .. ⊗ X_iK`, let `φ = tr(M⁻¹ X_1 M⁻¹ X_2 .. M⁻¹
//! X_p)`. The op is the derivative of φ by one of the matrices of X_p. It does not depend on that one, and is linear in
//! all others; a derivative by an A_k, or by s, puts one more product between two inverses, with a minus. So the family
//! is closed under differentiation, and nothing in it is a derivative of a vector.

use std::borrow::Cow;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use kronograph_graph::{
    BuildError, Grad, Grads, Inputs, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Props, Result, Shape,
    Tangents, Variable, apply, sum_of,
};
use smallvec::SmallVec;

use super::spectrum::{Spectrum, along_all, around, checked};
use crate::dtype::DType;
use crate::elemwise::{cast, mul, neg};
use crate::linalg::{eigh_factor_type, eye, factor_matrix, order_dim, reshape_matrix, trace};
use crate::tensor::{Extents, Tensor, TensorType, tensor_type};

const NAME: &str = "kron_shift_contract";

/// `∂ tr(M⁻¹ X_1 .. M⁻¹ X_p) / ∂X_pk` for Kronecker products X, from factors of the A in M, s, and all matrices of the
/// X but `X_pk`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KronShiftContract {
    pub(super) factors: usize,
    /// p.
    pub(super) products: usize,
    /// k.
    pub(super) slot: usize,
}

/// The op on p - 1 whole products, and on the last one without the matrix of the slot.
pub(super) fn contract(
    factors: &[Variable],
    s: &Variable,
    whole: &[Vec<Variable>],
    others: &[Variable],
    slot: usize,
) -> Result<Variable> {
    let inputs = [factors, std::slice::from_ref(s), &whole.concat()[..], others].concat();
    apply(KronShiftContract { factors: factors.len(), products: whole.len() + 1, slot }, &inputs)
}

/// All but one.
pub(super) fn omitting(matrices: &[Variable], slot: usize) -> Vec<Variable> {
    [&matrices[..slot], &matrices[slot + 1..]].concat()
}

/// Identities as large as the factors.
pub(super) fn identities(factors: &[Variable]) -> Result<Vec<Variable>> {
    factors.iter().map(|factor| eye(order_dim(factor))).collect()
}

impl KronShiftContract {
    /// Writes the matrices of all products in the basis of the vectors.
    fn turn(self, inputs: &Inputs<'_>, spectrum: &Spectrum<'_>, work: &mut Work) -> Result<(), OpFailure> {
        work.matrices.resize_with(self.factors * self.products, Mat::new);
        work.halves.resize_with(self.factors, Mat::new);
        // The place of the omitted one stays as it is, so that every product has as many.
        let omitted = self.factors * (self.products - 1) + self.slot;
        for at in self.factors + 1..self.arity() {
            let x = inputs.get::<Tensor>(at)?.array::<f64>().map_err(|_| OpFailure::WrongValue(at))?;
            let k = self.factor_of(at);
            let u = spectrum.factors[k].vectors();
            let n = u.nrows();
            if x.shape() != [n, n] {
                return Err(OpFailure::Shapes("a matrix is not as large as its factor".to_owned()));
            }
            let (x, place) = (x.to_contiguous(), at - self.factors - 1);
            let to = &mut work.matrices[place + usize::from(place >= omitted)];
            conjugate(
                u.transpose(),
                MatRef::from_row_major_slice(&x.storage()[..x.len()], n, n),
                &mut work.halves[k],
                to,
            );
        }
        Ok(())
    }

    /// The number of inputs.
    fn arity(self) -> usize {
        self.factors * (self.products + 1)
    }

    /// Which factor an input behind the shift belongs to.
    fn factor_of(self, input: usize) -> usize {
        let (product, at) = ((input - self.factors - 1) / self.factors, (input - self.factors - 1) % self.factors);
        if product + 1 == self.products { at + usize::from(at >= self.slot) } else { at }
    }

    /// The products whose matrices are all inputs, and the last one, with something in the slot.
    fn all_products(self, node: &NodeView<'_>, in_slot: &Variable) -> Vec<Vec<Variable>> {
        let mut matrices = node.inputs()[self.factors + 1..].to_vec();
        matrices.insert(self.factors * (self.products - 1) + self.slot, in_slot.clone());
        matrices.chunks_exact(self.factors).map(<[Variable]>::to_vec).collect()
    }

    /// Minus the sum over the places for one more product: `insert` says what is made of the products with it there.
    fn inserted(count: usize, mut insert: impl FnMut(usize) -> Result<Variable>) -> Result<Variable> {
        let terms = (0..count).map(|at| insert(at).map(Some)).collect::<Result<Vec<_>>>()?;
        neg(&sum_of(&terms)?.expect("there is a place at least"))
    }
}

/// The products from one on, around the circle.
fn rotated(products: &[Vec<Variable>], from: usize) -> Vec<Vec<Variable>> {
    [&products[from..], &products[..from]].concat()
}

impl Op for KronShiftContract {
    fn name(&self) -> Cow<'static, str> {
        "kron_shift_contract".into()
    }

    fn props(&self) -> Props {
        Props::default().with("factors", self.factors).with("products", self.products).with("slot", self.slot)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        if self.products == 0 || self.slot >= self.factors {
            return Err(BuildError::parameter(NAME, "there is a product at least, and the slot is in it"));
        }
        let mut inputs = checked(NAME, self.factors, inputs)?;
        if inputs.len() != self.arity() {
            return Err(BuildError::arity(NAME, self.arity(), &inputs));
        }
        let mut orders = Vec::with_capacity(self.factors);
        for factor in &inputs[..self.factors] {
            orders.push(eigh_factor_type(NAME, factor)?.order());
        }
        for at in self.factors + 1..inputs.len() {
            let (x, order) = (&inputs[at], orders[self.factor_of(at)]);
            let lengths = tensor_type(NAME, x)?.lengths();
            let fits = |length: &Option<usize>| length.is_none() || order.is_none() || *length == order;
            if lengths.len() != 2 || !lengths.iter().all(fits) {
                return Err(BuildError::inputs(NAME, &inputs[at..=at], "a matrix as large as the factor is needed"));
            }
            inputs[at] = cast(x, DType::F64)?;
        }
        let order = orders[self.slot];
        Ok(NodeSpec::one(TensorType::shared(DType::F64, &[order, order])).with_inputs(inputs))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (work, inputs, outputs) = io.with_state::<Work>()?;
        let spectrum = Spectrum::of(inputs, self.factors)?;
        self.turn(inputs, &spectrum, work)?;
        spectrum.write_inverses(&mut work.inverses)?;
        let problem = Problem {
            orders: spectrum.orders(),
            inverses: &work.inverses,
            products: work.matrices.chunks_exact(self.factors).collect(),
            slot: self.slot,
        };
        let (u, buffers) = (spectrum.factors[self.slot].vectors(), [&mut work.x, &mut work.spare]);
        reshape_matrix(&mut work.turned, u.nrows(), u.nrows());
        match self.products {
            1 => problem.one(buffers, &mut work.turned),
            2 => problem.two(buffers, &mut work.gammas, &mut work.turned),
            _ => problem.many(&mut work.turned),
        }
        conjugate(u, work.turned.as_ref(), &mut work.halves[self.slot], &mut work.result);
        let out = outputs[0].buffer::<Tensor>().reset::<f64>(&[u.nrows(), u.nrows()]);
        for (i, row) in out.chunks_exact_mut(u.nrows().max(1)).enumerate() {
            row.iter_mut().enumerate().for_each(|(j, x)| *x = work.result[(i, j)]);
        }
        Ok(())
    }

    /// With g in the slot, `<g, y> = φ`: φ is linear in every matrix, and around the circle each product may be the
    /// last.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let count = self.factors;
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; self.arity()]) };
        let (factors, s) = (&node.inputs()[..count], node.input(count));
        let products = self.all_products(node, g);
        let own = factors.iter().map(factor_matrix).collect::<Result<Vec<_>>>()?;
        let mut grads = Grads::with_capacity(self.arity());
        for k in 0..count {
            let others = omitting(&own, k);
            let term = |at| contract(factors, s, &rotated(&products, at), &others, k);
            grads.push(Self::inserted(self.products, term)?.into());
        }
        let others = omitting(&identities(factors)?, 0);
        let term = |at| trace(&contract(factors, s, &rotated(&products, at), &others, 0)?, 0, 0, 1);
        grads.push(Self::inserted(self.products, term)?.into());
        for at in 0..self.products {
            let before = rotated(&products, at + 1);
            let slots = (0..count).filter(|k| at + 1 < self.products || *k != self.slot);
            for k in slots {
                let whole = &before[..self.products - 1];
                grads.push(contract(factors, s, whole, &omitting(&products[at], k), k)?.into());
            }
        }
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let count = self.factors;
        let (factors, s) = (&node.inputs()[..count], node.input(count));
        let (whole, others) = node.inputs()[count + 1..].split_at(count * (self.products - 1));
        let whole: Vec<Vec<Variable>> = whole.chunks_exact(count).map(<[Variable]>::to_vec).collect();
        let with = |extra: &[Variable]| {
            Self::inserted(self.products, |at| {
                let longer = [&whole[..at], &[extra.to_vec()], &whole[at..]].concat();
                contract(factors, s, &longer, others, self.slot)
            })
        };
        let mut terms = Vec::new();
        for (k, tangent) in tangents[..count].iter().enumerate() {
            let Some(tangent) = tangent else { continue };
            let mut extra = factors.iter().map(factor_matrix).collect::<Result<Vec<_>>>()?;
            extra[k] = tangent.clone();
            terms.push(Some(with(&extra)?));
        }
        if let Some(tangent) = &tangents[count] {
            terms.push(Some(mul(tangent, &with(&identities(factors)?)?)?));
        }
        for (at, tangent) in tangents.iter().enumerate().skip(count + 1) {
            let Some(tangent) = tangent else { continue };
            let mut inputs = node.inputs().to_vec();
            inputs[at] = tangent.clone();
            terms.push(Some(apply(*self, &inputs)?));
        }
        Ok(vec![sum_of(&terms)?.into()])
    }

    fn infer_shape(&self, node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let order = order_dim(node.input(self.slot));
        Ok(vec![Shape::from_iter([order.clone(), order])])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Work>::default())
    }

    fn do_constant_folding(&self, _node: &NodeView<'_>) -> bool {
        false
    }
}

/// What is kept from call to call for its memory.
#[derive(Debug)]
struct Work {
    inverses: Vec<f64>,
    x: Vec<f64>,
    spare: Vec<f64>,
    /// The matrices of all products, in the basis of the vectors.
    matrices: Vec<Mat<f64>>,
    gammas: Vec<Mat<f64>>,
    /// Half of a change of basis, for each factor.
    halves: Vec<Mat<f64>>,
    turned: Mat<f64>,
    result: Mat<f64>,
}

impl Default for Work {
    fn default() -> Self {
        let ([inverses, x, spare], [matrices, gammas, halves]) = Default::default();
        Self { inverses, x, spare, matrices, gammas, halves, turned: Mat::new(), result: Mat::new() }
    }
}

impl OpState for Work {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}

/// `Q X Qᵀ`.
fn conjugate(q: MatRef<'_, f64>, x: MatRef<'_, f64>, left: &mut Mat<f64>, to: &mut Mat<f64>) {
    let n = x.nrows();
    reshape_matrix(left, n, n);
    reshape_matrix(to, n, n);
    matmul(left.as_mut(), Accum::Replace, q, x, 1.0, Par::Seq);
    matmul(to.as_mut(), Accum::Replace, left.as_ref(), q.transpose(), 1.0, Par::Seq);
}

/// What is to be contracted, in the basis of the vectors.
struct Problem<'a> {
    orders: Extents,
    /// The eigenvalues of `M⁻¹`.
    inverses: &'a [f64],
    /// The matrices of each product; that of the slot in the last one is not read.
    products: SmallVec<[&'a [Mat<f64>]; 4]>,
    slot: usize,
}

impl Problem<'_> {
    /// Elements before and behind the slot's axis.
    fn around(&self) -> [usize; 2] {
        around(&self.orders, self.slot, [1, 1])
    }

    /// `sum_rest x[.., i, ..] y[.., j, ..]`.
    fn outer(&self, x: &[f64], y: &[f64], mut each: impl FnMut(usize, usize, f64)) {
        let (n, [before, after]) = (self.orders[self.slot], self.around());
        for i in 0..n {
            for j in 0..n {
                let run = |z: usize, k: usize| (z * n + k) * after..(z * n + k + 1) * after;
                let dot = |z| x[run(z, i)].iter().zip(&y[run(z, j)]).map(|(x, y)| x * y).sum::<f64>();
                each(i, j, (0..before).map(dot).sum());
            }
        }
    }

    /// `M⁻¹` is diagonal, so only the diagonals of the others count.
    fn one(&self, [x, _]: [&mut Vec<f64>; 2], turned: &mut Mat<f64>) {
        x.clear();
        x.extend_from_slice(self.inverses);
        for (k, matrix) in self.products[0].iter().enumerate().filter(|(k, _)| *k != self.slot) {
            let [_, after] = around(&self.orders, k, [1, 1]);
            for (i, run) in x.chunks_exact_mut(after.max(1)).enumerate() {
                let at = i % self.orders[k];
                run.iter_mut().for_each(|x| *x *= matrix[(at, at)]);
            }
        }
        let (n, [before, after]) = (self.orders[self.slot], self.around());
        turned.fill(0.0);
        for z in 0..before {
            for i in 0..n {
                turned[(i, i)] += x[(z * n + i) * after..(z * n + i + 1) * after].iter().sum::<f64>();
            }
        }
    }

    /// With `Γ_j = X_1j ∘ X_2jᵀ` of the other factors: `X_1k[r, c]` times
    /// `sum_rest D[.., r, ..] ((⊗Γ_j) D)[.., c, ..]`.
    fn two(&self, [x, spare]: [&mut Vec<f64>; 2], gammas: &mut Vec<Mat<f64>>, turned: &mut Mat<f64>) {
        let (first, last) = (self.products[0], self.products[1]);
        x.clear();
        x.extend_from_slice(self.inverses);
        gammas.resize_with(self.orders.len(), Mat::new);
        for (k, gamma) in gammas.iter_mut().enumerate().filter(|(k, _)| *k != self.slot) {
            let n = self.orders[k];
            reshape_matrix(gamma, n, n);
            (0..n).for_each(|c| (0..n).for_each(|r| gamma[(r, c)] = first[k][(r, c)] * last[k][(c, r)]));
        }
        along_all(&self.orders, [1, 1], x, spare, |k| (k != self.slot).then(|| gammas[k].as_ref()));
        self.outer(self.inverses, x, |r, c, total| turned[(c, r)] = first[self.slot][(r, c)] * total);
    }

    /// All products are multiplied out, N by N: for third derivatives and higher ones.
    fn many(&self, turned: &mut Mat<f64>) {
        let size = self.inverses.len();
        let (mut w, mut spare) = (vec![0.0; size * size], Vec::new());
        (0..size).for_each(|r| w[r * size + r] = self.inverses[r]);
        let (last, before) = self.products.split_last().expect("there are three products at least");
        for product in before.iter().rev() {
            along_all(&self.orders, [1, size], &mut w, &mut spare, |k| Some(product[k].as_ref()));
            for (row, inverse) in w.chunks_exact_mut(size.max(1)).zip(self.inverses) {
                row.iter_mut().for_each(|x| *x *= inverse);
            }
        }
        turned.fill(0.0);
        let digits = |mut at: usize| {
            let mut digits = vec![0; self.orders.len()];
            for (digit, order) in digits.iter_mut().zip(&self.orders).rev() {
                (*digit, at) = (at % order, at / order);
            }
            digits
        };
        let all: Vec<Vec<usize>> = (0..size).map(digits).collect();
        for (r, row) in w.chunks_exact(size.max(1)).enumerate() {
            for (c, x) in row.iter().enumerate() {
                let others = (0..self.orders.len()).filter(|k| *k != self.slot);
                let weight: f64 = others.map(|k| last[k][(all[c][k], all[r][k])]).product();
                turned[(all[c][self.slot], all[r][self.slot])] += x * weight;
            }
        }
    }
}
