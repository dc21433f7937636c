//! Lengths that are given to an op: numbers, scalar inputs, or what the others leave.
//!
//! Known lengths are parameters of an op; symbolic ones become scalar i64 inputs, so that rewriting sees them.

use kronograph_graph::{BuildError, Dim, DimView, Io, OpFailure, Params, Prop, Result, Shape, Variable};
use smallvec::SmallVec;

use super::dim_variable;
use crate::dtype::DType;
use crate::tensor::{Extents, Lengths};

/// One length of a shape that is given to an op.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ExtentSpec {
    /// A number.
    Known(usize),
    /// The value of the next scalar input.
    Input,
    /// What the other lengths leave.
    Infer,
}

/// A shape split into what is known when the op is made and what its inputs say.
pub(crate) struct Lowered {
    pub(crate) spec: SmallVec<[ExtentSpec; 4]>,
    pub(crate) inputs: Vec<Variable>,
}

/// Splits a shape; unknown dimensions are to be inferred.
pub(crate) fn lower(dims: &[Dim]) -> Result<Lowered> {
    let mut lowered = Lowered { spec: SmallVec::new(), inputs: Vec::new() };
    for dim in dims {
        lowered.spec.push(match (dim.known(), dim.view()) {
            (Some(length), _) => ExtentSpec::Known(length),
            (None, DimView::Unknown) => ExtentSpec::Infer,
            (None, _) => {
                lowered.inputs.push(dim_variable(dim)?);
                ExtentSpec::Input
            }
        });
    }
    Ok(lowered)
}

impl ExtentSpec {
    /// The static length that it promises.
    pub(crate) fn known(self) -> Option<usize> {
        match self {
            ExtentSpec::Known(length) => Some(length),
            ExtentSpec::Input | ExtentSpec::Infer => None,
        }
    }

    /// The dimensions that a list of them stands for; `inputs` are the node's scalar inputs.
    pub(crate) fn dims(spec: &[ExtentSpec], inputs: &[Variable]) -> Shape {
        let mut scalars = inputs.iter();
        let dim = |spec: &ExtentSpec| match spec {
            ExtentSpec::Known(length) => Dim::from(*length),
            ExtentSpec::Input => scalars.next().map_or(Dim::UNKNOWN, Dim::value_of),
            ExtentSpec::Infer => Dim::UNKNOWN,
        };
        spec.iter().map(dim).collect()
    }

    /// How many of them are inputs.
    pub(crate) fn inputs(spec: &[ExtentSpec]) -> usize {
        spec.iter().filter(|spec| **spec == ExtentSpec::Input).count()
    }

    /// How a list of them is printed: `[2, input, -1]`.
    pub(crate) fn prop(spec: &[ExtentSpec]) -> Prop {
        Self::prop_with(spec, &Prop::Int(-1))
    }

    /// The same, with what an open length is printed as.
    pub(crate) fn prop_with(spec: &[ExtentSpec], open: &Prop) -> Prop {
        let member = |spec: &ExtentSpec| match spec {
            ExtentSpec::Known(length) => Prop::from(*length),
            ExtentSpec::Infer => open.clone(),
            ExtentSpec::Input => Prop::from(INPUT),
        };
        Prop::list(spec.iter().map(member).collect())
    }

    /// Reads what is printed; an open length is -1 or `none`.
    ///
    /// # Errors
    ///
    /// When the parameter is absent, or holds something else.
    #[track_caller]
    pub(crate) fn parse(params: &Params<'_>, name: &str) -> Result<SmallVec<[ExtentSpec; 4]>> {
        let wrong = |got: &Prop| params.wrong(name, "lengths, each a number, -1 or `input`", got);
        let read = |member: &Prop| match member {
            Prop::Int(-1) | Prop::None => Ok(ExtentSpec::Infer),
            Prop::Int(length) => usize::try_from(*length).map(ExtentSpec::Known).map_err(|_| wrong(member)),
            Prop::Word(word) if word == INPUT => Ok(ExtentSpec::Input),
            other => Err(wrong(other)),
        };
        match params.get(name) {
            Some(Prop::Ints(_) | Prop::List(_)) => {
                params.maybe_list(name)?.unwrap_or_default().iter().map(read).collect()
            }
            Some(one) => Ok(smallvec::smallvec![read(one)?]),
            None => Err(wrong(&Prop::None)),
        }
    }
}

/// The word for a length that is an input.
const INPUT: &str = "input";

/// The shape that a parameter gives, where the lengths that it calls `input` are the values of scalars.
///
/// # Errors
///
/// When it is no shape, or there are not as many scalars.
#[track_caller]
pub(crate) fn shape_param(params: &Params<'_>, name: &str, scalars: &[Variable]) -> Result<Shape> {
    let spec = ExtentSpec::parse(params, name)?;
    let inputs = ExtentSpec::inputs(&spec);
    if inputs != scalars.len() {
        return Err(params.arity(inputs, scalars));
    }
    Ok(ExtentSpec::dims(&spec, scalars))
}

/// The lengths at run time, with an inferred one as `None`; scalar inputs are read from position `from` on.
pub(crate) fn lengths_at_run_time(spec: &[ExtentSpec], io: &Io<'_>, from: usize) -> Result<Lengths, OpFailure> {
    let mut position = from;
    let mut lengths = Lengths::new();
    for spec in spec {
        lengths.push(match spec {
            ExtentSpec::Known(length) => Some(*length),
            ExtentSpec::Infer => None,
            ExtentSpec::Input => {
                let value = io.inputs.value(position)?.as_index().ok_or(OpFailure::WrongValue(position))?;
                position += 1;
                let length = usize::try_from(value);
                Some(length.map_err(|_| OpFailure::Shapes(format!("a length of {value} was asked for")))?)
            }
        });
    }
    Ok(lengths)
}

/// Checks that scalar inputs are integers.
pub(crate) fn check_scalars(op: &'static str, inputs: &[Variable], from: usize) -> Result<()> {
    for input in &inputs[from..] {
        let ty = crate::tensor::tensor_type(op, input)?;
        if ty.rank() != 0 || ty.dtype() == DType::Bool || ty.dtype().is_float() {
            return Err(BuildError::inputs(op, std::slice::from_ref(input), "a length is an integer scalar"));
        }
    }
    Ok(())
}

/// An inline copy of lengths that are all known.
pub(crate) fn all_known(lengths: &[Option<usize>]) -> Option<Extents> {
    lengths.iter().copied().collect()
}
