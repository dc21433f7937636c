//! Expressions as parameters of ops: a function of its inputs, compared by structure.
//!
//! An op that runs a graph of its own (`map`, an op made from a graph) holds it frozen, so that two such ops are
//! equal when their graphs are: same ops, same wiring, same types, constants of the same bits. Names and source lines
//! do not count.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::error::{BuildError, Result};
use crate::fgraph::FunctionGraph;
use crate::function::Function;
use crate::op::OpRef;
use crate::origin;
use crate::substitute::substitute;
use crate::types::TypeRef;
use crate::value::Value;
use crate::variable::{Variable, VariableKey};
use crate::walk::{AddressMap, toposort};

/// An expression with its inputs, as a value: a function that has not been called.
#[derive(Clone)]
pub struct Frozen(Arc<Inner>);

struct Inner {
    inputs: Vec<Variable>,
    outputs: Vec<Variable>,
    /// The same, as what is compared.
    form: Form,
}

struct Form {
    inputs: Vec<TypeRef>,
    constants: Vec<(TypeRef, Arc<dyn Value>)>,
    nodes: Vec<(OpRef, SmallVec<[Place; 2]>)>,
    outputs: Vec<Place>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Input(u32),
    Constant(u32),
    Output(u32, u32),
}

impl Frozen {
    /// Freezes an expression.
    ///
    /// # Errors
    ///
    /// As [`FunctionGraph::new`]: inputs that repeat or are no free variables, free variables that are no inputs.
    #[track_caller]
    pub fn new(inputs: &[Variable], outputs: &[Variable]) -> Result<Self> {
        let graph = FunctionGraph::new(inputs, outputs)?;
        if let Some(&shared) = graph.inputs().get(inputs.len()) {
            let rule = "a frozen graph takes what it uses as inputs; make this shared variable one of them";
            return Err(BuildError::inputs("frozen graph", &[graph.bind(shared)], rule));
        }
        let form = Form::new(inputs, outputs);
        Ok(Self(Arc::new(Inner { inputs: inputs.to_vec(), outputs: outputs.to_vec(), form })))
    }

    /// Freezes what depends on some free variables; what does not is computed outside and handed in.
    ///
    /// Returns the frozen part, whose inputs are the parameters and then the captured variables, and the latter.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    #[track_caller]
    pub fn closure(parameters: &[Variable], outputs: &[Variable]) -> Result<(Self, Vec<Variable>)> {
        let _scope = origin::here();
        let mut inside: AddressMap<VariableKey, ()> = parameters.iter().map(|p| (p.key(), ())).collect();
        let mut captured = Vec::new();
        let mut seen: AddressMap<VariableKey, ()> = AddressMap::default();
        let mut capture = |variable: &Variable, inside: &AddressMap<VariableKey, ()>| {
            let outside = !inside.contains_key(&variable.key()) && variable.constant().is_none();
            if outside && seen.insert(variable.key(), ()).is_none() {
                captured.push(variable.clone());
            }
        };
        for node in toposort(outputs) {
            if node.inputs().iter().any(|input| inside.contains_key(&input.key())) {
                node.inputs().iter().for_each(|input| capture(input, &inside));
                inside.extend(node.outputs().iter().map(|output| (output.key(), ())));
            }
        }
        outputs.iter().for_each(|output| capture(output, &inside));
        let stand_in =
            |variable: &Variable| Variable::input(&crate::print::expression_text(variable), variable.ty().clone());
        let stand_ins: Vec<Variable> = captured.iter().map(stand_in).collect();
        let pairs: Vec<_> = captured.iter().cloned().zip(stand_ins.iter().cloned()).collect();
        let outputs = substitute(outputs, &pairs)?;
        Ok((Self::new(&[parameters, &stand_ins[..]].concat(), &outputs)?, captured))
    }

    /// The free variables that stand for the arguments.
    pub fn inputs(&self) -> &[Variable] {
        &self.0.inputs
    }

    /// The outputs, in terms of the inputs.
    pub fn outputs(&self) -> &[Variable] {
        &self.0.outputs
    }

    /// The outputs in terms of arguments: the expression written out.
    ///
    /// # Errors
    ///
    /// Arguments of a wrong number or type.
    #[track_caller]
    pub fn apply(&self, arguments: &[Variable]) -> Result<Vec<Variable>> {
        let _scope = origin::here();
        if arguments.len() != self.inputs().len() {
            return Err(BuildError::arity("frozen graph", self.inputs().len(), arguments));
        }
        let pairs: Vec<_> = self.inputs().iter().cloned().zip(arguments.iter().cloned()).collect();
        substitute(self.outputs(), &pairs)
    }

    /// A function of it, equal nodes merged.
    ///
    /// # Errors
    ///
    /// As [`Function::plan`].
    pub fn plan(&self) -> Result<Function> {
        let mut graph = FunctionGraph::new(self.inputs(), self.outputs())?;
        graph.merge()?;
        Function::plan(graph)
    }
}

impl Form {
    fn new(inputs: &[Variable], outputs: &[Variable]) -> Self {
        let mut places: AddressMap<VariableKey, Place> = AddressMap::default();
        places.extend(inputs.iter().enumerate().map(|(k, input)| (input.key(), Place::Input(k as u32))));
        let types = inputs.iter().map(|input| input.ty().clone()).collect();
        let mut form = Self { inputs: types, constants: Vec::new(), nodes: Vec::new(), outputs: Vec::new() };
        for node in toposort(outputs) {
            let wiring = node.inputs().iter().map(|input| form.place(input, &mut places)).collect();
            let at = form.nodes.len() as u32;
            form.nodes.push((node.op().clone(), wiring));
            let made = node.outputs().into_iter().enumerate();
            places.extend(made.map(|(k, output)| (output.key(), Place::Output(at, k as u32))));
        }
        form.outputs = outputs.iter().map(|output| form.place(output, &mut places)).collect();
        form
    }

    fn place(&mut self, variable: &Variable, places: &mut AddressMap<VariableKey, Place>) -> Place {
        *places.entry(variable.key()).or_insert_with(|| {
            let value = variable.constant().expect("`Frozen::new` checked that every free variable is an input");
            self.constants.push((variable.ty().clone(), value.clone()));
            Place::Constant(self.constants.len() as u32 - 1)
        })
    }
}

impl PartialEq for Frozen {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.0.form, &other.0.form);
        Arc::ptr_eq(&self.0, &other.0)
            || a.outputs == b.outputs
                && a.inputs.len() == b.inputs.len()
                && a.inputs.iter().zip(&b.inputs).all(|(a, b)| a.same_type(&**b))
                && a.nodes.len() == b.nodes.len()
                && a.nodes.iter().zip(&b.nodes).all(|(a, b)| a.1 == b.1 && a.0.same_op(&*b.0))
                && a.constants.len() == b.constants.len()
                && a.constants.iter().zip(&b.constants).all(|(a, b)| a.0.same_type(&*b.0) && a.1.same_bits(&*b.1))
    }
}

impl Eq for Frozen {}

impl Hash for Frozen {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let form = &self.0.form;
        form.inputs.iter().for_each(|ty| ty.digest_type(state));
        form.constants.iter().for_each(|(_, value)| value.digest(state));
        form.nodes.iter().for_each(|(op, wiring)| {
            op.digest_op(state);
            wiring.hash(state);
        });
        form.outputs.hash(state);
    }
}

impl fmt::Debug for Frozen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.outputs().iter().map(crate::print::expression_text).collect();
        write!(f, "Frozen({} inputs, {} nodes: {})", self.inputs().len(), self.0.form.nodes.len(), texts.join(", "))
    }
}
