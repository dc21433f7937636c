//! Nodes that do nothing.
//!
//! * `-(-x) = x`
//! * `x * 1 = x`, `x / 1 = x`, `x + 0 = x` is left alone: it changes the sign of a negative zero
//! * `reshape(x)` to the shape that x has is x
//! * `reshape(reshape(x)) = reshape(x)`

use kronograph_graph::Variable;
use kronograph_ops::{Elemwise, Reshape, Tensor};

use super::rule;

rule! {
    /// -(-x) = x, exactly
    double_negation in [Canonicalize] at ["neg"]: |context, node| {
        match context.owner_as::<Elemwise>(node.input(0)) {
            Some((op, inputs)) if op.0.name == "neg" => Ok(Some(vec![inputs[0].clone()])),
            _ => Ok(None),
        }
    }
}

rule! {
    /// x * 1 = x and x / 1 = x, exactly, for the same dtype and shape
    times_one in [Canonicalize] at ["mul", "true_div"]: |_context, node| {
        let [a, b] = node.inputs() else { return Ok(None) };
        let fits = |x: &Variable| node.output(0).ty().is_super(&**x.ty());
        if is_one(b) && fits(a) {
            return Ok(Some(vec![a.clone()]));
        }
        if node.op().name() == "mul" && is_one(a) && fits(b) {
            return Ok(Some(vec![b.clone()]));
        }
        Ok(None)
    }
}

fn is_one(x: &Variable) -> bool {
    let value = x.constant().map(|value| &**value as &dyn std::any::Any);
    match value.and_then(|value| value.downcast_ref::<Tensor>()) {
        Some(Tensor::F64(ones)) => !ones.is_empty() && ones.view().iter().all(|x| *x == 1.0),
        Some(Tensor::F32(ones)) => !ones.is_empty() && ones.view().iter().all(|x| *x == 1.0),
        _ => false,
    }
}

rule! {
    /// reshaping to the shape that the tensor has already does nothing
    same_shape in [Canonicalize] at ["reshape"]: |_context, node| {
        let (x, out) = (node.input(0), node.output(0));
        let known = out.ty().extents().iter().all(Option::is_some);
        Ok((known && out.ty().same_type(&**x.ty())).then(|| vec![x.clone()]))
    }
}

rule! {
    /// only the last of two reshapes counts
    reshape_of_reshape in [Canonicalize] at ["reshape"]: |context, node| {
        let Some((_, inner)) = context.owner_as::<Reshape>(node.input(0)) else { return Ok(None) };
        let Some(outer) = node.op_as::<Reshape>() else { return Ok(None) };
        let inputs = [std::slice::from_ref(&inner[0]), &node.inputs()[1..]].concat();
        let joined = kronograph_graph::apply(outer.clone(), &inputs)?;
        Ok(node.output(0).ty().is_super(&**joined.ty()).then(|| vec![joined]))
    }
}
