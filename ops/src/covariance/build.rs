//! From parameters to a covariance: raw numbers as one vector or by name, or natural numbers by name.

use kronograph_graph::{BuildError, Result, Variable, origin};

use super::built::{Covariance, Direction, Given};
use super::parameter::ParameterSpec;
use super::structure::Structure;
use crate::dtype::DType;
use crate::elemwise::cast;
use crate::index::{Index, subtensor};
use crate::layout::specify_shape;
use crate::tensor::{constant, tensor_type};

/// The scale on which parameters are given by name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scale {
    Raw,
    Natural,
}

impl Structure {
    /// The covariance on a vector of raw numbers: one for each free parameter, in their order.
    ///
    /// # Errors
    ///
    /// When `raw` is no vector, or known to be of another length; at run time, when it is of another length.
    #[track_caller]
    pub fn build(&self, raw: &Variable) -> Result<Covariance> {
        let _scope = origin::here();
        let (name, count) = (self.kind().name(), self.free_parameters().count());
        let ty = tensor_type(name, raw)?;
        if ty.rank() != 1 || ty.lengths()[0].is_some_and(|length| length != count) {
            let rule = format!("the raw parameters are a vector of {count} numbers, for {}", free_list(self));
            return Err(BuildError::inputs(name, std::slice::from_ref(raw), rule));
        }
        let raw = specify_shape(&cast(raw, DType::F64)?, [count])?;
        let mut at = 0;
        let give = |parameter: &ParameterSpec| {
            let position = at;
            at += 1;
            let own = subtensor(&raw, &[Index::at(position as i64)])?;
            given(parameter, &own, Direction::Element { vector: raw.clone(), position, count })
        };
        self.assembled(give)
    }

    /// The covariance on raw numbers by name: a scalar for each free parameter, in any order.
    ///
    /// # Errors
    ///
    /// When a name is missing, unexpected or there twice, or a variable is no scalar.
    #[track_caller]
    pub fn build_raw(&self, raw: &[(&str, Variable)]) -> Result<Covariance> {
        let _scope = origin::here();
        self.by_name(raw, Scale::Raw)
    }

    /// The covariance on natural numbers by name, which are not transformed.
    ///
    /// Jacobians are by these numbers, then.
    ///
    /// # Errors
    ///
    /// As [`build_raw`](Self::build_raw).
    #[track_caller]
    pub fn build_natural(&self, values: &[(&str, Variable)]) -> Result<Covariance> {
        let _scope = origin::here();
        self.by_name(values, Scale::Natural)
    }

    #[track_caller]
    fn by_name(&self, given_by_name: &[(&str, Variable)], scale: Scale) -> Result<Covariance> {
        for (k, (name, variable)) in given_by_name.iter().enumerate() {
            let parameter = &self.parameters()[self.position(name)?];
            if parameter.fixed().is_some() || given_by_name[..k].iter().any(|(before, _)| before == name) {
                return Err(self.wrong(format!("the parameter `{name}` is fixed, or is given twice")));
            }
            if tensor_type(self.kind().name(), variable)?.rank() != 0 {
                let rule = format!("a scalar is needed for the parameter `{name}`");
                return Err(BuildError::inputs(self.kind().name(), std::slice::from_ref(variable), rule));
            }
        }
        self.assembled(|parameter| {
            let found = given_by_name.iter().find(|(name, _)| *name == parameter.name());
            let Some((name, variable)) = found else {
                return Err(self.wrong(format!("the parameter `{}` is missing", parameter.name())));
            };
            let own = cast(variable, DType::F64)?;
            match scale {
                Scale::Raw => given(parameter, &own, Direction::Scalar(own.clone())),
                Scale::Natural => {
                    Ok(Given { natural: own.clone(), raw: None, direction: Some(Direction::Scalar(own)) }.named(name))
                }
            }
        })
    }

    /// The covariance with what a function gives for the free parameters, in their order.
    fn assembled(&self, mut give: impl FnMut(&ParameterSpec) -> Result<Given>) -> Result<Covariance> {
        let values = self.parameters().iter().map(|parameter| match parameter.fixed() {
            Some(value) => Ok(Given { natural: constant(value), raw: None, direction: None }),
            None => give(parameter),
        });
        Covariance::assemble(self, values.collect::<Result<_>>()?)
    }
}

/// A parameter of which the raw number is given.
fn given(parameter: &ParameterSpec, raw: &Variable, direction: Direction) -> Result<Given> {
    let natural = parameter.transform().forward(raw)?;
    Ok(Given { natural, raw: Some(raw.clone()), direction: Some(direction) }.named(parameter.name()))
}

fn free_list(structure: &Structure) -> String {
    let names = structure.free_param_names();
    if names.is_empty() { "no free parameter".to_owned() } else { names.join(", ") }
}
