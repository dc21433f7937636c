//! The size of a draw, and how parameters fit it.

use kronograph_graph::{BuildError, Dim, Result, Shape, Variable, shape_of};

use crate::broadcasting::{align, common_dims_of};
use crate::layout::broadcast_to;

/// The shape of a draw: lengths as [`reshape`](crate::reshape) takes them, or `None` for that of the parameters.
///
/// ```
/// use kronograph_graph::shape_of;
/// use kronograph_ops::random::{normal, rng_state};
/// use kronograph_ops::vector;
///
/// let (rng, x) = (rng_state("rng"), vector("x"));
/// assert_eq!(normal(&rng, 0.0, 1.0, [3, 4])?.1.ty().to_string(), "f64 (3, 4)");
/// assert_eq!(normal(&rng, 0.0, 1.0, shape_of(&x))?.1.ty().to_string(), "f64 (?,)");
/// assert_eq!(normal(&rng, &x, 1.0, None)?.1.ty().to_string(), "f64 (?,)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Size(Option<Shape>);

impl From<Option<Shape>> for Size {
    fn from(shape: Option<Shape>) -> Self {
        Self(shape)
    }
}

impl From<Shape> for Size {
    fn from(shape: Shape) -> Self {
        Self(Some(shape))
    }
}

impl<D: Into<Dim>, const N: usize> From<[D; N]> for Size {
    fn from(lengths: [D; N]) -> Self {
        Self(Some(lengths.into_iter().map(Into::into).collect()))
    }
}

impl<D: Into<Dim>> From<Vec<D>> for Size {
    fn from(lengths: Vec<D>) -> Self {
        Self(Some(lengths.into_iter().map(Into::into).collect()))
    }
}

impl<D: Into<Dim> + Clone> From<&[D]> for Size {
    fn from(lengths: &[D]) -> Self {
        Self(Some(lengths.iter().cloned().map(Into::into).collect()))
    }
}

impl Size {
    /// A given size with a further axis at its end.
    pub(super) fn with_last(self, last: Dim) -> Option<Self> {
        self.0.map(|dims| dims.into_iter().chain([last]).collect::<Shape>().into())
    }

    /// A given size with the last two axes of a shape at its end; `None` stays.
    pub(super) fn with_matrix(self, shape: Shape) -> Self {
        let core = shape.len().saturating_sub(2);
        Self(self.0.map(|dims| dims.into_iter().chain(shape.into_iter().skip(core)).collect()))
    }

    /// The shape of a draw with these parameters.
    ///
    /// # Errors
    ///
    /// When a length is unknown, or a parameter does not broadcast to the size.
    #[track_caller]
    pub(super) fn dims(self, op: &'static str, parameters: &[Variable]) -> Result<Shape> {
        let Some(dims) = self.0 else {
            let aligned = align(op, parameters)?.inputs;
            let shapes: Vec<Shape> = aligned.iter().map(shape_of).collect();
            return Ok(common_dims_of(&aligned, &shapes));
        };
        match parameters.iter().find(|parameter| !fits(parameter.ty().extents(), &dims)) {
            None => Ok(dims),
            Some(parameter) => {
                let lengths: Vec<String> = dims.iter().map(Dim::to_string).collect();
                let rule = format!("it does not broadcast to the size ({})", lengths.join(", "));
                Err(BuildError::inputs(op, std::slice::from_ref(parameter), rule))
            }
        }
    }

    /// The parameters repeated to the shape of a draw.
    ///
    /// # Errors
    ///
    /// As [`dims`](Self::dims).
    #[track_caller]
    pub(super) fn spread<const N: usize>(self, op: &'static str, parameters: [Variable; N]) -> Result<[Variable; N]> {
        if N == 1 && self.0.is_none() {
            return Ok(parameters);
        }
        let dims = self.dims(op, &parameters)?;
        let mut spread = parameters;
        for parameter in &mut spread {
            *parameter = broadcast_to(parameter, dims.clone())?;
        }
        Ok(spread)
    }
}

/// Whether axes of these static lengths may be repeated to a shape, without repeating it in turn.
fn fits(own: &[Option<usize>], dims: &[Dim]) -> bool {
    let pairs = || own.iter().rev().zip(dims.iter().rev());
    own.len() <= dims.len()
        && pairs().all(|(own, dim)| match (own, dim.known()) {
            (Some(1), _) => true,
            (Some(own), Some(length)) => *own == length,
            (None, Some(1)) => false,
            (_, None) | (None, Some(_)) => true,
        })
}
