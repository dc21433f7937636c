//! Cases that are compositions: their expression is read, and every function in it is looked up in the registry.

mod parse;
mod prose;

use std::collections::BTreeMap;

use kronograph::graph::{OpRegistry, Prop, Props};
use kronograph::prelude::*;

use parse::{Chain, Tree};

/// Expressions whose inputs come in another order than their names do.
const ORDER: &[(&str, &[&str])] =
    &[("mean(softplus(-y*dot(X, w)))", &["X", "w", "y"]), ("sum(y * structured_dot(multiply(x, x), y))", &["x", "y"])];

/// What a piece of an expression stands for.
#[derive(Clone, Debug)]
enum Item {
    One(Variable),
    Int(i64),
    Float(f64),
    Flag(bool),
    Word(String),
    Many(Vec<Item>),
}

type Found<T> = Result<T, String>;

/// What a number among the arguments of a function says, where it is no input.
const NUMBERS: &[(&str, &str)] = &[("sp_sum", "axis")];

/// The outputs of an expression of the inputs; parameters of the case go by their names.
pub(crate) fn build(registry: &OpRegistry, text: &str, inputs: &[Variable], params: &Props) -> Found<Vec<Variable>> {
    if let Some(prose) = prose::find(text) {
        return prose(registry, inputs);
    }
    let Chain { definition, body } = parse::parse(text)?;
    let (mut names, mut defined) = (Vec::new(), Vec::new());
    body.names(&mut names);
    if let Some((known, call)) = &definition {
        names.retain(|name| !known.contains(name));
        call.names(&mut names);
        defined.clone_from(known);
    }
    if let Some((_, order)) = ORDER.iter().find(|(known, _)| *known == text) {
        names = order.iter().map(|&name| name.to_owned()).collect();
    }
    names.retain(|name| params.get(name).is_none());
    if names.len() > inputs.len() {
        return Err(format!("the expression names {names:?}, there are {} inputs", inputs.len()));
    }
    let known = names.into_iter().zip(inputs.iter().cloned().map(Item::One)).collect();
    let mut builder = Builder { registry, known, params };
    if let Some((_, call)) = &definition {
        let items = match builder.item(call)? {
            Item::Many(items) => items,
            one => vec![one],
        };
        builder.known.extend(defined.into_iter().zip(items));
    }
    variables(builder.item(&body)?)
}

/// The variables of an item, in order.
fn variables(item: Item) -> Found<Vec<Variable>> {
    match item {
        Item::One(variable) => Ok(vec![variable]),
        Item::Many(items) => Ok(items.into_iter().map(variables).collect::<Found<Vec<_>>>()?.concat()),
        other => Err(format!("{other:?} is no variable")),
    }
}

struct Builder<'a> {
    registry: &'a OpRegistry,
    known: BTreeMap<String, Item>,
    params: &'a Props,
}

impl Builder<'_> {
    fn item(&mut self, tree: &Tree) -> Found<Item> {
        let all =
            |builder: &mut Self, trees: &[Tree]| trees.iter().map(|tree| builder.item(tree)).collect::<Found<_>>();
        match tree {
            Tree::Int(value) => Ok(Item::Int(*value)),
            Tree::Float(value) => Ok(Item::Float(*value)),
            Tree::Flag(value) => Ok(Item::Flag(*value)),
            Tree::Name(name) => Ok(self.known.get(name).cloned().unwrap_or_else(|| Item::Word(name.clone()))),
            Tree::Tuple(members) => Ok(Item::Many(all(self, members)?)),
            Tree::Operator("-", members) if members.len() == 1 => {
                let x = self.item(&members[0])?;
                self.call("neg", vec![x], Props::default())
            }
            Tree::Operator(sign, members) => {
                let members = all(self, members)?;
                self.operator(sign, members)
            }
            Tree::Transpose(x) => {
                let x = self.item(x)?;
                self.call("transpose", vec![x], Props::default())
            }
            Tree::Index(x, places) => {
                let x = self.item(x)?;
                let place = |place: &Option<i64>| match place {
                    Some(place) => Prop::Int(*place),
                    None => Prop::List(vec![Prop::None; 3]),
                };
                let index = Prop::list(places.iter().map(place).collect());
                self.call("subtensor", vec![x], Props::default().with("idx", index))
            }
            Tree::Length(x) => {
                let x = self.item(x)?;
                let squared = self.call("sqr", vec![x], Props::default())?;
                let total = self.call("sum", vec![squared], Props::default())?;
                self.call("sqrt", vec![total], Props::default())
            }
            Tree::Call(name, arguments, named) => {
                let arguments: Vec<Item> = all(self, arguments)?;
                let mut props = Props::default();
                for (name, value) in named {
                    props = props.with(name.clone(), self.parameter(value)?);
                }
                self.call(name, arguments, props)
            }
        }
    }

    fn parameter(&mut self, tree: &Tree) -> Found<Prop> {
        match self.item(tree)? {
            Item::Int(value) => Ok(Prop::Int(value)),
            Item::Float(value) => Ok(Prop::Float(value)),
            Item::Flag(value) => Ok(Prop::Bool(value)),
            Item::Word(word) => Ok(Prop::Word(word.into())),
            other => Err(format!("{other:?} is no parameter")),
        }
    }

    /// An op by name. A truth value among the arguments says which triangle a factor is, as in SciPy's pairs.
    fn call(&self, name: &str, arguments: Vec<Item>, mut props: Props) -> Found<Item> {
        let mut inputs = Vec::new();
        let mut open: Vec<Item> = arguments.into_iter().rev().collect();
        while let Some(item) = open.pop() {
            match item {
                Item::Many(items) => open.extend(items.into_iter().rev()),
                Item::Flag(lower) => props = props.with("lower", lower),
                Item::Int(value) if NUMBERS.iter().any(|(function, _)| *function == name) => {
                    let (_, parameter) = NUMBERS.iter().find(|(function, _)| *function == name).ok_or("no name")?;
                    props = props.with(*parameter, value);
                }
                Item::Word(word) if self.params.get(&word).is_some() => {
                    props = props.with(word.clone(), self.params.get(&word).cloned().unwrap_or(Prop::None));
                }
                Item::Int(value) => inputs.push(constant(value as f64)),
                Item::Float(value) => inputs.push(constant(value)),
                other => inputs.extend(variables(other)?),
            }
        }
        if name == "solve_triangular" && props.get("lower").is_none() {
            // The texts solve with factors of `cholesky`, which is the lower one unless they say otherwise.
            props = props.with("lower", true);
        }
        if name == "cast" && props.get("dtype").is_none() {
            props = props.with("dtype", "int64");
        }
        // The expressions leave out that a Cholesky factor is a lower triangle.
        if name == "solve_triangular" && props.get("lower").is_none() {
            props = props.with("lower", true);
        }
        let entry = self.registry.get(name).map_err(|error| error.to_string())?;
        let mut outputs = entry.build(&props, &inputs).map_err(|error| error.to_string())?;
        Ok(match outputs.len() {
            1 => Item::One(outputs.remove(0)),
            _ => Item::Many(outputs.into_iter().map(Item::One).collect()),
        })
    }

    fn operator(&self, sign: &str, members: Vec<Item>) -> Found<Item> {
        let name = match sign {
            "+" => "add",
            "-" => "sub",
            "*" => "mul",
            "/" => "true_div",
            _ => "pow",
        };
        self.call(name, members, Props::default())
    }
}
