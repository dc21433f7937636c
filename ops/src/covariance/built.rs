//! A structure on parameters: its matrix, its derivatives, and what can be done with it, as expressions.

use kronograph_graph::{BuildError, Result, Variable, origin, rop};

use super::structure::Structure;
use crate::elemwise::{mul, sqr};
use crate::join::stack;
use crate::layout::transpose;
use crate::linalg::{Assume, matmul};
use crate::reduce::sum;
use crate::tensor::{Tensor, constant, tensor_type};

/// A matrix of some structure on parameters.
///
/// Every method builds an expression, by the structure: a Kronecker product is not formed by a solve, a log-determinant
/// or a product. Only [`matrix`](Self::matrix) and what is built on it forms the matrix.
///
/// ```
/// use kronograph_ops::covariance::Structure;
/// use kronograph_ops::{scalar, vector};
///
/// let v = Structure::ar1(50)?.build_natural(&[("sigma^2", scalar("s")), ("rho", scalar("rho"))])?;
/// let whitened = v.quadratic(&vector("y"))?;
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Covariance {
    structure: Structure,
    /// In the order of the structure's parameters.
    values: Vec<Given>,
    operands: Vec<Covariance>,
}

/// A parameter's expressions.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) natural: Variable,
    /// The raw number, if that is what was given.
    pub(super) raw: Option<Variable>,
    /// How to move it; `None` if it is fixed.
    pub(super) direction: Option<Direction>,
}

/// What has to be moved to move a parameter.
#[derive(Clone, Debug)]
pub(super) enum Direction {
    Scalar(Variable),
    Element { vector: Variable, position: usize, count: usize },
}

impl Given {
    /// With the natural value under the parameter's name, unless it is the user's own variable.
    pub(super) fn named(self, name: &str) -> Self {
        if self.natural.owner().is_some() {
            return Self { natural: self.natural.named(name), ..self };
        }
        self
    }
}

impl Covariance {
    pub(super) fn assemble(structure: &Structure, values: Vec<Given>) -> Result<Self> {
        let own = structure.kind().parameters().len();
        let mapped = match structure.kind().operand_parameters() {
            None => None,
            Some(map) => {
                let naturals: Vec<Variable> = values[..own].iter().map(|given| given.natural.clone()).collect();
                Some(map(&naturals)?)
            }
        };
        let theirs = match mapped {
            None => values[own..].to_vec(),
            Some(naturals) => fill(structure, naturals)?,
        };
        let mut rest = &theirs[..];
        let mut operands = Vec::with_capacity(structure.operands().len());
        for operand in structure.operands() {
            let (mine, after) = rest.split_at(operand.parameters().len());
            operands.push(Self::assemble(operand, mine.to_vec())?);
            rest = after;
        }
        Ok(Self { structure: structure.clone(), values, operands })
    }

    /// The structure.
    pub fn structure(&self) -> &Structure {
        &self.structure
    }

    /// The operands, on their parts of the parameters.
    pub fn operands(&self) -> &[Covariance] {
        &self.operands
    }

    /// Rows and columns.
    pub fn shape(&self) -> [usize; 2] {
        self.structure.shape()
    }

    /// A parameter on the natural scale.
    ///
    /// # Errors
    ///
    /// When there is no such parameter.
    #[track_caller]
    pub fn param(&self, name: &str) -> Result<Variable> {
        Ok(self.values[self.structure.position(name)?].natural.clone())
    }

    /// A parameter on the raw scale, if that is what was given.
    pub fn raw_param(&self, name: &str) -> Option<Variable> {
        self.values[self.structure.position(name).ok()?].raw.clone()
    }

    /// The structure's own parameters on the natural scale, without those of operands.
    pub fn own_params(&self) -> Vec<Variable> {
        let own = self.structure.kind().parameters().len();
        self.values[..own].iter().map(|given| given.natural.clone()).collect()
    }

    /// What is known of the matrix when it is solved with.
    pub fn assume(&self) -> Assume {
        self.structure.kind().assume(self)
    }

    /// The matrix itself.
    ///
    /// # Errors
    ///
    /// What building the expression finds wrong.
    #[track_caller]
    pub fn matrix(&self) -> Result<Variable> {
        let _scope = origin::here();
        self.structure.kind().matrix(self)
    }

    /// The derivatives of the matrix by each free parameter that was given, with its name: by forward mode.
    ///
    /// # Errors
    ///
    /// As [`matrix`](Self::matrix) and [`rop`].
    #[track_caller]
    pub fn jacobian(&self) -> Result<Vec<(String, Variable)>> {
        let _scope = origin::here();
        let matrix = [self.matrix()?];
        let moved = self.structure.parameters().iter().zip(&self.values);
        let moved = moved.filter_map(|(parameter, given)| Some((parameter.name(), given.direction.as_ref()?)));
        moved
            .map(|(name, direction)| {
                let tangent = match direction {
                    Direction::Scalar(scalar) => rop(&matrix, std::slice::from_ref(scalar), &[constant(1.0)])?,
                    Direction::Element { vector, position, count } => {
                        let unit = (0..*count).map(|k| f64::from(u8::from(k == *position))).collect();
                        rop(&matrix, std::slice::from_ref(vector), &[constant(Tensor::vector(unit))])?
                    }
                };
                Ok((name.to_owned(), tangent.into_iter().next().expect("one output has one tangent")))
            })
            .collect()
    }

    /// The derivatives of the matrix as one tensor (parameters, rows, columns); `None` without free parameters.
    ///
    /// # Errors
    ///
    /// As [`jacobian`](Self::jacobian).
    #[track_caller]
    pub fn jacobian_tensor(&self) -> Result<Option<Variable>> {
        let _scope = origin::here();
        let slices: Vec<Variable> = self.jacobian()?.into_iter().map(|(_, slice)| slice).collect();
        if slices.is_empty() { Ok(None) } else { stack(&slices, 0).map(Some) }
    }

    /// `V x` for a vector x, or for the columns of a matrix.
    ///
    /// # Errors
    ///
    /// When x is not as long as V is wide.
    #[track_caller]
    pub fn matmul(&self, x: &Variable) -> Result<Variable> {
        self.matmul_axis(x, 0)
    }

    /// [`matmul`](Self::matmul) along any axis of x.
    ///
    /// # Errors
    ///
    /// As [`matmul`](Self::matmul); also when there is no such axis.
    #[track_caller]
    pub fn matmul_axis(&self, x: &Variable, axis: usize) -> Result<Variable> {
        let _scope = origin::here();
        self.check("matmul", x, axis, self.shape()[1])?;
        self.structure.kind().matmul(self, x, axis)
    }

    /// `V⁻¹ b` for a vector b, or for the columns of a matrix.
    ///
    /// # Errors
    ///
    /// When V is not square, or b is not as long; at run time, when V is singular, or is no covariance (recoverable).
    #[track_caller]
    pub fn solve(&self, b: &Variable) -> Result<Variable> {
        self.solve_axis(b, 0)
    }

    /// [`solve`](Self::solve) along any axis of b.
    ///
    /// # Errors
    ///
    /// As [`solve`](Self::solve); also when there is no such axis.
    #[track_caller]
    pub fn solve_axis(&self, b: &Variable, axis: usize) -> Result<Variable> {
        let _scope = origin::here();
        self.check("solve", b, axis, self.order()?)?;
        self.structure.kind().solve(self, b, axis)
    }

    /// `ln|det V|`.
    ///
    /// # Errors
    ///
    /// When V is not square; at run time, when it is no covariance (recoverable).
    #[track_caller]
    pub fn logdet(&self) -> Result<Variable> {
        let _scope = origin::here();
        self.order()?;
        self.structure.kind().logdet(self)
    }

    /// `W x` along an axis of x, for some W with `Wᵀ W = V⁻¹`; `None` where that is no cheaper than a solve.
    ///
    /// # Errors
    ///
    /// As [`solve_axis`](Self::solve_axis).
    #[track_caller]
    pub fn whiten_axis(&self, x: &Variable, axis: usize) -> Result<Option<Variable>> {
        let _scope = origin::here();
        self.check("whiten", x, axis, self.order()?)?;
        self.structure.kind().whiten(self, x, axis)
    }

    /// `L z` for the Cholesky factor L of V: from numbers of variance 1 to numbers of covariance V.
    ///
    /// # Errors
    ///
    /// As [`solve`](Self::solve); also when V is not [assumed](Self::assume) to be a covariance.
    #[track_caller]
    pub fn cholesky_matmul(&self, z: &Variable) -> Result<Variable> {
        self.cholesky_matmul_axis(z, 0)
    }

    /// [`cholesky_matmul`](Self::cholesky_matmul) along any axis of z.
    ///
    /// # Errors
    ///
    /// As [`cholesky_matmul`](Self::cholesky_matmul); also when there is no such axis.
    #[track_caller]
    pub fn cholesky_matmul_axis(&self, z: &Variable, axis: usize) -> Result<Variable> {
        let _scope = origin::here();
        if !matches!(self.assume(), Assume::Positive(_)) {
            return Err(self.structure.wrong("it is no covariance, and only those have a Cholesky factor"));
        }
        self.check("cholesky_matmul", z, axis, self.order()?)?;
        self.structure.kind().cholesky_matmul(self, z, axis)
    }

    /// The diagonal of V.
    ///
    /// # Errors
    ///
    /// What building the expression finds wrong.
    #[track_caller]
    pub fn diagonal(&self) -> Result<Variable> {
        let _scope = origin::here();
        self.structure.kind().diagonal(self)
    }

    /// `yᵀ V⁻¹ y` for a vector y.
    ///
    /// # Errors
    ///
    /// As [`solve`](Self::solve); also when y is no vector.
    #[track_caller]
    pub fn quadratic(&self, y: &Variable) -> Result<Variable> {
        let _scope = origin::here();
        if tensor_type("quadratic", y)?.rank() != 1 {
            return Err(BuildError::inputs("quadratic", std::slice::from_ref(y), "a vector is needed"));
        }
        match self.whiten_axis(y, 0)? {
            Some(white) => sum(&sqr(&white)?),
            None => sum(&mul(y, &self.solve(y)?)?),
        }
    }

    /// `Xᵀ V⁻¹ Y` for vectors or the columns of matrices.
    ///
    /// # Errors
    ///
    /// As [`solve`](Self::solve).
    #[track_caller]
    pub fn inner(&self, x: &Variable, y: &Variable) -> Result<Variable> {
        let _scope = origin::here();
        match (self.whiten_axis(x, 0)?, self.whiten_axis(y, 0)?) {
            (Some(x), Some(y)) => matmul(&transpose(&x)?, &y),
            _ => matmul(&transpose(x)?, &self.solve(y)?),
        }
    }

    /// The scalar c, if V is `c I` whatever the parameters are.
    pub(super) fn multiple_of_identity(&self) -> Result<Option<Variable>> {
        self.structure.kind().multiple_of_identity(self)
    }

    /// The number of rows, which is that of columns.
    #[track_caller]
    pub(super) fn order(&self) -> Result<usize> {
        match self.shape() {
            [rows, columns] if rows == columns => Ok(rows),
            [rows, columns] => Err(self.structure.wrong(format!("it must be square, it is ({rows}, {columns})"))),
        }
    }

    #[track_caller]
    fn check(&self, what: &str, x: &Variable, axis: usize, length: usize) -> Result<()> {
        let lengths = tensor_type(what, x)?.lengths();
        match lengths.get(axis) {
            Some(own) if own.is_none_or(|own| own == length) => Ok(()),
            _ => {
                let rule = format!("axis {axis} must have length {length}, as {} has", self.structure.kind().name());
                Err(BuildError::inputs(what.to_owned(), std::slice::from_ref(x), rule))
            }
        }
    }
}

/// What a map gave for the free parameters of the operands, with the fixed ones between.
#[track_caller]
fn fill(structure: &Structure, naturals: Vec<Variable>) -> Result<Vec<Given>> {
    let free: usize = structure.operands().iter().map(|operand| operand.free_parameters().count()).sum();
    if naturals.len() != free {
        let rule = format!("{free} parameters of its operand are free, the map gave {}", naturals.len());
        return Err(structure.wrong(rule));
    }
    let mut naturals = naturals.into_iter();
    let parameters = structure.operands().iter().flat_map(|operand| operand.parameters());
    let natural = |fixed: Option<f64>| match fixed {
        Some(value) => constant(value),
        None => naturals.next().expect("as many as are free"),
    };
    let naturals: Vec<Variable> = parameters.map(|parameter| parameter.fixed()).map(natural).collect();
    Ok(naturals.into_iter().map(|natural| Given { natural, raw: None, direction: None }).collect())
}
