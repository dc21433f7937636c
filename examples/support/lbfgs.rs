//! The L-BFGS of argmin, on a cost that comes through the door for optimisers.

use std::sync::{Mutex, MutexGuard};

use argmin::core::{CostFunction, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use kronograph::prelude::*;

use super::Outcome;

/// Where the solver came to.
pub(crate) struct Minimum {
    pub(crate) point: Vec<f64>,
    pub(crate) value: f64,
    pub(crate) iterations: u64,
    /// Joint evaluations of value and gradient.
    pub(crate) evaluations: usize,
    /// Why it stopped, in the solver's words.
    pub(crate) status: String,
}

/// Minimises from a start until the norm of the gradient is small enough.
pub(crate) fn minimize(cost: ValueAndGradient, start: Vec<f64>, gradient: f64) -> Outcome<Minimum> {
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), 7).with_tolerance_grad(gradient)?.with_tolerance_cost(0.0)?;
    let run = Executor::new(Problem::new(cost), solver).configure(|state| state.param(start).max_iters(2000)).run()?;
    let state = run.state();
    Ok(Minimum {
        point: state.get_best_param().ok_or("the solver has no point")?.clone(),
        value: state.get_best_cost(),
        iterations: state.get_iter(),
        evaluations: run.problem().problem.as_ref().map_or(0, |problem| problem.cached().evaluations),
        status: state.get_termination_status().to_string(),
    })
}

/// Value and gradient for a solver that asks for them one after the other.
struct Problem(Mutex<Cached>);

struct Cached {
    cost: ValueAndGradient,
    point: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
    evaluations: usize,
}

impl Problem {
    fn new(cost: ValueAndGradient) -> Self {
        let gradient = vec![0.0; cost.dim()];
        Self(Mutex::new(Cached { cost, point: Vec::new(), value: f64::NAN, gradient, evaluations: 0 }))
    }

    fn cached(&self) -> MutexGuard<'_, Cached> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Cached {
    /// Evaluates both, unless the point is that of the last time.
    fn at(&mut self, point: &[f64]) -> Result<(), RunError> {
        if self.point != point {
            self.point.clear();
            self.value = self.cost.eval(point, &mut self.gradient)?;
            self.point.extend(point);
            self.evaluations += 1;
        }
        Ok(())
    }
}

impl CostFunction for Problem {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, point: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        let mut cached = self.cached();
        cached.at(point)?;
        Ok(cached.value)
    }
}

impl Gradient for Problem {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, point: &Vec<f64>) -> Result<Vec<f64>, argmin::core::Error> {
        let mut cached = self.cached();
        cached.at(point)?;
        Ok(cached.gradient.clone())
    }
}
