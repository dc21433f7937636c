//! The largest and the smallest element over axes.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Props, Result, Sample, Shape,
    Tangents, Variable, apply,
};

use super::fold::reduce;
use super::{Axes, all_axes_of, build, discrete_samples, kept, printed_axes, reduced_type, samples_on, sorted_axes};
use super::{spread_back, sum_axes};
use crate::elemwise::{eq, switch};
use crate::layout::expand_dims;
use crate::samples::{given, shaped};
use crate::tensor::{Element, Strided, Tensor, each_dtype, shape_text};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Which {
    Largest,
    Smallest,
}

/// The largest or the smallest element over axes, which are dropped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Extremum {
    which: Which,
    axes: Axes,
}

/// The largest element; NaN if one is NaN. For its derivative at ties, see [`max_axes`].
///
/// # Errors
///
/// When `x` is not a dense tensor; at run time, when it is empty.
#[track_caller]
pub fn max(x: &Variable) -> Result<Variable> {
    max_axes(x, &all_axes_of("max", x)?)
}

/// The maximum over axes, which are dropped. At ties each of the largest elements gets the whole derivative, as in
/// PyTensor; of a NaN none does.
///
/// # Errors
///
/// When an axis does not exist or is named twice; at run time, when one is empty.
#[track_caller]
pub fn max_axes(x: &Variable, axes: &[usize]) -> Result<Variable> {
    extremum(Which::Largest, x, axes)
}

/// The smallest element; NaN if one is NaN. For its derivative at ties, see [`min_axes`].
///
/// # Errors
///
/// When `x` is not a dense tensor; at run time, when it is empty.
#[track_caller]
pub fn min(x: &Variable) -> Result<Variable> {
    min_axes(x, &all_axes_of("min", x)?)
}

/// The minimum over axes, which are dropped. At ties each of the smallest elements gets the whole derivative, as in
/// PyTensor; of a NaN none does.
///
/// # Errors
///
/// When an axis does not exist or is named twice; at run time, when one is empty.
#[track_caller]
pub fn min_axes(x: &Variable, axes: &[usize]) -> Result<Variable> {
    extremum(Which::Smallest, x, axes)
}

#[track_caller]
fn extremum(which: Which, x: &Variable, axes: &[usize]) -> Result<Variable> {
    let axes = sorted_axes(which.name(), x, axes)?;
    if axes.is_empty() {
        return Ok(x.clone());
    }
    apply(Extremum { which, axes }, std::slice::from_ref(x))
}

impl Which {
    fn name(self) -> &'static str {
        match self {
            Which::Largest => "max",
            Which::Smallest => "min",
        }
    }

    /// Whether `a` must give way to `b`.
    pub(super) fn prefers<T: Ordered>(self, b: T, a: T) -> bool {
        match self {
            Which::Largest => b.above(a),
            Which::Smallest => b.below(a),
        }
    }

    /// An error where there is nothing to choose from.
    pub(super) fn needs_elements(self, shape: &[usize], axes: &[usize]) -> Result<(), OpFailure> {
        if axes.iter().all(|&axis| shape[axis] > 0) {
            return Ok(());
        }
        let what = if self == Which::Largest { "maximum" } else { "minimum" };
        Err(OpFailure::Shapes(format!("the {what} over an empty axis of shape {} does not exist", shape_text(shape))))
    }
}

/// A total preorder in which NaN stands before everything else, in either direction.
pub(crate) trait Ordered: Element {
    const LOWEST: Self;
    const HIGHEST: Self;
    fn above(self, other: Self) -> bool;
    fn below(self, other: Self) -> bool;
}

macro_rules! ordered {
    ($($t:ty: $lowest:expr, $highest:expr, |$x:ident| $nan:expr;)+) => { $(
        impl Ordered for $t {
            const LOWEST: Self = $lowest;
            const HIGHEST: Self = $highest;

            fn above(self, other: Self) -> bool {
                let nan = |$x: Self| $nan;
                self > other || (nan(self) && !nan(other))
            }

            fn below(self, other: Self) -> bool {
                let nan = |$x: Self| $nan;
                self < other || (nan(self) && !nan(other))
            }
        }
    )+ };
}

ordered! {
    bool: false, true, |_x| false;
    u8: u8::MIN, u8::MAX, |_x| false;
    i8: i8::MIN, i8::MAX, |_x| false;
    i32: i32::MIN, i32::MAX, |_x| false;
    i64: i64::MIN, i64::MAX, |_x| false;
    f32: f32::NEG_INFINITY, f32::INFINITY, |x| x.is_nan();
    f64: f64::NEG_INFINITY, f64::INFINITY, |x| x.is_nan();
}

pub(super) fn entries() -> Vec<Entry> {
    let entry = |which: Which| {
        let build_it = move |params: &Params<'_>, x: &[Variable]| {
            build(which.name(), params, x, |x, axes| extremum(which, x, axes))
        };
        Entry::function(which.name(), "reductions", build_it, samples)
            .parsed_by(move |params| Ok(Arc::new(Extremum { which, axes: printed_axes(params)? })))
    };
    vec![entry(Which::Largest), entry(Which::Smallest)]
}

fn samples() -> Vec<Sample> {
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let rows = shaped(&[4, 3], vec![1.0, 3.0, 3.0, 2.0, 2.0, 2.0, nan, 1.0, 5.0, -inf, -inf, -inf]);
    let edges = vec![
        Sample::new("ties", [given(vec![1.0, 2.0, 2.0, 1.0])]).edge(),
        Sample::new("ties and NaN", [given(rows)]).with("axis", 1i64).edge(),
        Sample::new("infinities", [given(vec![inf, 1.0, inf, -inf])]).edge(),
    ];
    [samples_on((-2.0, 2.0)), discrete_samples().into(), edges].concat()
}

impl Op for Extremum {
    fn name(&self) -> Cow<'static, str> {
        self.which.name().into()
    }

    fn props(&self) -> Props {
        Props::default().with("axes", &self.axes[..])
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        reduced_type(self.which.name(), inputs, &self.axes, |dtype| dtype)
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn choose<T: Ordered>(which: Which, x: &Strided<T>, axes: &Axes, out: &mut Tensor) {
            let start = if which == Which::Largest { T::LOWEST } else { T::HIGHEST };
            let better = |best: T, x: T| if which.prefers(x, best) { x } else { best };
            reduce(x, axes, out, start, |best, run| run.iter().copied().fold(best, better), better);
        }
        let x = io.inputs.get::<Tensor>(0)?;
        self.which.needs_elements(x.shape(), &self.axes)?;
        let out = io.outputs[0].buffer::<Tensor>();
        each_dtype!(x, array => choose(self.which, array, &self.axes, out));
        Ok(())
    }

    /// The cotangent where the element is the extremum; nothing is multiplied.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        let x = node.input(0);
        let mask = eq(x, &expand_dims(node.output(0), &self.axes)?)?;
        Ok(vec![switch(&mask, &spread_back(g, x, &self.axes)?, 0.0)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = &tangents[0] else { return Ok(vec![Grad::Zero]) };
        let mask = eq(node.input(0), &expand_dims(node.output(0), &self.axes)?)?;
        Ok(vec![sum_axes(&switch(&mask, tangent, 0.0)?, &self.axes)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![kept(&input_shapes[0], &self.axes)])
    }
}
