//! What a check of derivatives found wrong.

use std::fmt;

use crate::origin::Origin;

/// Which mode is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Reverse mode (`l_op`, `grad`).
    Reverse,
    /// Forward mode (`r_op`).
    Forward,
    /// Both.
    Both,
    /// The modes differ by less than can be measured.
    Either,
}

/// A wrong derivative.
#[derive(Clone, Debug)]
pub struct GradFault {
    /// Which mode is wrong.
    pub wrong: Wrong,
    /// The order of the derivative: 1 for a gradient, 2 for the derivative of one.
    pub order: usize,
    /// The seed that leads here again.
    pub seed: u64,
    /// The input that was moved, by name or short expression.
    pub input: String,
    /// The direction it was moved in.
    pub direction: Vec<f64>,
    /// The slope by reverse mode.
    pub reverse: f64,
    /// The slope by forward mode.
    pub forward: f64,
    /// The slope by differences.
    pub measured: f64,
    /// The estimate of the latter's error.
    pub error: f64,
    /// The element by which the derivative is most wrong.
    pub worst: Option<Coordinate>,
    /// The smallest part of the expression that is wrong by itself.
    pub blame: Option<Blame>,
}

/// One element of an input.
#[derive(Clone, Debug, PartialEq)]
pub struct Coordinate {
    /// Its position: row-major in a tensor, among the stored entries in a sparse matrix.
    pub position: usize,
    /// The derivative that was returned.
    pub returned: f64,
    /// The derivative that was measured.
    pub measured: f64,
}

/// Part of an expression whose own derivative is wrong.
#[derive(Clone, Debug)]
pub struct Blame {
    /// Its ops, from the inputs on; one, where it could be narrowed down to one.
    pub ops: Vec<String>,
    /// Where the last of them was built.
    pub origin: Origin,
}

impl fmt::Display for GradFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { order, seed, input, reverse, forward, measured, error, .. } = self;
        let wrong = match self.wrong {
            Wrong::Reverse => "reverse mode is wrong",
            Wrong::Forward => "forward mode is wrong",
            Wrong::Both => "both modes are wrong",
            Wrong::Either => "the two modes disagree",
        };
        write!(f, "order {order}, by `{input}`: {wrong}\n  slope: reverse {reverse:.10e}, forward {forward:.10e}, ")?;
        write!(f, "measured {measured:.10e} ± {error:.1e}")?;
        if let Some(Coordinate { position, returned, measured }) = &self.worst {
            write!(f, "\n  worst at element {position}: {returned:.6e} was returned, {measured:.6e} is measured")?;
        }
        match &self.blame {
            Some(Blame { ops, origin }) if ops.len() == 1 => {
                write!(f, "\n  the op to blame is {} at {origin}", ops[0])?
            }
            Some(Blame { ops, origin }) => write!(f, "\n  to blame is one of {} at {origin}", ops.join(", "))?,
            None => f.write_str("\n  no part of the expression is wrong by itself")?,
        }
        let shown: Vec<String> = self.direction.iter().take(6).map(|x| format!("{x:.3}")).collect();
        let more = if self.direction.len() > 6 { ", .." } else { "" };
        write!(f, "\n  seed {seed}, direction [{}{more}]", shown.join(", "))
    }
}
