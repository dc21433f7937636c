//! The door for optimisers and samplers: a value and its gradient at a point that is one packed slice of numbers.

use std::any::Any;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use kronograph_graph::{BuildError, Function, Result, RunError, Value, Variable};

use crate::dtype::DType;
use crate::tensor::{Extents, Tensor, TensorType, check_size, size_of_shape};

/// A compiled cost with its gradient, on packed vectors.
///
/// A point is one slice: the elements of the parameters one after another, each in row-major order. So is a gradient.
/// Evaluating takes `&mut self`, because it writes into the function's own buffers; [`fork`](Self::fork) makes one for
/// another thread.
#[derive(Debug)]
pub struct ValueAndGradient {
    function: Function,
    parameters: Arc<[Parameter]>,
    arguments: Vec<Box<dyn Value>>,
    dim: usize,
}

/// A parameter: its name, its shape, and its place in the packed vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    name: String,
    shape: Extents,
    range: Range<usize>,
}

impl Parameter {
    /// The name of the variable.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Where its elements are in the packed vector.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }
}

impl ValueAndGradient {
    /// The door of a function whose inputs are the parameters, and whose outputs are the cost and then one gradient
    /// for each parameter. Shared variables are no parameters.
    ///
    /// # Errors
    ///
    /// A parameter that is no f64 tensor of known lengths, or too large, or without a name of its own; outputs of
    /// another number, dtype or rank.
    pub fn new(function: Function) -> Result<Self> {
        let graph = function.graph();
        let bound = |values: &[_]| values.iter().map(|&value| graph.bind(value)).collect::<Vec<Variable>>();
        // Behind them are shared variables and their updates, which are not the caller's business.
        let inputs = bound(&graph.inputs()[..function.input_count()]);
        let outputs = bound(&graph.outputs()[..function.output_count()]);
        let parameters = parameters(&inputs)?;
        check_outputs(&inputs, &outputs)?;
        Ok(Self {
            dim: parameters.last().map_or(0, |last| last.range.end),
            arguments: arguments(&parameters),
            parameters: parameters.into(),
            function,
        })
    }

    /// The number of elements of all parameters together.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The parameters, in the order in which they are packed.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The function behind the door.
    pub fn function(&self) -> &Function {
        &self.function
    }

    /// The value at a point; its gradient is written to the slice. A steady call allocates nothing.
    ///
    /// Whether a sampler may reject the point and go on after an error is said by [`RunError::is_recoverable`].
    ///
    /// # Errors
    ///
    /// A slice of another length than [`dim`](Self::dim); what an op finds wrong with the numbers.
    pub fn eval(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64, RunError> {
        self.check("the point", x.len())?;
        self.check("the gradient", gradient.len())?;
        for (argument, parameter) in self.arguments.iter_mut().zip(self.parameters.iter()) {
            let argument = (&mut **argument as &mut dyn Any).downcast_mut::<Tensor>();
            let argument = argument.expect("every argument was made as a tensor");
            argument.reset::<f64>(&parameter.shape).copy_from_slice(&x[parameter.range.clone()]);
        }
        let outputs = self.function.call_boxed(&self.arguments)?;
        for (k, parameter) in self.parameters.iter().enumerate() {
            read(outputs.get(k + 1)?, &mut gradient[parameter.range.clone()])
                .map_err(|rule| RunError::Output { position: k + 1, rule })?;
        }
        outputs.scalar(0)
    }

    fn check(&self, what: &'static str, got: usize) -> Result<(), RunError> {
        if got == self.dim { Ok(()) } else { Err(RunError::Packed { what, want: self.dim, got }) }
    }

    /// The packed vector of parameters given by name, in any order.
    ///
    /// # Errors
    ///
    /// A name that is unknown, missing or given twice; numbers that are not as many as the parameter has elements.
    pub fn pack(&self, values: &[(&str, &[f64])]) -> Result<Vec<f64>, RunError> {
        let (mut x, mut given) = (vec![0.0; self.dim], HashSet::new());
        for &(name, numbers) in values {
            let range = self.parameter(name)?.range();
            if !given.insert(name) {
                return Err(wrong(name, "it is given twice"));
            }
            if numbers.len() != range.len() {
                return Err(wrong(name, format!("it has {} element(s), {} were given", range.len(), numbers.len())));
            }
            x[range].copy_from_slice(numbers);
        }
        match self.parameters.iter().find(|parameter| !given.contains(parameter.name())) {
            Some(missing) => Err(wrong(missing.name(), "it is not given")),
            None => Ok(x),
        }
    }

    /// The elements of one parameter in a packed vector, of a point or of a gradient.
    ///
    /// # Errors
    ///
    /// An unknown name, or a vector of another length than [`dim`](Self::dim).
    pub fn unpack<'x>(&self, x: &'x [f64], name: &str) -> Result<&'x [f64], RunError> {
        self.check("the packed vector", x.len())?;
        Ok(&x[self.parameter(name)?.range()])
    }

    fn parameter(&self, name: &str) -> Result<&Parameter, RunError> {
        let known = || self.parameters.iter().map(Parameter::name).collect::<Vec<_>>().join(", ");
        let found = self.parameters.iter().find(|parameter| parameter.name == name);
        found.ok_or_else(|| wrong(name, format!("there is none of this name; there are {}", known())))
    }

    /// The same value and gradient with buffers of its own, for another thread.
    pub fn fork(&self) -> Self {
        Self {
            function: self.function.fork(),
            parameters: self.parameters.clone(),
            arguments: arguments(&self.parameters),
            dim: self.dim,
        }
    }
}

fn wrong(name: &str, rule: impl Into<String>) -> RunError {
    RunError::Parameter { name: name.to_owned(), rule: rule.into() }
}

fn arguments(parameters: &[Parameter]) -> Vec<Box<dyn Value>> {
    let zeros = |parameter: &Parameter| Box::new(Tensor::zeros(DType::F64, &parameter.shape)) as Box<dyn Value>;
    parameters.iter().map(zeros).collect()
}

fn parameters(inputs: &[Variable]) -> Result<Vec<Parameter>> {
    let (mut parameters, mut names, mut at) = (Vec::new(), HashSet::new(), 0usize);
    for input in inputs {
        let refuse = |rule| BuildError::inputs("value_and_gradient", std::slice::from_ref(input), rule);
        let ty = input.type_as::<TensorType>().filter(|ty| ty.dtype() == DType::F64);
        let shape: Option<Extents> = ty.and_then(|ty| ty.lengths().iter().copied().collect());
        let shape = shape.ok_or_else(|| refuse("a parameter must be an f64 tensor whose lengths are all known"))?;
        let name = input.name().unwrap_or_default();
        if name.is_empty() || !names.insert(name) {
            return Err(refuse("a parameter must have a name of its own"));
        }
        let size = check_size(&shape).ok().and_then(|()| size_of_shape(&shape));
        let end = size.and_then(|size| at.checked_add(size)).ok_or_else(|| refuse("a parameter must fit in memory"))?;
        parameters.push(Parameter { name: name.to_owned(), shape, range: at..end });
        at = end;
    }
    Ok(parameters)
}

/// The cost is a scalar, and each gradient has the rank of its parameter.
fn check_outputs(inputs: &[Variable], outputs: &[Variable]) -> Result<()> {
    let f64_of_rank = |output: &Variable, rank: usize| {
        output.type_as::<TensorType>().is_some_and(|ty| ty.dtype() == DType::F64 && ty.rank() == rank)
    };
    let fits = match outputs {
        [cost, gradients @ ..] => {
            let ranks = inputs.iter().map(|input| input.ty().extents().len());
            f64_of_rank(cost, 0)
                && gradients.len() == inputs.len()
                && gradients.iter().zip(ranks).all(|(gradient, rank)| f64_of_rank(gradient, rank))
        }
        [] => false,
    };
    let rule = "the outputs must be an f64 scalar, and then one gradient for each input";
    if fits { Ok(()) } else { Err(BuildError::inputs("value_and_gradient", outputs, rule)) }
}

/// Copies a gradient out.
fn read(from: &Tensor, to: &mut [f64]) -> Result<(), String> {
    match from {
        Tensor::F64(array) if array.len() == to.len() => {
            match (array.as_slice(), to) {
                (Some([x]), [to]) => *to = *x,
                (Some(slice), to) => to.copy_from_slice(slice),
                (None, to) => to.iter_mut().zip(array.view().iter()).for_each(|(to, x)| *to = *x),
            }
            Ok(())
        }
        other => Err(format!("it is {}; {} element(s) of f64 are needed", other.describe(), to.len())),
    }
}
