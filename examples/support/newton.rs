//! Newton's method with the engine's own gradient and Hessian.

use kronograph::prelude::*;

use super::Outcome;

/// Value, gradient and Hessian of a log-likelihood as one compiled function, and a step from them as another.
pub(crate) struct Newton {
    pub(crate) function: Function,
    step: Function,
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
    /// For a log-likelihood in a vector.
    pub(crate) fn new(theta: &Variable, loglik: &Variable) -> Outcome<Self> {
        let wrt = std::slice::from_ref(theta);
        let curvature = hessian(loglik, wrt)?.remove(0).remove(0);
        let outputs = [loglik.clone(), grad(loglik, wrt)?.remove(0), curvature];
        Ok(Self { function: compile(wrt, &outputs, &Mode::run())?, step: newton_step()? })
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
        let point = Tensor::vector(theta.to_vec());
        let out = self.function.call(&[&point])?;
        let gradient = out.get::<Tensor>(1)?.to_vec::<f64>()?[..free].to_vec();
        let curvature = out.get::<Tensor>(2)?.to_vec::<f64>()?;
        let rows = curvature.chunks_exact(theta.len()).take(free);
        let information = rows.flat_map(|row| row[..free].iter().map(|h| -h)).collect();
        Ok((out.scalar(0)?, gradient, Tensor::new(&[free, free], information)?))
    }

    /// Halves the step until the log-likelihood does not fall; a singular system counts as a fall.
    fn line_search(&mut self, theta: &[f64], step: &[f64], loglik: f64) -> Outcome<Vec<f64>> {
        let mut length = 1.0;
        while length > 1e-10 {
            let moved: Vec<f64> = (0..theta.len()).map(|k| theta[k] + length * step.get(k).unwrap_or(&0.0)).collect();
            match self.function.call(&[&Tensor::vector(moved.clone())]) {
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
