//! A type, three ops and a rewrite rule of a user's own, made with the public interface alone.
//!
//! A circulant matrix is a column and its rotations, `C[i, j] = c[i - j]` with indices modulo n: it blurs a signal on
//! a circle, and n numbers tell all of it. Here it becomes a type of values with a product, which is differentiated
//! in both modes; then the engine learns that two known blurs are one. Run with `cargo run --example custom_op`.

#![allow(clippy::print_stdout, reason = "an example tells its story")]

use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use kronograph::graph::{
    Grad, Grads, Inputs, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Props, Result, Shape, Tangents, Type,
    TypeRef, apply, sum_of,
};
use kronograph::ops::{Strided, TensorType};
use kronograph::prelude::*;
use kronograph::rewrites::{Rule, RuleContext, Tag, rules};

// 1. The value: what flows through a running function. Copies share the column, so they are cheap.

#[derive(Clone, Debug, Default)]
struct Circulant {
    column: Arc<Vec<f64>>,
    order: usize,
}

impl Circulant {
    fn new(column: Vec<f64>) -> Self {
        Self { order: column.len(), column: Arc::new(column) }
    }

    /// A column to overwrite; the old one serves again if nobody else holds it.
    fn reset(&mut self, order: usize) -> &mut [f64] {
        self.order = order;
        let column = Arc::make_mut(&mut self.column);
        column.resize(order, 0.0);
        column
    }
}

impl Value for Circulant {
    fn boxed_clone(&self) -> Box<dyn Value> {
        Box::new(self.clone())
    }

    fn extents(&self) -> &[usize] {
        std::slice::from_ref(&self.order)
    }

    fn describe(&self) -> String {
        format!("circulant of order {}", self.order)
    }

    fn bytes(&self) -> usize {
        std::mem::size_of_val(self.column.as_slice())
    }
}

// 2. The type: what is known of such a value before the function runs. Its one axis is that of the column.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct CirculantType {
    order: Option<usize>,
}

impl fmt::Display for CirculantType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.order {
            Some(order) => write!(f, "circulant ({order},)"),
            None => f.write_str("circulant (?,)"),
        }
    }
}

impl Type for CirculantType {
    fn extents(&self) -> &[Option<usize>] {
        std::slice::from_ref(&self.order)
    }

    fn filter(&self, value: &dyn Value) -> Result<Option<Box<dyn Value>>, String> {
        let circulant = (value as &dyn Any).downcast_ref::<Circulant>().ok_or("it is no circulant matrix")?;
        if self.order.is_some_and(|order| order != circulant.order) {
            return Err(format!("it is a {}", circulant.describe()));
        }
        Ok(None)
    }

    /// A circulant moves as its column moves: derivatives are plain vectors, so plain ops can make and add them.
    fn tangent(&self) -> Option<TypeRef> {
        Some(vector_type(self.order))
    }
}

fn vector_type(order: Option<usize>) -> TypeRef {
    TensorType::shared(DType::F64, &[order])
}

#[track_caller]
fn circulant_constant(column: Vec<f64>) -> Variable {
    let ty = CirculantType { order: Some(column.len()) };
    Variable::constant_of(Arc::new(ty), Arc::new(Circulant::new(column)))
}

// 3. The ops. Each holds parameters only; `PartialEq`, `Eq` and `Hash` are its identity.

/// The circulant matrix with a vector as its first column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct FromColumn;

/// `C x`, or `Cᵀ x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Dot {
    trans: Trans,
}

/// `A B`, a circulant matrix again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Mul;

// Applying an op is a function; `track_caller` lets errors and printouts name the line of whoever calls it.

#[track_caller]
fn circulant(column: &Variable) -> Result<Variable> {
    apply(FromColumn, std::slice::from_ref(column))
}

#[track_caller]
fn circulant_dot(c: &Variable, x: &Variable, trans: Trans) -> Result<Variable> {
    apply(Dot { trans }, &[c.clone(), x.clone()])
}

#[track_caller]
fn circulant_mul(a: &Variable, b: &Variable) -> Result<Variable> {
    apply(Mul, &[a.clone(), b.clone()])
}

/// Checks the kind of each input of an op, and that the orders agree where they are known; returns the order.
#[track_caller]
fn common_order(op: &'static str, inputs: &[Variable], circulants: &[bool]) -> Result<Option<usize>> {
    if inputs.len() != circulants.len() {
        return Err(BuildError::arity(op, circulants.len(), inputs));
    }
    let mut order = None;
    for (input, &circulant) in inputs.iter().zip(circulants) {
        let here = match (input.type_as::<CirculantType>(), input.type_as::<TensorType>()) {
            (Some(ty), None) if circulant => ty.order,
            (None, Some(ty)) if !circulant && ty.rank() == 1 && ty.dtype() == DType::F64 => ty.lengths()[0],
            _ => return Err(BuildError::inputs(op, inputs, "circulants and f64 vectors are needed")),
        };
        if order.is_some() && here.is_some() && order != here {
            return Err(BuildError::inputs(op, inputs, "the orders must be equal"));
        }
        order = order.or(here);
    }
    Ok(order)
}

/// A vector input as one run of numbers: views of other tensors (a column of a matrix, say) may be strided.
fn vector_at(inputs: &Inputs<'_>, position: usize) -> Result<Strided<f64>, OpFailure> {
    let array = inputs.get::<Tensor>(position)?.array::<f64>();
    array.map(Strided::to_contiguous).map_err(|_| OpFailure::WrongValue(position))
}

/// `y[i] = sum_j c[i - j] x[j]`, or with `c[j - i]` for the transpose; indices modulo n.
fn convolve(c: &[f64], x: &[f64], trans: Trans, y: &mut [f64]) -> OpResult {
    let n = c.len();
    if x.len() != n {
        return Err(OpFailure::Shapes(format!("the circulant has order {n}, the vector length {}", x.len())).into());
    }
    for (i, y) in y.iter_mut().enumerate() {
        let entry = |j: usize| if trans == Trans::No { c[(n + i - j) % n] } else { c[(n + j - i) % n] };
        *y = x.iter().enumerate().map(|(j, x)| entry(j) * x).sum();
    }
    Ok(())
}

impl Op for FromColumn {
    fn name(&self) -> Cow<'static, str> {
        "circulant".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let order = common_order("circulant", inputs, &[false])?;
        Ok(NodeSpec::one(Arc::new(CirculantType { order })))
    }

    /// A slot gives its old value back, so a call with unchanged shapes allocates nothing.
    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let column = vector_at(&io.inputs, 0)?;
        io.outputs[0].buffer::<Circulant>().reset(column.len()).copy_from_slice(&column.storage()[..column.len()]);
        Ok(())
    }

    /// The cotangent of a circulant is that of its column.
    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![output_grads[0].clone().into()])
    }

    fn r_op(&self, _node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![tangents[0].clone().into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }
}

impl Op for Dot {
    fn name(&self) -> Cow<'static, str> {
        "circulant_dot".into()
    }

    fn props(&self) -> Props {
        Props::default().with("trans", self.trans == Trans::Yes)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        Ok(NodeSpec::one(vector_type(common_order("circulant_dot", inputs, &[true, false])?)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (c, x) = (io.inputs.get::<Circulant>(0)?, vector_at(&io.inputs, 1)?);
        let y = io.outputs[0].buffer::<Tensor>().reset::<f64>(&[c.order]);
        convolve(&c.column, &x.storage()[..x.len()], self.trans, y)
    }

    /// `x̄ = Cᵀ g`, and `c̄[k] = sum_i g[i] x[i - k]`, which is `circulant(x)ᵀ g` (of `Cᵀ x` it is `circulant(g)ᵀ x`):
    /// both are products of the same kind, so derivatives of every order follow.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 2]) };
        let (c, x) = (node.input(0), node.input(1));
        let (column, along) = if self.trans == Trans::No { (x, g) } else { (g, x) };
        let by_c = circulant_dot(&circulant(column)?, along, Trans::Yes)?;
        Ok(vec![by_c.into(), circulant_dot(c, g, self.trans.flip())?.into()])
    }

    /// The product rule: `ẏ = circulant(ċ) x + C ẋ`.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let (c, x) = (node.input(0), node.input(1));
        let moved = |t: &Variable| circulant_dot(&circulant(t)?, x, self.trans);
        let by_c = tangents[0].as_ref().map(moved).transpose()?;
        let by_x = tangents[1].as_ref().map(|t| circulant_dot(c, t, self.trans)).transpose()?;
        Ok(vec![sum_of(&[by_c, by_x])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }
}

impl Op for Mul {
    fn name(&self) -> Cow<'static, str> {
        "circulant_mul".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let order = common_order("circulant_mul", inputs, &[true, true])?;
        Ok(NodeSpec::one(Arc::new(CirculantType { order })))
    }

    /// The first column of the product is `A b`, with b the first column of B.
    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (a, b) = (io.inputs.get::<Circulant>(0)?, io.inputs.get::<Circulant>(1)?);
        convolve(&a.column, &b.column, Trans::No, io.outputs[0].buffer::<Circulant>().reset(a.order))
    }

    /// The column is `A b` and, as circulants commute, `B a`: `ā = Bᵀ g`, `b̄ = Aᵀ g`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 2]) };
        let (a, b) = (node.input(0), node.input(1));
        Ok(vec![circulant_dot(b, g, Trans::Yes)?.into(), circulant_dot(a, g, Trans::Yes)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let times = |other: &Variable, t: &Variable| circulant_dot(other, t, Trans::No);
        let by_a = tangents[0].as_ref().map(|t| times(node.input(1), t)).transpose()?;
        let by_b = tangents[1].as_ref().map(|t| times(node.input(0), t)).transpose()?;
        Ok(vec![sum_of(&[by_a, by_b])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }
}

// 4. The rule. It reads the graph and builds an ordinary expression; the engine checks, installs and records it.

struct ComposeBlurs;

impl Rule for ComposeBlurs {
    fn name(&self) -> &'static str {
        "compose_blurs"
    }

    fn reason(&self) -> &'static str {
        "A (B x) = (A B) x; with A and B known, A B is computed while compiling, and each call saves n² operations"
    }

    fn tags(&self) -> &'static [Tag] {
        &[Tag::Canonicalize]
    }

    fn roots(&self) -> &'static [&'static str] {
        &["circulant_dot"]
    }

    /// Circulants commute, so the same holds for two transposes. With an A or B that is not known the product would
    /// cost as much as it saves: the rule declines.
    fn apply(&self, context: &RuleContext<'_>, node: &NodeView<'_>) -> Result<Option<Vec<Variable>>> {
        let Some(outer) = node.op_as::<Dot>() else { return Ok(None) };
        let Some((inner, inputs)) = context.owner_as::<Dot>(node.input(1)) else { return Ok(None) };
        let (a, b, x) = (node.input(0), &inputs[0], &inputs[1]);
        if inner != *outer || a.constant().is_none() || b.constant().is_none() {
            return Ok(None);
        }
        Ok(Some(vec![circulant_dot(&circulant_mul(a, b)?, x, outer.trans)?]))
    }
}

// 5. The model: a signal went through an unknown kernel and two known blurs; how wrong is a guess of the kernel?

const ORDER: usize = 12;

/// A smooth bump of some width, with unit sum.
fn bump(width: f64) -> Vec<f64> {
    let around = |k: usize| k.min(ORDER - k) as f64 / width;
    let weights: Vec<f64> = (0..ORDER).map(|k| (-around(k).powi(2)).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

fn wave(frequency: f64, phase: f64) -> Vec<f64> {
    (0..ORDER).map(|k| (frequency * k as f64 + phase).sin()).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let kernel = tensor("kernel", DType::F64, &[Some(ORDER)]);
    let direction = tensor("direction", DType::F64, &[Some(ORDER)]);
    let (signal, observed) = (constant(wave(0.7, 0.0)), constant(wave(0.3, 1.0)));
    let camera = circulant_constant(bump(1.0)).named("camera");
    let air = circulant_constant(bump(2.5)).named("air");

    let sharp = circulant_dot(&circulant(&kernel)?, &signal, Trans::No)?;
    let seen = circulant_dot(&camera, &circulant_dot(&air, &sharp, Trans::No)?, Trans::No)?;
    let loss = sum(&sqr(&(seen - observed))?)?.named("loss");
    println!("The loss as it was written:\n\n{}", debug_print(std::slice::from_ref(&loss)));

    let wrt = [kernel.clone()];
    let gradient = grad(&loss, &wrt)?.remove(0);
    let slope = rop(std::slice::from_ref(&loss), &wrt, std::slice::from_ref(&direction))?.remove(0);
    let mode = Mode::with_rules(rules::all().with(ComposeBlurs));
    let mut function = compile(&[kernel, direction], &[loss, gradient, slope], &mode)?;
    println!("What the rules did to the loss, its gradient and its slope:\n\n{}", function.explain());
    if !function.explain().contains("compose_blurs") {
        return Err("the two blurs were not composed".into());
    }

    let max_error = worst_error(&mut function, &bump(1.7), &wave(1.1, 0.4))?;
    if max_error.is_nan() || max_error > 1e-6 {
        return Err(format!("the derivatives are off by {max_error}").into());
    }
    println!("Both modes agree with central differences.");
    println!("RESULT max_error={max_error:.15}");
    Ok(())
}

/// The largest difference between the derivatives and central differences, entry by entry and along a direction.
fn worst_error(function: &mut Function, kernel: &[f64], direction: &[f64]) -> Result<f64, Box<dyn Error>> {
    let along = Tensor::vector(direction.to_vec());
    let out = function.call(&[&Tensor::vector(kernel.to_vec()), &along])?;
    let (gradient, slope) = (out.get::<Tensor>(1)?.to_vec::<f64>()?, out.scalar(2)?);
    let mut measured = |towards: &[f64]| -> Result<f64, RunError> {
        let mut loss_at = |step: f64| {
            let moved: Vec<f64> = kernel.iter().zip(towards).map(|(x, t)| x + step * t).collect();
            function.call(&[&Tensor::vector(moved), &along])?.scalar(0)
        };
        Ok((loss_at(1e-5)? - loss_at(-1e-5)?) / 2e-5)
    };
    let mut errors = vec![slope - measured(direction)?];
    for (position, partial) in gradient.iter().enumerate() {
        let mut unit = [0.0; ORDER];
        unit[position] = 1.0;
        errors.push(partial - measured(&unit)?);
    }
    // Not `f64::max`, which would pass over a NaN.
    let worse = |worst: f64, error: f64| if error.is_nan() || error.abs() > worst { error.abs() } else { worst };
    Ok(errors.into_iter().fold(0.0, worse))
}
