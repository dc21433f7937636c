//! A structure whose parameters follow from other ones.

use std::fmt;

use kronograph_graph::{BuildError, Result, Variable};

use super::built::Covariance;
use super::kind::{ParameterMap, StructureKind};
use super::operands::Operands;
use super::parameter::ParameterSpec;
use super::structure::Structure;
use crate::linalg::Assume;
use crate::transform::Transform;

/// Another structure, whose parameters are functions of this one's.
struct Adapter {
    shape: [usize; 2],
    parameters: Vec<ParameterSpec>,
    map: Box<ParameterMap>,
}

impl Structure {
    /// A structure whose natural parameters are a function of other ones: of `parameters`, which are not transformed.
    ///
    /// The map gets their values in order, and gives one for each free parameter of the structure inside.
    ///
    /// ```
    /// use kronograph_ops::covariance::{ParameterSpec, Structure};
    /// use kronograph_ops::{Transform, exp, neg, scalar};
    ///
    /// // The correlation of neighbours at some distance, by a range in its units.
    /// let distance = 2.0;
    /// let range = ParameterSpec::new("range", Transform::Identity).with_default(1.0);
    /// let decay = Structure::adapter(Structure::ar1(8)?, [range], move |own| {
    ///     Ok(vec![kronograph_ops::constant(1.0), exp(&neg(&(distance / &own[0]))?)?])
    /// })?;
    /// assert_eq!(decay.param_names(), ["range"]);
    /// # Ok::<(), kronograph_graph::BuildError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When one of the parameters is transformed. A map that gives another number of values is an error of building.
    #[track_caller]
    pub fn adapter(
        inner: Structure,
        parameters: impl IntoIterator<Item = ParameterSpec>,
        map: impl Fn(&[Variable]) -> Result<Vec<Variable>> + Send + Sync + 'static,
    ) -> Result<Self> {
        let parameters: Vec<ParameterSpec> = parameters.into_iter().collect();
        if let Some(other) = parameters.iter().find(|parameter| *parameter.transform() != Transform::Identity) {
            let rule = format!("the parameter `{}` has a transform; the map is where it belongs", other.name());
            return Err(BuildError::parameter("adapter", rule));
        }
        let kind = Adapter { shape: inner.shape(), parameters, map: Box::new(map) };
        Self::operator(kind, Operands::default().with(inner))
    }
}

impl fmt::Debug for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adapter").field("shape", &self.shape).field("parameters", &self.parameters).finish()
    }
}

fn inner(v: &Covariance) -> &Covariance {
    &v.operands()[0]
}

impl StructureKind for Adapter {
    fn name(&self) -> &'static str {
        "adapter"
    }

    fn shape(&self) -> [usize; 2] {
        self.shape
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        self.parameters.clone()
    }

    fn operand_parameters(&self) -> Option<&ParameterMap> {
        Some(&*self.map)
    }

    fn assume(&self, v: &Covariance) -> Assume {
        inner(v).assume()
    }

    fn matrix(&self, v: &Covariance) -> Result<Variable> {
        inner(v).matrix()
    }

    fn matmul(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Variable> {
        inner(v).matmul_axis(x, axis)
    }

    fn solve(&self, v: &Covariance, b: &Variable, axis: usize) -> Result<Variable> {
        inner(v).solve_axis(b, axis)
    }

    fn logdet(&self, v: &Covariance) -> Result<Variable> {
        inner(v).logdet()
    }

    fn whiten(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Option<Variable>> {
        inner(v).whiten_axis(x, axis)
    }

    fn cholesky_matmul(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Variable> {
        inner(v).cholesky_matmul_axis(x, axis)
    }

    fn diagonal(&self, v: &Covariance) -> Result<Variable> {
        inner(v).diagonal()
    }

    fn multiple_of_identity(&self, v: &Covariance) -> Result<Option<Variable>> {
        inner(v).multiple_of_identity()
    }
}
