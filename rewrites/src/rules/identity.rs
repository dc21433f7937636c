//! Nodes that do nothing.
//!
//! * `-(-x) = x`
//! * `x * 1 = x` and `x / 1 = x`; not `x + 0 = x`, which changes the sign of a negative zero
//! * `reshape(x)` to the shape that x has is x
//! * `reshape(reshape(x)) = reshape(x)`, where neither can fail

use kronograph_graph::Variable;
use kronograph_ops::{Dimshuffle, Element, Elemwise, Reshape, Strided, Tensor};

use super::rule;
use crate::engine::RuleContext;

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
    times_one in [Canonicalize] at ["mul", "true_div"]: |context, node| {
        let [a, b] = node.inputs() else { return Ok(None) };
        let fits = |x: &Variable| node.output(0).ty().is_super(&**x.ty());
        if is_one(context, b) && fits(a) {
            return Ok(Some(vec![a.clone()]));
        }
        if node.op().name() == "mul" && is_one(context, a) && fits(b) {
            return Ok(Some(vec![b.clone()]));
        }
        Ok(None)
    }
}

/// Looks through the axes of length 1 that a scalar gets beside a tensor.
fn is_one(context: &RuleContext<'_>, x: &Variable) -> bool {
    if let Some((_, inputs)) = context.owner_as::<Dimshuffle>(x) {
        return is_one(context, &inputs[0]);
    }
    let value = x.constant().map(|value| &**value as &dyn std::any::Any);
    match value.and_then(|value| value.downcast_ref::<Tensor>()) {
        Some(Tensor::F64(ones)) => all(ones, |x| *x == 1.0),
        Some(Tensor::F32(ones)) => all(ones, |x| *x == 1.0),
        _ => false,
    }
}

/// Whether there are elements and all hold; without a view where they lie in a row, as a scalar does.
fn all<T: Element>(array: &Strided<T>, holds: impl Fn(&T) -> bool) -> bool {
    match array.as_slice() {
        Some(slice) => !slice.is_empty() && slice.iter().all(holds),
        None => array.view().iter().all(holds),
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
    /// only the last of two reshapes counts; the lengths must be known, so that no shape error is lost
    reshape_of_reshape in [Canonicalize] at ["reshape"]: |context, node| {
        let Some((_, inner)) = context.owner_as::<Reshape>(node.input(0)) else { return Ok(None) };
        let Some(outer) = node.op_as::<Reshape>() else { return Ok(None) };
        let known = |x: &Variable| x.ty().extents().iter().all(Option::is_some);
        if !known(&inner[0]) || !known(node.input(0)) {
            return Ok(None);
        }
        let inputs = [std::slice::from_ref(&inner[0]), &node.inputs()[1..]].concat();
        let joined = kronograph_graph::apply(outer.clone(), &inputs)?;
        Ok(node.output(0).ty().is_super(&**joined.ty()).then(|| vec![joined]))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use kronograph_ops::{mul, neg, reshape, true_div};

    use super::*;
    use crate::testing::{array, check_rule, declines};

    #[test]
    fn a_double_negation_goes_away() {
        let (x, value) = array("x", &[3]);
        let outputs = [neg(&neg(&x).unwrap()).unwrap()];
        insta::assert_snapshot!(check_rule(double_negation, &[x], &outputs, &[value]), @r"x");
    }

    #[test]
    fn a_factor_or_divisor_of_one_goes_away() {
        let (x, value) = array("x", &[3]);
        let outputs = [mul(1.0, &x).unwrap(), true_div(&x, 1.0).unwrap()];
        insta::assert_snapshot!(check_rule(times_one, std::slice::from_ref(&x), &outputs, &[value]), @r"
        x
        x
        ");
        declines(times_one, std::slice::from_ref(&x), &[true_div(1.0, &x).unwrap()]);
    }

    #[test]
    fn reshapes_that_do_nothing_go_away() {
        let (x, value) = array("x", &[6]);
        let there = reshape(&x, [2, 3]).unwrap();
        let outputs = [reshape(&there, [6]).unwrap()];
        insta::assert_snapshot!(check_rule(reshape_of_reshape, std::slice::from_ref(&x), &outputs, std::slice::from_ref(&value)), @r"reshape{shape=[6]}(x)");
        let outputs = [reshape(&x, [6]).unwrap()];
        insta::assert_snapshot!(check_rule(same_shape, std::slice::from_ref(&x), &outputs, &[value]), @r"x");
        declines(same_shape, std::slice::from_ref(&x), &[there]);
    }
}
