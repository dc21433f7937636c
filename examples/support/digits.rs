//! Handwritten digits, and softmax regression on features of them: `p(label = c | x) ∝ exp(x · w_c + b_c)`.

use std::path::Path;

use kronograph::ops::{argmax_axes, log_softmax_axes};
use kronograph::prelude::*;

use super::{Outcome, Table};

pub(crate) const SIDE: usize = 8;
pub(crate) const PIXELS: usize = SIDE * SIDE;
pub(crate) const CLASSES: usize = 10;
/// So many images are learnt from.
pub(crate) const TRAINING: usize = 1438;

/// Images as rows of pixels between 0 and 16, and what they show.
pub(crate) struct Images {
    pub(crate) pixels: Vec<f64>,
    pub(crate) labels: Vec<usize>,
}

impl Images {
    pub(crate) fn read(path: &Path) -> Outcome<Self> {
        let table = Table::read(path)?;
        let columns = (0..PIXELS).map(|k| table.numbers(&format!("p{}{}", k / SIDE, k % SIDE)));
        let columns = columns.collect::<Outcome<Vec<_>>>()?;
        let labels: Vec<usize> = table.numbers("label")?.into_iter().map(|label| label as usize).collect();
        if let Some(label) = labels.iter().find(|&&label| label >= CLASSES) {
            return Err(format!("{label} is no digit").into());
        }
        let pixels = (0..labels.len()).flat_map(|row| columns.iter().map(move |column| column[row])).collect();
        Ok(Self { pixels, labels })
    }

    /// The first ones, and the rest.
    pub(crate) fn split(mut self, count: usize) -> (Self, Self) {
        let count = count.min(self.labels.len());
        let (pixels, labels) = (self.pixels.split_off(count * PIXELS), self.labels.split_off(count));
        (self, Self { pixels, labels })
    }

    /// A row for each image.
    pub(crate) fn matrix(&self) -> Outcome<Variable> {
        Ok(constant(Tensor::new(&[self.labels.len(), PIXELS], self.pixels.clone())?))
    }

    /// Ones where the label is, zeros elsewhere.
    fn one_hot(&self) -> Outcome<Variable> {
        let row = |&label: &usize| (0..CLASSES).map(move |class| f64::from(class == label));
        Ok(constant(Tensor::new(&[self.labels.len(), CLASSES], self.labels.iter().flat_map(row).collect())?))
    }
}

/// Softmax regression on a number of features, with a penalty on the weights.
pub(crate) struct Softmax {
    features: usize,
    /// The weights of each feature for each class, and the bias of each class.
    parameters: [Variable; 2],
}

impl Softmax {
    pub(crate) fn new(features: usize) -> Self {
        let weights = tensor("weights", DType::F64, &[Some(features), Some(CLASSES)]);
        Self { features, parameters: [weights, tensor("biases", DType::F64, &[Some(CLASSES)])] }
    }

    /// Unnormalised log-probabilities, of shape (images, classes).
    fn scores(&self, features: &Variable) -> Outcome<Variable> {
        let [weights, biases] = &self.parameters;
        Ok(matmul(features, weights)? + biases)
    }

    /// Mean cross-entropy of images with these features, and `lambda / 2` times the squared weights, with the gradient.
    pub(crate) fn cost(&self, features: &Variable, images: &Images, lambda: f64) -> Outcome<ValueAndGradient> {
        let log_probabilities = log_softmax_axes(&self.scores(features)?, &[1])?;
        let chosen = sum_axes(&(log_probabilities * images.one_hot()?), &[1])?;
        let cross_entropy = (-mean(&chosen)?).named("cross_entropy");
        let penalty = 0.5 * lambda * sum(&sqr(&self.parameters[0])?)?;
        Ok(value_and_gradient(&(cross_entropy + penalty), &self.parameters, &Mode::run())?)
    }

    /// The share of images whose largest score is that of their label.
    pub(crate) fn accuracy(&self, features: &Variable, images: &Images, point: &[f64]) -> Outcome<f64> {
        let labels: Vec<i64> = images.labels.iter().map(|&label| label as i64).collect();
        let right = eq(&argmax_axes(&self.scores(features)?, &[1])?, &constant(labels))?;
        let mut function = compile(&self.parameters, &[mean(&cast(&right, DType::F64)?)?], &Mode::run())?;
        let (weights, biases) = point.split_at(self.features * CLASSES);
        let weights = Tensor::new(&[self.features, CLASSES], weights.to_vec())?;
        Ok(function.call(&[&weights, &Tensor::vector(biases.to_vec())])?.scalar(0)?)
    }
}
