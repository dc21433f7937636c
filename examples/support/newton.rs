//! Newton's method with the engine's own gradient and Hessian.

use kronograph::graph::Outputs;
use kronograph::prelude::*;

use super::Outcome;

/// Value, gradient and Hessian of a log-likelihood as one compiled function, and a step from them as another.
pub(crate) struct Newton {
    pub(crate) function: Function,
    step: Function,
    /// The lengths of the parameters; 1 for a scalar, which `scalars` tells from a vector.
    lengths: Vec<usize>,
    scalars: Vec<bool>,
}

/// Where Newton's method came to rest.
pub(crate) struct Fit {
    pub(crate) theta: Vec<f64>,
    pub(crate) loglik: f64,
    pub(crate) max_abs_grad: f64,
    /// Standard errors from the observed information.
    pub(crate) errors: Vec<f64>,
    pub(crate) steps: usize,
    pub(crate) decrement: f64,
}

impl Newton {
    /// For a log-likelihood in scalars and vectors of known lengths. The more a parameter costs to differentiate by,
    /// the earlier it should stand: the Hessian's blocks below the diagonal are those above it.
    pub(crate) fn new(parameters: &[Variable], loglik: &Variable) -> Outcome<Self> {
        let mut outputs = vec![loglik.clone()];
        outputs.extend(grad(loglik, parameters)?);
        outputs.extend(hessian(loglik, parameters)?.into_iter().flatten());
        let lengths = |parameter: &Variable| parameter.ty().extents().iter().copied().product::<Option<usize>>();
        let lengths: Option<Vec<usize>> = parameters.iter().map(lengths).collect();
        let scalars = parameters.iter().map(|parameter| parameter.ty().extents().is_empty()).collect();
        let lengths = lengths.ok_or("the lengths of all parameters must be known")?;
        Ok(Self { function: compile(parameters, &outputs, &Mode::run())?, step: newton_step()?, lengths, scalars })
    }

    fn call(&mut self, theta: &[f64]) -> Outcome<Result<Outputs, RunError>> {
        let (mut rest, mut values) = (theta, Vec::new());
        for (&length, &scalar) in self.lengths.iter().zip(&self.scalars) {
            let (part, after) = rest.split_at(length);
            values.push(if scalar { Tensor::scalar(part[0]) } else { Tensor::vector(part.to_vec()) });
            rest = after;
        }
        let arguments: Vec<&dyn Value> = values.iter().map(|value| value as &dyn Value).collect();
        Ok(self.function.call(&arguments))
    }

    /// Maximises over the first `free` parameters, until the Newton decrement is below 1e-12, and takes one step more:
    /// convergence is quadratic there, so that step is for the last digits.
    pub(crate) fn maximise(&mut self, start: &[f64], free: usize) -> Outcome<Fit> {
        let mut theta = start.to_vec();
        let mut converged = false;
        for steps in 0..100 {
            let (loglik, gradient, information) = self.derivatives(&theta, free)?;
            let out = self.step.call(&[&information, &Tensor::vector(gradient.clone())])?;
            let (step, decrement) = (out.get::<Tensor>(0)?.to_vec::<f64>()?, out.scalar(1)?);
            if converged {
                let errors = out.get::<Tensor>(2)?.to_vec()?;
                let max_abs_grad = gradient.iter().fold(0.0, |largest: f64, g| largest.max(g.abs()));
                return Ok(Fit { theta, loglik, max_abs_grad, errors, steps, decrement });
            }
            converged = decrement.abs() < 1e-12;
            theta = self.line_search(&theta, &step, loglik)?;
        }
        Err("Newton's method did not come to rest in 100 steps".into())
    }

    /// Log-likelihood, gradient and observed information (minus the Hessian) in the free parameters.
    fn derivatives(&mut self, theta: &[f64], free: usize) -> Outcome<(f64, Vec<f64>, Tensor)> {
        let out = self.call(theta)??;
        let count = self.lengths.len();
        let (mut gradient, mut information) = (Vec::new(), vec![0.0; free * free]);
        for k in 0..count {
            gradient.extend(out.get::<Tensor>(1 + k)?.to_vec::<f64>()?);
        }
        gradient.truncate(free);
        let start = |k: usize| self.lengths[..k].iter().sum::<usize>();
        for (i, j) in (0..count).flat_map(|i| (0..count).map(move |j| (i, j))) {
            let block = out.get::<Tensor>(1 + count + i * count + j)?.to_vec::<f64>()?;
            for (at, second) in block.iter().enumerate() {
                let (row, column) = (start(i) + at / self.lengths[j], start(j) + at % self.lengths[j]);
                if row < free && column < free {
                    information[row * free + column] = -second;
                }
            }
        }
        Ok((out.scalar(0)?, gradient, Tensor::new(&[free, free], information)?))
    }

    /// Halves the step until the log-likelihood does not fall; a singular system counts as a fall.
    fn line_search(&mut self, theta: &[f64], step: &[f64], loglik: f64) -> Outcome<Vec<f64>> {
        let mut length = 1.0;
        while length > 1e-10 {
            let moved: Vec<f64> = (0..theta.len()).map(|k| theta[k] + length * step.get(k).unwrap_or(&0.0)).collect();
            match self.call(&moved)? {
                // The last steps gain less than rounding in the sum of the terms.
                Ok(out) if out.scalar(0)? >= loglik - 1e-9 => return Ok(moved),
                Ok(_) => {}
                Err(error) if error.is_recoverable() => {}
                Err(error) => return Err(error.into()),
            }
            length /= 2.0;
        }
        Err("no step along Newton's direction raises the log-likelihood".into())
    }
}

/// From information J and gradient g: the step `J⁻¹ g`, the decrement `gᵀ J⁻¹ g` and the standard errors. A Cholesky
/// factor, so that a J which is not positive definite is an error.
fn newton_step() -> Outcome<Function> {
    let (information, gradient) = (matrix("J"), vector("g"));
    let factor = cholesky_factor(&information)?;
    let step = factor_solve(&factor, &gradient, Trans::No)?;
    let decrement = matmul(&gradient, &step)?;
    let identity = eye(Dim::axis(&information, 0))?;
    let variances = sum_axes(&(factor_solve(&factor, &identity, Trans::No)? * identity), &[1])?;
    Ok(compile(&[information, gradient], &[step, decrement, sqrt(&variances)?], &Mode::run())?)
}

/// Least squares, for a start: `β = (XᵀX)⁻¹ Xᵀy`, and the mean square of what it leaves.
pub(crate) fn least_squares(x: &Variable, y: &Variable) -> Outcome<Vec<f64>> {
    let xt = transpose(x)?;
    let normal = cholesky_factor(&matmul(&xt, x)?)?;
    let beta = factor_solve(&normal, &matmul(&xt, y)?, Trans::No)?;
    let variance = mean(&sqr(&(y - matmul(x, &beta)?))?)?;
    let out = compile(&[], &[beta, variance], &Mode::run())?.call(&[])?;
    let mut start = out.get::<Tensor>(0)?.to_vec::<f64>()?;
    start.push(out.scalar(1)?);
    Ok(start)
}
