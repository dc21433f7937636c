//! The loops of reductions: folding elements into results, and walking the slices that belong to one result.

use kronograph_graph::OpState;

use super::{Axes, kept};
use crate::dtype::DType;
use crate::elemwise::cast_into;
use crate::kernels::runs::for_each_run;
use crate::kernels::sums::blocked_sum;
use crate::tensor::{Element, Extents, Strided, Tensor, row_major};

/// What sums and products are accumulated in.
pub(super) trait Wide: Element {
    const ZERO: Self;
    const ONE: Self;
    fn plus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
}

impl Wide for i64 {
    const ZERO: Self = 0;
    const ONE: Self = 1;

    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    fn times(self, other: Self) -> Self {
        self.wrapping_mul(other)
    }
}

impl Wide for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    fn plus(self, other: Self) -> Self {
        self + other
    }

    fn times(self, other: Self) -> Self {
        self * other
    }
}

/// An element that sums and products are made of.
pub(super) trait Term: Element {
    type Wide: Wide;

    fn widen(self) -> Self::Wide;
    /// Integers wrap around, so that the result is that of arithmetic in the narrow type.
    fn narrow(wide: Self::Wide) -> Self;

    /// A sum, and the elements of a run.
    fn add_run(total: Self::Wide, run: &[Self]) -> Self::Wide {
        run.iter().fold(total, |total, x| total.plus(x.widen()))
    }
}

macro_rules! terms {
    ($($t:ty => $wide:ty, |$x:ident| $narrow:expr;)+) => { $(
        impl Term for $t {
            type Wide = $wide;

            fn widen(self) -> $wide {
                self.into()
            }

            fn narrow($x: $wide) -> Self {
                $narrow
            }
        }
    )+ };
}

terms! {
    bool => i64, |x| x != 0;
    u8 => i64, |x| x as u8;
    i8 => i64, |x| x as i8;
    i32 => i64, |x| x as i32;
    i64 => i64, |x| x;
    f32 => f64, |x| x as f32;
}

impl Term for f64 {
    type Wide = f64;

    fn widen(self) -> f64 {
        self
    }

    fn narrow(wide: f64) -> f64 {
        wide
    }

    fn add_run(total: f64, run: &[f64]) -> f64 {
        total + blocked_sum(run)
    }
}

/// Folds every element into the output element that it belongs to: `whole` for a run that lies in one piece and belongs
/// to one output, `one` for single elements.
pub(super) fn reduce<T: Element, O: Element>(
    x: &Strided<T>,
    axes: &Axes,
    out: &mut Tensor,
    start: O,
    whole: impl Fn(O, &[T]) -> O,
    one: impl Fn(O, T) -> O,
) {
    let shape: Extents = kept(x.shape(), axes);
    let out = out.reset::<O>(&shape);
    out.fill(start);
    let dense = row_major(&shape);
    let mut positions = dense.iter();
    let steps: Extents = (0..x.shape().len())
        .map(|axis| if axes.contains(&axis) { 0 } else { positions.next().copied().unwrap_or(0) })
        .collect();
    for_each_run(x.shape(), [x.strides(), &steps], |[from, to], [step, out_step], length| {
        let storage = &x.storage()[from..];
        match (step, out_step) {
            (1, 0) => out[to] = whole(out[to], &storage[..length]),
            _ => (0..length).for_each(|i| {
                let out = &mut out[to + i * out_step];
                *out = one(*out, storage[i * step]);
            }),
        }
    });
}

/// Where sums and products of f32 are accumulated in f64, to be rounded once.
#[derive(Debug, Default)]
pub(super) struct Accumulator(Tensor);

impl Accumulator {
    pub(super) fn reduce(
        &mut self,
        x: &Strided<f32>,
        axes: &Axes,
        out: &mut Tensor,
        start: f64,
        one: impl Fn(f64, f64) -> f64,
    ) {
        let one = |total, x: f32| one(total, x.widen());
        reduce(x, axes, &mut self.0, start, |total, run| run.iter().copied().fold(total, one), one);
        cast_into(&self.0, DType::F32, out);
    }
}

impl OpState for Accumulator {
    fn fork(&self) -> Box<dyn OpState> {
        Box::new(Self::default())
    }
}

/// Lengths, and the strides of several arrays.
struct Layout<const K: usize> {
    shape: Extents,
    strides: [Extents; K],
}

impl<const K: usize> Layout<K> {
    fn of(axes: impl Iterator<Item = usize> + Clone, shape: &[usize], strides: [&[usize]; K]) -> Self {
        let pick = |all: &[usize]| axes.clone().map(|axis| all[axis]).collect();
        Self { shape: pick(shape), strides: strides.map(pick) }
    }

    fn for_each_run(&self, run: impl FnMut([usize; K], [usize; K], usize)) {
        for_each_run(&self.shape, std::array::from_fn(|k| &self.strides[k][..]), run);
    }
}

/// Arrays of one shape as slices along some axes.
pub(crate) struct Slices<const K: usize> {
    outside: Layout<K>,
    inside: Layout<K>,
}

impl<const K: usize> Slices<K> {
    /// The slices along `axes`, which are sorted.
    pub(crate) fn along(axes: &[usize], shape: &[usize], strides: [&[usize]; K]) -> Self {
        let others = (0..shape.len()).filter(|axis| !axes.contains(axis));
        Self { outside: Layout::of(others, shape, strides), inside: Layout::of(axes.iter().copied(), shape, strides) }
    }

    /// Calls `slice` with the offsets of each slice, in row-major order.
    pub(crate) fn for_each(&self, mut slice: impl FnMut([usize; K])) {
        self.outside.for_each_run(|from, step, length| {
            (0..length).for_each(|i| slice(std::array::from_fn(|k| from[k] + i * step[k])));
        });
    }

    /// Calls `run(offsets, steps, length)` for each run of the slice at some offsets, in row-major order.
    pub(crate) fn inside(&self, from: [usize; K], mut run: impl FnMut([usize; K], [usize; K], usize)) {
        self.inside.for_each_run(|at, step, length| run(std::array::from_fn(|k| from[k] + at[k]), step, length));
    }
}
