//! The sizes of the factors of a Kronecker structure, where the factors themselves are not given.

use kronograph_graph::{BuildError, Dim, Params, Result, Shape, Variable};

use crate::layout::{ExtentSpec, Lowered, check_scalars, lower, shape_param, size_of};
use crate::tensor::tensor_type;

/// Sizes that are all known or terms of which they can be computed.
#[derive(Clone, Debug)]
pub(super) struct Dims {
    op: &'static str,
    dims: Shape,
}

impl Dims {
    /// Sizes, of which there is at least one.
    #[track_caller]
    pub(super) fn of<D: Into<Dim>>(op: &'static str, dims: impl IntoIterator<Item = D>) -> Result<Self> {
        let dims: Shape = dims.into_iter().map(Into::into).collect();
        match dims.is_empty() {
            true => Err(BuildError::parameter(op, "there are no factors")),
            false => Ok(Self { op, dims }),
        }
    }

    /// The sizes that a parameter gives; those that it calls `input` are the values of scalars.
    pub(super) fn of_params(params: &Params<'_>, name: &str, scalars: &[Variable]) -> Result<Shape> {
        check_scalars("dims", scalars, 0)?;
        shape_param(params, name, scalars)
    }

    /// How many factors there are.
    pub(super) fn len(&self) -> usize {
        self.dims.len()
    }

    pub(super) fn as_slice(&self) -> &[Dim] {
        &self.dims
    }

    /// The product of all.
    pub(super) fn size(&self) -> Dim {
        size_of(&self.dims)
    }

    /// The sizes of what stands before factor `k`, of it, and of what stands behind it.
    #[track_caller]
    pub(super) fn around(&self, k: usize) -> Result<[Dim; 3]> {
        if k >= self.len() {
            return Err(BuildError::parameter(self.op, format!("there is no factor {k} of {}", self.len())));
        }
        Ok([size_of(&self.dims[..k]), self.dims[k].clone(), size_of(&self.dims[k + 1..])])
    }

    /// Checks that `m` may be a square matrix of the product of the sizes.
    #[track_caller]
    pub(super) fn check_square(&self, m: &Variable) -> Result<()> {
        self.check(m, 2, "a square matrix")
    }

    /// Checks that `v` may be a vector as long as the product of the sizes.
    #[track_caller]
    pub(super) fn check_vector(&self, v: &Variable) -> Result<()> {
        self.check(v, 1, "a vector")
    }

    #[track_caller]
    fn check(&self, x: &Variable, rank: usize, what: &str) -> Result<()> {
        let lengths = tensor_type(self.op, x)?.lengths();
        let want = self.size();
        let differs = |length: &Option<usize>| want.known().is_some_and(|want| length.is_some_and(|got| got != want));
        if lengths.len() == rank && !lengths.iter().any(differs) {
            return Ok(());
        }
        let size = want.known().map_or_else(|| "the product of the sizes".to_owned(), |want| want.to_string());
        Err(BuildError::inputs(self.op, std::slice::from_ref(x), format!("{what} of length {size} is needed")))
    }

    /// Sizes as parameters of an op, none of which is left to be inferred.
    #[track_caller]
    pub(super) fn given(&self, dims: &[Dim]) -> Result<Lowered> {
        let lowered = lower(dims)?;
        match lowered.spec.contains(&ExtentSpec::Infer) {
            true => Err(BuildError::parameter(self.op, "every size must be given")),
            false => Ok(lowered),
        }
    }

    /// [`given`](Self::given) for some of the factors: the sizes, and the scalars that the op reads others from.
    #[track_caller]
    pub(super) fn lowered<const N: usize>(&self, dims: [Dim; N]) -> Result<([ExtentSpec; N], Vec<Variable>)> {
        let Lowered { spec, inputs } = self.given(&dims)?;
        Ok((std::array::from_fn(|k| spec[k]), inputs))
    }
}
