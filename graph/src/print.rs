//! Expressions as text: a tree for reading, a short form for errors.

use std::collections::HashMap;
use std::fmt::Write;

use crate::fgraph::{FunctionGraph, Producer, ValueId};
use crate::variable::{Apply, Variable, VariableKey};

/// How many levels of a tree are printed: lines grow with depth, so a deep chain would take quadratic memory.
const LEVELS: usize = 100;

/// The whole expression as a tree, one line per variable: op or name, `[id X]`, type, name, the user's line.
///
/// A node is expanded once; later mentions print its line and `···`, as does what lies deeper than 100 levels.
/// Leaves are simply repeated.
pub fn debug_print(outputs: &[Variable]) -> String {
    let mut text = String::new();
    let mut ids: HashMap<VariableKey, usize> = HashMap::new();
    let mut expanded: HashMap<VariableKey, ()> = HashMap::new();
    let mut stack: Vec<Line> = outputs.iter().rev().map(Line::root).collect();
    while let Some(line) = stack.pop() {
        let node_key = node_key(&line.variable);
        let fresh = ids.len();
        let id = *ids.entry(node_key).or_insert(fresh);
        let _ = writeln!(text, "{}{}", line.prefix, describe(&line.variable, id));
        let Some((node, _)) = line.variable.owner() else { continue };
        // What is cut here may be expanded where it is mentioned again, further up.
        if line.level == LEVELS || expanded.insert(node_key, ()).is_some() {
            let _ = writeln!(text, "{} └─ ···", line.indent);
            continue;
        }
        push_inputs(&mut stack, node, &line);
    }
    text
}

struct Line {
    variable: Variable,
    prefix: String,
    indent: String,
    level: usize,
}

impl Line {
    fn root(variable: &Variable) -> Self {
        Self { variable: variable.clone(), prefix: String::new(), indent: String::new(), level: 0 }
    }
}

fn push_inputs(stack: &mut Vec<Line>, node: &Apply, above: &Line) {
    let indent = &above.indent;
    let last = node.inputs().len().saturating_sub(1);
    for (position, input) in node.inputs().iter().enumerate().rev() {
        let (branch, below) = if position == last { (" └─ ", "    ") } else { (" ├─ ", " │  ") };
        stack.push(Line {
            variable: input.clone(),
            prefix: format!("{indent}{branch}"),
            indent: format!("{indent}{below}"),
            level: above.level + 1,
        });
    }
}

/// All outputs of a node share its id.
fn node_key(variable: &Variable) -> VariableKey {
    variable.owner().map_or_else(|| variable.key(), |(node, _)| node.output(0).key())
}

fn describe(variable: &Variable, id: usize) -> String {
    let head = match variable.owner() {
        Some((node, index)) => {
            let output = if node.output_count() > 1 { format!(".{index}") } else { String::new() };
            format!("{}{}{output}", node.op().name(), node.op().props())
        }
        None => leaf_text(variable),
    };
    let name = match (variable.owner(), variable.name()) {
        (Some(_), Some(name)) => format!(" '{name}'"),
        _ => String::new(),
    };
    format!("{head} [id {}] <{}>{name} {}", letters(id), variable.ty(), variable.origin())
}

fn leaf_text(variable: &Variable) -> String {
    let brief = || variable.constant().and_then(|value| value.brief());
    variable.name().map(str::to_owned).or_else(brief).unwrap_or_else(|| {
        match (variable.constant(), variable.bound_to()) {
            (Some(_), _) => "constant".to_owned(),
            // It stands for a node of a function graph, which alone knows what that is.
            (None, Some(_)) => "...".to_owned(),
            (None, None) => "input".to_owned(),
        }
    })
}

/// A, B, .. Z, BA, BB, ..
fn letters(mut number: usize) -> String {
    let mut text = Vec::new();
    loop {
        text.push(b'A' + (number % 26) as u8);
        number /= 26;
        if number == 0 {
            break;
        }
    }
    text.iter().rev().map(|&letter| letter as char).collect()
}

/// How many levels a short form shows.
const SHORT: usize = 3;

/// A short form for errors and records: the name, or the op with its inputs to a small depth (`exp(add(X, ...))`).
pub fn expression_text(variable: &Variable) -> String {
    text_to_depth(variable, SHORT)
}

/// [`expression_text`] of a value of a function graph, which alone knows the node that made it.
pub(crate) fn value_text(graph: &FunctionGraph, id: ValueId) -> String {
    value_to_depth(graph, id, SHORT)
}

/// The depth is a small constant, so this recursion is bounded.
fn value_to_depth(graph: &FunctionGraph, id: ValueId, depth: usize) -> String {
    let (variable, owner) = (graph.bind(id), graph.producer(id));
    let (None, &Producer::Node(node, index)) = (variable.name(), owner) else { return expression_text(&variable) };
    let output = if graph.node_outputs(node).len() > 1 { format!(".{index}") } else { String::new() };
    let inputs = graph.node_inputs(node).iter();
    let inputs = match depth {
        0 => "...".to_owned(),
        _ => inputs.map(|&input| value_to_depth(graph, input, depth - 1)).collect::<Vec<_>>().join(", "),
    };
    let op = graph.op(node).map_or_else(|| "gone".to_owned(), |op| format!("{}{}", op.name(), op.props()));
    format!("{op}({inputs}){output}")
}

/// The depth is a small constant, so this recursion is bounded.
fn text_to_depth(variable: &Variable, depth: usize) -> String {
    let Some((node, index)) = variable.owner() else { return leaf_text(variable) };
    if let Some(name) = variable.name() {
        return name.to_owned();
    }
    let output = if node.output_count() > 1 { format!(".{index}") } else { String::new() };
    let inputs = match depth {
        0 => "...".to_owned(),
        _ => node.inputs().iter().map(|input| text_to_depth(input, depth - 1)).collect::<Vec<_>>().join(", "),
    };
    format!("{}{}({inputs}){output}", node.op().name(), node.op().props())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::sync::Arc;

    use super::*;
    use crate::dim::Shape;
    use crate::error::{OpResult, Result};
    use crate::op::{Io, NodeSpec, NodeView, Op};
    use crate::types::Type;
    use crate::value::Value;
    use crate::variable::apply;

    /// A type and an op without values: printing needs none.
    #[derive(Debug, PartialEq, Eq, Hash)]
    struct Blank;

    impl std::fmt::Display for Blank {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("blank")
        }
    }

    impl Type for Blank {
        fn filter(&self, _value: &dyn Value) -> Result<Option<Box<dyn Value>>, String> {
            Err("it has no values".to_owned())
        }
    }

    impl Op for Blank {
        fn name(&self) -> Cow<'static, str> {
            "next".into()
        }

        fn make_node(&self, _inputs: &[Variable]) -> Result<NodeSpec> {
            Ok(NodeSpec::one(Arc::new(Blank)))
        }

        fn perform(&self, _io: &mut Io<'_>) -> OpResult {
            Ok(())
        }

        fn infer_shape(&self, _node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
            Ok(vec![Shape::new()])
        }
    }

    fn chain(nodes: usize) -> Variable {
        let x = Variable::input("x", Arc::new(Blank));
        (0..nodes).fold(x, |x, _| apply(Blank, &[x]).expect("it takes anything"))
    }

    #[test]
    fn a_tree_is_cut_at_its_hundredth_level() {
        let whole = debug_print(&[chain(LEVELS)]);
        assert_eq!(whole.lines().count(), LEVELS + 1);
        assert!(whole.contains("x [id") && !whole.contains("···"));
        let cut = debug_print(&[chain(100 * LEVELS)]);
        assert_eq!(cut.lines().count(), LEVELS + 2);
        assert!(cut.ends_with(" └─ ···\n"));
    }

    #[test]
    fn what_was_cut_is_expanded_where_it_is_mentioned_again_further_up() {
        let inner = chain(2);
        let outer = (0..LEVELS).fold(inner.clone(), |x, _| apply(Blank, &[x]).expect("it takes anything"));
        let text = debug_print(&[outer, inner]);
        assert!(text.trim_end().lines().last().is_some_and(|line| line.contains("x [id")));
    }
}
