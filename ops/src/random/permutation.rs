//! Orders: every one of them is as likely.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Prop, Props, Result,
    Sample, Shape, Tangents, Variable, Why, apply, origin,
};
use smallvec::SmallVec;

use super::next::next_state;
use super::streams::{a_state, outputs, rng_of, state_and, words_of};
use super::words::Words;
use crate::dtype::DType;
use crate::index::take;
use crate::layout::{ExtentSpec, Lowered, check_scalars, lengths_at_run_time, lower, shape_param};
use crate::samples::{dense, given};
use crate::tensor::{Tensor, TensorType, check_size, tensor_type};

const NAME: &str = "random_permutation";

/// The numbers below some n in a random order. Inputs: the state, n if it is not known when the op is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PermutationDraw {
    size: SmallVec<[ExtentSpec; 4]>,
}

/// The next state and the numbers `0 .. n` in a random order (i64), by the algorithm of Fisher and Yates.
///
/// # Errors
///
/// When `rng` is no random state, or `n` unknown; at run time, when it is negative or too large.
#[track_caller]
pub fn permutation(rng: &Variable, n: impl Into<Dim>) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    let Lowered { spec, inputs } = lower(&[n.into()])?;
    let draw = apply(PermutationDraw { size: spec }, &[std::slice::from_ref(rng), &inputs].concat())?;
    Ok((next_state(rng)?, draw))
}

/// The next state and `x` with its slices along the first axis in a random order, as [`permutation`] gives it.
///
/// ```
/// use kronograph_graph::{Function, FunctionGraph};
/// use kronograph_ops::random::{RngState, rng_constant, shuffle};
/// use kronograph_ops::{Tensor, constant, sort};
///
/// let x = constant(Tensor::vector(vec![3.0, 1.0, 2.0]));
/// let (_next, mixed) = shuffle(&rng_constant(RngState::new(5)), &x)?;
/// let mut f = Function::plan(FunctionGraph::new(&[], &[sort(&mixed, 0)?])?)?;
/// assert_eq!(f.call(&[])?.get::<Tensor>(0)?.to_vec::<f64>()?, [1.0, 2.0, 3.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// When `rng` is no random state, or `x` a scalar.
#[track_caller]
pub fn shuffle(rng: &Variable, x: &Variable) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    if tensor_type("random_shuffle", x)?.rank() == 0 {
        return Err(BuildError::inputs("random_shuffle", std::slice::from_ref(x), "a scalar has no order"));
    }
    let (next, order) = permutation(rng, Dim::axis(x, 0))?;
    Ok((next, take(x, &order, 0)?))
}

/// A number below n, each as likely (D. Lemire, 2019): the few words that would favour some are drawn again.
fn below(words: &Words, element: u64, n: u64) -> u64 {
    let mut attempt = 0;
    loop {
        let wide = u128::from(words.block(element, attempt)[0]) * u128::from(n);
        if wide as u64 >= n.wrapping_neg() % n {
            return (wide >> 64) as u64;
        }
        attempt += 1;
    }
}

impl Op for PermutationDraw {
    fn name(&self) -> Cow<'static, str> {
        "random_permutation".into()
    }

    fn props(&self) -> Props {
        Props::default().with("n", ExtentSpec::prop(&self.size))
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let scalars = ExtentSpec::inputs(&self.size);
        if inputs.len() != scalars + 1 {
            return Err(BuildError::arity(NAME, scalars + 1, inputs));
        }
        rng_of(NAME, &inputs[0])?;
        check_scalars(NAME, inputs, 1)?;
        match &self.size[..] {
            [spec] if *spec != ExtentSpec::Infer => Ok(NodeSpec::one(TensorType::shared(DType::I64, &[spec.known()]))),
            _ => Err(BuildError::parameter(NAME, "one known length is needed")),
        }
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let words = words_of(io)?;
        let length = lengths_at_run_time(&self.size, io, 1)?.first().copied().flatten();
        let shape = [length.ok_or(OpFailure::WrongValue(0))?];
        check_size(&shape)?;
        let out = io.outputs[0].buffer::<Tensor>().reset::<i64>(&shape);
        out.iter_mut().enumerate().for_each(|(k, x)| *x = k as i64);
        for last in (1..out.len()).rev() {
            out.swap(last, below(&words, last as u64, last as u64 + 1) as usize);
        }
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![Grad::Disconnected; node.inputs().len()])
    }

    fn r_op(&self, _node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::Disconnected])
    }

    fn infer_shape(&self, node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![ExtentSpec::dims(&self.size, &node.inputs()[1..])])
    }

    fn connection_pattern(&self, _output: usize, _input: usize) -> bool {
        false
    }
}

/// The entries of this file.
pub(super) fn entries() -> Vec<Entry> {
    let orders = |params: &Params<'_>, inputs: &[Variable]| {
        let (rng, scalars) = state_and(params, inputs, 0)?;
        let dims = shape_param(params, "n", scalars)?;
        let [n] = &dims[..] else { return Err(params.wrong("n", "one length", &Prop::Int(dims.len() as i64))) };
        permutation(rng, n.clone()).map(outputs)
    };
    let of = |name, n: i64| Sample::new(name, [a_state()]).with("n", n);
    let samples = move || {
        let symbolic = Sample::new("symbolic", [a_state(), given(5i64)]).with("n", "input");
        vec![of("seven", 7), of("one", 1), of("none", 0), symbolic]
    };
    let mixed = |params: &Params<'_>, inputs: &[Variable]| {
        let (rng, rest) = state_and(params, inputs, 1)?;
        shuffle(rng, &rest[0]).map(outputs)
    };
    let rows = || {
        vec![
            Sample::new("a vector", [a_state(), dense(&[5], (-2.0, 2.0), 1)]),
            Sample::new("rows", [a_state(), dense(&[4, 2], (-2.0, 2.0), 1)]),
            Sample::new("one", [a_state(), dense(&[1], (-2.0, 2.0), 1)]),
            Sample::new("no rows", [a_state(), dense(&[0, 2], (-2.0, 2.0), 1)]),
            Sample::new("truth values", [a_state(), given(vec![true, false, false])]),
        ]
    };
    let entry = Entry::function(NAME, "random", orders, samples).without_derivative(Why::Random);
    let entry = entry.parsed_by(|params| Ok(Arc::new(PermutationDraw { size: ExtentSpec::parse(params, "n")? })));
    vec![entry, Entry::function("random_shuffle", "random", mixed, rows)]
}
