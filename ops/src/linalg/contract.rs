//! Sums of products of two tensors whose axes have labels: what `tensordot` and `einsum` are made of.
//!
//! Axes of one label have one length. That is checked when the expression is built, where the lengths are known, and
//! else when it runs: joined axes of different lengths may well have equal products.

use kronograph_graph::{BuildError, Dim, Result, Variable, shape_of};

use super::matmul::matmul;
use crate::elemwise::mul;
use crate::layout::{dimshuffle, expand_dims, reshape, size_of, specify_shape, squeeze};
use crate::reduce::sum_axes;

/// The label of an axis.
pub(super) type Label = u32;

/// A tensor with a label for each axis; no label occurs twice.
#[derive(Clone, Debug)]
pub(super) struct Labelled {
    pub(super) variable: Variable,
    pub(super) labels: Vec<Label>,
}

impl Labelled {
    fn axis(&self, label: Label) -> Option<usize> {
        self.labels.iter().position(|own| *own == label)
    }

    fn dim(&self, label: Label) -> Option<Dim> {
        self.axis(label).map(|axis| Dim::axis(&self.variable, axis))
    }

    fn holds(&self, label: Label) -> bool {
        self.labels.contains(&label)
    }

    /// The sum over all axes whose label is not kept.
    pub(super) fn summed(self, kept: impl Fn(Label) -> bool) -> Result<Self> {
        let axes: Vec<usize> = (0..self.labels.len()).filter(|&axis| !kept(self.labels[axis])).collect();
        if axes.is_empty() {
            return Ok(self);
        }
        let labels = self.labels.iter().copied().filter(|label| kept(*label)).collect();
        Ok(Self { variable: sum_axes(&self.variable, &axes)?, labels })
    }

    /// The axes in the order of some labels; one that is missing has length 1.
    pub(super) fn arranged(&self, labels: &[Label]) -> Result<Variable> {
        let order: Vec<Option<usize>> = labels.iter().map(|label| self.axis(*label)).collect();
        dimshuffle(&self.variable, &order)
    }

    /// Drops axes of declared length 1 whose label has another length elsewhere: they would be repeated.
    pub(super) fn without_repeated(self, elsewhere: impl Fn(Label) -> bool) -> Result<Self> {
        let extents = self.variable.ty().extents();
        let repeated = |axis: &usize| extents[*axis] == Some(1) && elsewhere(self.labels[*axis]);
        let axes: Vec<usize> = (0..self.labels.len()).filter(repeated).collect();
        if axes.is_empty() {
            return Ok(self);
        }
        let labels = (0..self.labels.len()).filter(|axis| !axes.contains(axis)).map(|axis| self.labels[axis]).collect();
        Ok(Self { variable: squeeze(&self.variable, &axes)?, labels })
    }

    /// The lengths of labels made equal to those of a partner, or an error when it runs.
    fn matched(&self, op: &'static str, partner: &Self, labels: &[Label]) -> Result<Self> {
        let own = shape_of(&self.variable);
        let mut wanted = vec![Dim::UNKNOWN; own.len()];
        for &label in labels {
            let (Some(axis), Some(theirs)) = (self.axis(label), partner.dim(label)) else { continue };
            match (own[axis].known(), theirs.known()) {
                (Some(a), Some(b)) if a != b => {
                    let both = [self.variable.clone(), partner.variable.clone()];
                    let rule = format!("axes that are summed together have the lengths {a} and {b}");
                    return Err(BuildError::inputs(op, &both, rule));
                }
                (None, _) if theirs != own[axis] => wanted[axis] = theirs,
                _ => {}
            }
        }
        Ok(Self { variable: specify_shape(&self.variable, wanted)?, labels: self.labels.clone() })
    }
}

/// The sum of products of two tensors over all labels that are not kept.
pub(super) fn contract(op: &'static str, a: Labelled, b: Labelled, kept: &dyn Fn(Label) -> bool) -> Result<Labelled> {
    let (also_b, also_a) = (b.labels.clone(), a.labels.clone());
    let a = a.summed(|label| kept(label) || also_b.contains(&label))?;
    let b = b.summed(|label| kept(label) || also_a.contains(&label))?;
    let part = |from: &Labelled, other: &Labelled, shared: bool, stays: bool| -> Vec<Label> {
        let fits = |label: &Label| other.holds(*label) == shared && kept(*label) == stays;
        from.labels.iter().copied().filter(fits).collect()
    };
    let (batch, inner) = (part(&a, &b, true, true), part(&a, &b, true, false));
    let (rows, columns) = (part(&a, &b, false, true), part(&b, &a, false, true));
    // One axis is checked by the product itself.
    let b = if inner.len() > 1 { b.matched(op, &a, &inner)? } else { b };
    let only_b_knows = |label: &Label| b.dim(*label).is_some_and(|dim| dim.known().is_some());
    let known: Vec<Label> = inner.iter().copied().filter(only_b_knows).collect();
    let a = if inner.len() > 1 { a.matched(op, &b, &known)? } else { a };
    let product = Product { a: &a, b: &b, batch: &batch, rows: &rows, columns: &columns, inner: &inner };
    let variable = match (inner.is_empty(), rows.is_empty() && columns.is_empty() && !batch.is_empty()) {
        (true, _) => product.elementwise()?,
        (false, true) => product.of_vectors()?,
        (false, false) => product.of_matrices()?,
    };
    Ok(Labelled { variable, labels: [batch, rows, columns].concat() })
}

/// Two tensors, and their labels by what becomes of them.
struct Product<'a> {
    a: &'a Labelled,
    b: &'a Labelled,
    batch: &'a [Label],
    rows: &'a [Label],
    columns: &'a [Label],
    inner: &'a [Label],
}

impl Product<'_> {
    fn elementwise(&self) -> Result<Variable> {
        let order = [self.batch, self.rows, self.columns].concat();
        mul(&self.a.arranged(&order)?, &self.b.arranged(&order)?)
    }

    /// Products of vectors, one for each combination of the leading axes.
    fn of_vectors(&self) -> Result<Variable> {
        let order = [self.batch, self.inner].concat();
        let terms = mul(&self.a.arranged(&order)?, &self.b.arranged(&order)?)?;
        sum_axes(&terms, &(self.batch.len()..order.len()).collect::<Vec<_>>())
    }

    /// One product of matrices, with the labels of a kind joined.
    fn of_matrices(&self) -> Result<Variable> {
        let left = joined(self.a, [self.batch, self.rows, self.inner])?;
        let right = joined(self.b, [self.batch, self.inner, self.columns])?;
        // A vector has no axis of rows, or of columns; in a stack it has one of length 1.
        let stack = !self.batch.is_empty();
        let place = self.batch.len();
        let left = if stack && self.rows.is_empty() { expand_dims(&left, &[place])? } else { left };
        let right = if stack && self.columns.is_empty() { expand_dims(&right, &[place + 1])? } else { right };
        let product = matmul(&left, &right)?;
        if self.rows.len() == 1 && self.columns.len() == 1 || (!stack && self.rows.len() + self.columns.len() == 1) {
            return Ok(product);
        }
        let dims = |from: &Labelled, labels: &[Label]| labels.iter().map(|label| from.dim(*label)).collect::<Vec<_>>();
        let shape = shape_of(&product).into_iter().take(place).map(Some);
        let shape = shape.chain(dims(self.a, self.rows)).chain(dims(self.b, self.columns));
        reshape(&product, shape.map(|dim| dim.unwrap_or(Dim::UNKNOWN)))
    }
}

/// The axes of three kinds, the first kept apart and each of the others joined to one; none where a kind is empty.
fn joined(x: &Labelled, [batch, first, second]: [&[Label]; 3]) -> Result<Variable> {
    let arranged = x.arranged(&[batch, first, second].concat())?;
    if first.len() <= 1 && second.len() <= 1 {
        return Ok(arranged);
    }
    let shape = shape_of(&arranged);
    let (lead, rest) = shape.split_at(batch.len());
    let (rows, columns) = rest.split_at(first.len());
    let groups = [rows, columns].into_iter().filter(|dims| !dims.is_empty()).map(size_of);
    reshape(&arranged, lead.iter().cloned().chain(groups))
}
