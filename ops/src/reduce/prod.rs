//! The product over axes.
//!
//! Nothing is divided: the product of the others is that of the elements before times that of those behind. So the
//! derivatives of every order are right where elements are zero.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, OpState, Props, Result, Sample, Shape, Tangents,
    Variable, apply, origin, shape_of,
};

use super::cumulative::{End, cumulative_products, shifted};
use super::fold::{Accumulator, Term, Wide, reduce};
use super::{Axes, all_axes_of, build, discrete_samples, kept, printed_axes, reduced_type, samples_on, sorted_axes};
use super::{spread_back, sum_axes};
use crate::dtype::DType;
use crate::elemwise::{cast, eq, mul, switch};
use crate::layout::{reshape, transpose_axes};
use crate::samples::{dense, given};
use crate::tensor::{Strided, Tensor, tensor_type};

/// The product over axes, which are dropped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Prod {
    axes: Axes,
}

/// The product of all elements, of none 1. Integers and truth values are multiplied in i64, with wrap-around.
///
/// # Errors
///
/// When `x` is not a dense tensor.
#[track_caller]
pub fn prod(x: &Variable) -> Result<Variable> {
    prod_axes(x, &all_axes_of("prod", x)?)
}

/// The product over axes, which are dropped; `x` itself if there are none. Its derivatives are right at zeros, too.
///
/// # Errors
///
/// When an axis does not exist or is named twice.
#[track_caller]
pub fn prod_axes(x: &Variable, axes: &[usize]) -> Result<Variable> {
    let ty = tensor_type("prod", x)?;
    let axes = sorted_axes("prod", x, axes)?;
    if axes.is_empty() {
        return cast(x, ty.dtype().sum());
    }
    apply(Prod { axes }, std::slice::from_ref(x))
}

/// The product over axes of the elements that are not zero. At a zero the derivative is zero.
///
/// # Errors
///
/// When an axis does not exist or is named twice.
#[track_caller]
pub fn prod_without_zeros(x: &Variable, axes: &[usize]) -> Result<Variable> {
    let _scope = origin::here();
    prod_axes(&switch(&eq(x, 0)?, 1, x)?, axes)
}

/// For each element the product of the others that it is multiplied with.
fn product_of_others(x: &Variable, axes: &Axes) -> Result<Variable> {
    // The axes become one, behind the others.
    let shape = shape_of(x);
    let others: Vec<usize> = (0..shape.len()).filter(|axis| !axes.contains(axis)).collect();
    let order = [&others[..], axes].concat();
    let behind = transpose_axes(x, &order)?;
    let rows = others.iter().map(|&axis| shape[axis].clone());
    let count = axes.iter().fold(kronograph_graph::Dim::from(1), |count, &axis| count.times(&shape[axis]));
    let flat = reshape(&behind, rows.chain([count]))?;
    let exclusive = |from: End| shifted(&cumulative_products(&flat, others.len(), from)?, others.len(), from, 1.0);
    let product = reshape(&mul(&exclusive(End::First)?, &exclusive(End::Last)?)?, shape_of(&behind))?;
    let mut back = vec![0; order.len()];
    order.iter().enumerate().for_each(|(to, &axis)| back[axis] = to);
    transpose_axes(&product, &back)
}

pub(super) fn entries() -> Vec<Entry> {
    let samples = || {
        let over_rows = |sample: Sample| sample.with("axis", 1i64);
        let zeros = |data: Vec<f64>| Sample::new("zeros", [given(data)]);
        let edges = vec![
            over_rows(Sample::new("nothing", [dense(&[2, 0], (-2.0, 2.0), 1)])),
            zeros(vec![2.0, 0.0, 3.0]),
            // The first derivatives are zero, and slopes are rounding.
            zeros(vec![0.0, 0.0, 3.0]).edge(),
            zeros(vec![0.0, 0.0, 0.0]).edge(),
            Sample::new("not finite", [given(vec![f64::INFINITY, 2.0, f64::NAN])]).edge(),
        ];
        [samples_on((0.5, 1.5)), discrete_samples().into(), edges].concat()
    };
    let without_zeros = || {
        let zeros = Sample::new("zeros", [given(vec![2.0, 0.0, 3.0])]).edge();
        [samples_on((0.5, 1.5)), vec![zeros]].concat()
    };
    vec![
        Entry::function("prod", "reductions", |params, x| build("prod", params, x, prod_axes), samples)
            .parsed_by(|params| Ok(Arc::new(Prod { axes: printed_axes(params)? }))),
        Entry::function(
            "prod_without_zeros",
            "reductions",
            |params, x| build("prod_without_zeros", params, x, prod_without_zeros),
            without_zeros,
        ),
    ]
}

impl Op for Prod {
    fn name(&self) -> Cow<'static, str> {
        "prod".into()
    }

    fn props(&self) -> Props {
        Props::default().with("axes", &self.axes[..])
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        reduced_type("prod", inputs, &self.axes, DType::sum)
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn multiply<T: Term>(x: &Strided<T>, axes: &Axes, out: &mut Tensor) {
            let one = |product: T::Wide, x: T| product.times(x.widen());
            reduce(x, axes, out, T::Wide::ONE, |product, run| run.iter().copied().fold(product, one), one);
        }
        let (accumulator, inputs, outputs) = io.with_state::<Accumulator>()?;
        let (axes, out) = (&self.axes, outputs[0].buffer::<Tensor>());
        match inputs.get::<Tensor>(0)? {
            Tensor::F64(x) => multiply(x, axes, out),
            Tensor::F32(x) => accumulator.reduce(x, axes, out, 1.0, f64::times),
            Tensor::Bool(x) => multiply(x, axes, out),
            Tensor::U8(x) => multiply(x, axes, out),
            Tensor::I8(x) => multiply(x, axes, out),
            Tensor::I32(x) => multiply(x, axes, out),
            Tensor::I64(x) => multiply(x, axes, out),
        }
        Ok(())
    }

    /// `x̄ᵢ = g Π_{j≠i} xⱼ`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let x = node.input(0);
        let (Some(g), Some(_)) = (&output_grads[0], x.ty().tangent()) else { return Ok(vec![Grad::Zero]) };
        let others = product_of_others(&cast(x, tensor_type("prod", g)?.dtype())?, &self.axes)?;
        Ok(vec![mul(&spread_back(g, x, &self.axes)?, &others)?.into()])
    }

    /// `ẏ = Σᵢ ẋᵢ Π_{j≠i} xⱼ`.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = &tangents[0] else { return Ok(vec![Grad::Zero]) };
        let others = product_of_others(&cast(node.input(0), tensor_type("prod", tangent)?.dtype())?, &self.axes)?;
        Ok(vec![sum_axes(&mul(tangent, &others)?, &self.axes)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![kept(&input_shapes[0], &self.axes)])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Accumulator>::default())
    }
}
