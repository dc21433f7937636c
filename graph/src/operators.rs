//! The operators `+ - * /` and unary minus on variables.
//!
//! Rust wants the operator impls beside [`Variable`], but what they mean is for the operands' types to say: each
//! operator asks the left type, then the right one. A literal takes the dtype of the other operand within its kind.
//! Operators cannot return a `Result`, so they panic with the message that their `try_` twin returns.

use crate::error::{BuildError, Result};
use crate::op::Op;
use crate::origin;
use crate::variable::Variable;

/// A binary operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// `a + b`.
    Add,
    /// `a - b`.
    Sub,
    /// `a * b`, elementwise.
    Mul,
    /// `a / b`, elementwise.
    Div,
    /// The matrix product.
    MatMul,
    /// NumPy's `dot`.
    Dot,
}

/// A unary operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryVerb {
    /// `-a`.
    Neg,
    /// The transpose: the axes in reverse order.
    Transpose,
}

/// An operand: a variable, or a literal, which is weakly typed.
#[derive(Clone, Copy, Debug)]
pub enum Operand<'a> {
    /// A variable.
    Variable(&'a Variable),
    /// A literal truth value.
    Bool(bool),
    /// A literal integer.
    Int(i64),
    /// A literal float.
    Float(f64),
}

impl<'a> Operand<'a> {
    /// The variable, if it is one.
    pub fn variable(self) -> Option<&'a Variable> {
        match self {
            Operand::Variable(variable) => Some(variable),
            Operand::Bool(_) | Operand::Int(_) | Operand::Float(_) => None,
        }
    }
}

macro_rules! operand_from {
    ($($from:ty => |$x:ident| $to:expr;)+) => { $(
        impl<'a> From<$from> for Operand<'a> {
            fn from($x: $from) -> Self {
                $to
            }
        }
    )+ };
}

operand_from! {
    &'a Variable => |x| Operand::Variable(x);
    bool => |x| Operand::Bool(x);
    i32 => |x| Operand::Int(x.into());
    i64 => |x| Operand::Int(x);
    f64 => |x| Operand::Float(x);
}

/// Applies a binary operator: asks the left operand's type what it means, then the right one's.
///
/// # Errors
///
/// When neither type takes the operands, or the operands' shapes do not fit.
#[track_caller]
pub fn binary<'a>(verb: Verb, left: impl Into<Operand<'a>>, right: impl Into<Operand<'a>>) -> Result<Variable> {
    let _scope = origin::here();
    let (left, right) = (left.into(), right.into());
    let asked = [left, right].into_iter().filter_map(Operand::variable);
    for variable in asked {
        if let Some(answer) = variable.ty().binary(verb, left, right) {
            return answer;
        }
    }
    let variables: Vec<Variable> = [left, right].into_iter().filter_map(|o| o.variable().cloned()).collect();
    Err(BuildError::inputs(
        verb_name(verb),
        &variables,
        "neither type gives this operator a meaning for these operands",
    ))
}

/// Applies a unary operator.
///
/// # Errors
///
/// When the operator has no meaning for the operand's type.
#[track_caller]
pub fn unary(verb: UnaryVerb, operand: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let name = match verb {
        UnaryVerb::Neg => "neg",
        UnaryVerb::Transpose => "transpose",
    };
    operand.ty().unary(verb, operand).unwrap_or_else(|| {
        Err(BuildError::inputs(name, std::slice::from_ref(operand), "its type gives this operator no meaning"))
    })
}

/// What the function of an op means for operands of other types than it was made for: the first answer of their types,
/// `None` when none of them has one.
pub fn overloaded(op: &dyn Op, operands: &[Operand<'_>]) -> Option<Result<Variable>> {
    let variables = operands.iter().filter_map(|operand| operand.variable());
    variables.into_iter().find_map(|variable| variable.ty().overload(op, operands))
}

fn verb_name(verb: Verb) -> &'static str {
    match verb {
        Verb::Add => "add",
        Verb::Sub => "sub",
        Verb::Mul => "mul",
        Verb::Div => "true_div",
        Verb::MatMul => "matmul",
        Verb::Dot => "dot",
    }
}

#[track_caller]
fn or_panic(result: Result<Variable>) -> Variable {
    match result {
        Ok(variable) => variable,
        Err(error) => panic!("{error}"),
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident $twin:ident $verb:ident;)+) => { $(
        impl Variable {
            #[doc = concat!("The operator's twin that returns an error instead of panicking: `", stringify!($method), "`.")]
            ///
            /// # Errors
            ///
            /// When the operands' types or shapes do not fit.
            #[track_caller]
            pub fn $twin<'a>(&'a self, right: impl Into<Operand<'a>>) -> Result<Variable> {
                binary(Verb::$verb, self, right)
            }
        }

        operators! { @pair $trait $method $verb; &Variable, &Variable; |l, r| l, r }
        operators! { @pair $trait $method $verb; &Variable, Variable; |l, r| l, &r }
        operators! { @pair $trait $method $verb; Variable, &Variable; |l, r| &l, r }
        operators! { @pair $trait $method $verb; Variable, Variable; |l, r| &l, &r }
        operators! { @pair $trait $method $verb; &Variable, f64; |l, r| l, r }
        operators! { @pair $trait $method $verb; Variable, f64; |l, r| &l, r }
        operators! { @pair $trait $method $verb; f64, &Variable; |l, r| l, r }
        operators! { @pair $trait $method $verb; f64, Variable; |l, r| l, &r }
        operators! { @pair $trait $method $verb; &Variable, i64; |l, r| l, r }
        operators! { @pair $trait $method $verb; Variable, i64; |l, r| &l, r }
        operators! { @pair $trait $method $verb; i64, &Variable; |l, r| l, r }
        operators! { @pair $trait $method $verb; i64, Variable; |l, r| l, &r }
    )+ };
    (@pair $trait:ident $method:ident $verb:ident; $left:ty, $right:ty; |$l:ident, $r:ident| $lx:expr, $rx:expr) => {
        impl std::ops::$trait<$right> for $left {
            type Output = Variable;

            #[track_caller]
            fn $method(self, right: $right) -> Variable {
                let ($l, $r) = (self, right);
                or_panic(binary(Verb::$verb, $lx, $rx))
            }
        }
    };
}

operators! {
    Add add try_add Add;
    Sub sub try_sub Sub;
    Mul mul try_mul Mul;
    Div div try_div Div;
}

impl std::ops::Neg for &Variable {
    type Output = Variable;

    #[track_caller]
    fn neg(self) -> Variable {
        or_panic(unary(UnaryVerb::Neg, self))
    }
}

impl std::ops::Neg for Variable {
    type Output = Variable;

    #[track_caller]
    fn neg(self) -> Variable {
        or_panic(unary(UnaryVerb::Neg, &self))
    }
}
