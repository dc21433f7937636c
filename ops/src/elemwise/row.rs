//! What one row of the table holds.

use std::fmt;
use std::hash::{Hash, Hasher};

use kronograph_graph::{Inputs, OpResult, Result, Variable, Why};

use super::switch::{Masked, switch};
use crate::dtype::DType;
use crate::elemwise;

pub(crate) type Map1<T, O> = fn(&[T], usize, &mut [O]);
pub(crate) type Map2<T, O> = fn(&[T], usize, &[T], usize, &mut [O]);
pub(crate) type Map3<T> = fn([&[T]; 3], [usize; 3], &mut [T]);
/// One element, and loops over registers that lie anywhere, for programs: where to read the operands of each element.
pub(crate) type One1 = fn(f64) -> f64;
pub(crate) type One2 = fn(f64, f64) -> f64;
pub(crate) type Pick1 = fn(&[f64], &[u32], &mut [f64]);
pub(crate) type Pick2 = fn(&[f64], &[[u32; 2]], &mut [f64]);
pub(crate) type Pick3 = fn(&[f64], &[[u32; 3]], &mut [f64]);

/// An elementwise function of one, two or three tensors.
pub struct Row {
    /// The op's name.
    pub name: &'static str,
    /// The name of the function that applies it to what a sparse matrix stores.
    pub structured: &'static str,
    /// The loops, by dtype.
    pub(crate) kernel: Kernel,
    /// What must be refused before the loops run, where a dtype has no result for some values.
    pub(crate) refuse: Option<fn(&Inputs<'_>) -> OpResult>,
    /// The dtype of the result for inputs that were promoted to a common dtype.
    pub(crate) result: DtypeRule,
    /// The diagonal of the Jacobian for each input, from the inputs and the output.
    pub(crate) partials: fn(&[Variable], &Variable) -> Result<Vec<Partial>>,
    /// Whether the function of zero is zero, so that a sparse form keeps its pattern.
    pub keeps_zero: bool,
    /// For each input an interval in which the function is smooth, where it is sampled; the last one also serves the
    /// inputs behind it.
    pub domain: &'static [(f64, f64)],
    /// How many of the first inputs are whole numbers that say which function of a family is meant.
    pub orders: usize,
    /// For each input the values at which conventions are proved: not numbers, infinities, zeros of both signs, poles,
    /// borders of the domain.
    pub edges: &'static [&'static [f64]],
}

/// Loops by dtype; a missing one means that the dtype is converted or refused. In the registers of a program, which
/// are f64, truth values are 0 and 1: `mask`, and `one` and `pick` of what gives truth values, work on those.
pub(crate) enum Kernel {
    Unary {
        f64: Map1<f64, f64>,
        f32: Map1<f32, f32>,
        one: One1,
        pick: Pick1,
        int: Option<IntUnary>,
        bool: Option<Map1<bool, bool>>,
    },
    Binary {
        f64: Map2<f64, f64>,
        f32: Map2<f32, f32>,
        one: One2,
        pick: Pick2,
        int: Option<IntBinary>,
        bool: Option<Map2<bool, bool>>,
    },
    Ternary {
        f64: Map3<f64>,
        f32: Map3<f32>,
        pick: Pick3,
        int: Option<IntTernary>,
    },
    /// What asks something of a float.
    Test {
        f64: Map1<f64, bool>,
        f32: Map1<f32, bool>,
        mask: Map1<f64, f64>,
        one: One1,
        pick: Pick1,
    },
    Compare {
        f64: Map2<f64, bool>,
        f32: Map2<f32, bool>,
        mask: Map2<f64, f64>,
        one: One2,
        pick: Pick2,
        int: IntCompare,
        bool: Map2<bool, bool>,
    },
    /// Bit by bit; of truth values, the logical operation.
    Bits1 {
        mask: Map1<f64, f64>,
        one: One1,
        pick: Pick1,
        int: IntUnary,
        bool: Map1<bool, bool>,
    },
    Bits2 {
        mask: Map2<f64, f64>,
        one: One2,
        pick: Pick2,
        int: IntBinary,
        bool: Map2<bool, bool>,
    },
    /// Integers only.
    Shift {
        int: IntBinary,
    },
}

macro_rules! by_integer {
    ($($(#[$doc:meta])+ $name:ident, $map:ident<$out:tt>;)+) => { $(
        $(#[$doc])+
        pub(crate) struct $name {
            pub(crate) u8: by_integer!(@map $map u8 $out),
            pub(crate) i8: by_integer!(@map $map i8 $out),
            pub(crate) i32: by_integer!(@map $map i32 $out),
            pub(crate) i64: by_integer!(@map $map i64 $out),
        }
    )+ };
    (@map Map3 $t:ident same) => { Map3<$t> };
    (@map $map:ident $t:ident same) => { $map<$t, $t> };
    (@map $map:ident $t:ident bool) => { $map<$t, bool> };
}

by_integer! {
    /// Loops over integers of each width.
    IntUnary, Map1<same>;
    /// Loops over pairs of integers of each width.
    IntBinary, Map2<same>;
    /// Loops over triples of integers of each width.
    IntTernary, Map3<same>;
    /// Comparisons of integers of each width.
    IntCompare, Map2<bool>;
}

/// The dtype in which a row works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DtypeRule {
    /// That of the promoted inputs.
    Same,
    /// Float: integers and truth values are converted.
    Float,
    /// That of the promoted inputs, where truth values count as i32.
    Count,
    /// Truth values, whatever the inputs are.
    Truth,
}

impl Row {
    /// The number of inputs.
    pub fn arity(&self) -> usize {
        match self.kernel {
            Kernel::Unary { .. } | Kernel::Test { .. } | Kernel::Bits1 { .. } => 1,
            Kernel::Binary { .. } | Kernel::Compare { .. } | Kernel::Bits2 { .. } | Kernel::Shift { .. } => 2,
            Kernel::Ternary { .. } => 3,
        }
    }

    /// Whether it has no slopes: it gives truth values, or works on integers only.
    pub fn is_discrete(&self) -> bool {
        self.result == DtypeRule::Truth || self.working_dtype(DType::F64).is_none()
    }

    /// The interval in which an input is sampled.
    pub fn domain_of(&self, input: usize) -> (f64, f64) {
        self.domain.get(input).or(self.domain.last()).copied().unwrap_or((-2.0, 2.0))
    }

    /// The dtype that the inputs are converted to, or `None` if the function has no meaning for `promoted`.
    pub(crate) fn working_dtype(&self, promoted: DType) -> Option<DType> {
        let (float, int, truth) = match &self.kernel {
            Kernel::Unary { int, bool, .. } => (true, int.is_some(), bool.is_some()),
            Kernel::Binary { int, bool, .. } => (true, int.is_some(), bool.is_some()),
            Kernel::Ternary { int, .. } => (true, int.is_some(), false),
            Kernel::Compare { .. } => (true, true, true),
            Kernel::Test { .. } => return Some(promoted.to_float()),
            Kernel::Bits1 { .. } | Kernel::Bits2 { .. } => (false, true, true),
            Kernel::Shift { .. } => (false, true, false),
        };
        match promoted {
            DType::F32 | DType::F64 => float.then_some(promoted),
            other if self.result == DtypeRule::Float => Some(other.to_float()),
            DType::Bool if self.result == DtypeRule::Count => Some(DType::I32),
            DType::Bool => truth.then_some(DType::Bool),
            integer => int.then_some(integer),
        }
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Row {}

impl Hash for Row {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// One entry of the diagonal Jacobian of an elementwise function, said so that no needless product is built.
#[derive(Clone, Debug)]
pub enum Partial {
    /// The derivative is zero almost everywhere.
    Zero,
    /// The derivative is one.
    One,
    /// The derivative is minus one.
    MinusOne,
    /// The derivative is this number.
    Scale(f64),
    /// The derivative is this.
    Times(Variable),
    /// The derivative is one where this truth value holds, else zero; what is masked out is never multiplied.
    Mask(Variable),
    /// There is none.
    Undefined(Why),
}

impl Partial {
    /// The partial derivative times `g`; `None` where it is zero, or where there is none.
    pub(crate) fn times(&self, g: &Variable) -> Result<Option<Variable>> {
        Ok(Some(match self {
            Partial::Zero | Partial::Undefined(_) => return Ok(None),
            Partial::One => g.clone(),
            Partial::MinusOne => match Masked::of(g) {
                Some(masked) => masked.map(elemwise::neg)?,
                None => elemwise::neg(g)?,
            },
            Partial::Scale(factor) => match Masked::of(g) {
                Some(masked) => masked.map(|g| elemwise::mul(g, *factor))?,
                None => elemwise::mul(g, *factor)?,
            },
            Partial::Times(d) => match Masked::of(g) {
                Some(masked) => masked.map(|g| elemwise::mul(g, d))?,
                None => elemwise::mul(g, d)?,
            },
            Partial::Mask(mask) => switch(mask, g, 0.0)?,
        }))
    }
}
