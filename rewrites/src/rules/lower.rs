//! What is written for the sake of derivatives, and has no use once they are taken. For compiling only.
//!
//! * an op made from an expression is that expression
//! * `stop_gradient(x)`, `zero_grad(x)`, `undefined_grad(x)`, `grad_scale(x)`, `grad_clip(x)` are x
//! * the expression inside a map is rewritten like any other

use kronograph_graph::{GradientRule, OpFromGraph, apply_all};
use kronograph_ops::{GradClip, Map};

use super::rule;

rule! {
    /// an op made from an expression is written out, so that the other rules see what is in it
    written_out in [Lower] at []: |_context, node| {
        let Some(op) = node.op_as::<OpFromGraph>() else { return Ok(None) };
        let outputs = op.body().apply(node.inputs())?;
        let fits = outputs.iter().zip(node.outputs()).all(|(new, old)| old.ty().is_super(&**new.ty()));
        Ok(fits.then_some(outputs))
    }
}

rule! {
    /// an identity that only changes a derivative does nothing once derivatives are taken
    gradient_rules in [Lower] at ["stop_gradient", "zero_grad", "undefined_grad", "grad_scale", "grad_clip"]:
     |_context, node| {
        let ours = node.op_as::<GradientRule>().is_some() || node.op_as::<GradClip>().is_some();
        Ok(ours.then(|| vec![node.input(0).clone()]))
    }
}

rule! {
    /// what is run for each element is worth rewriting most
    body_of_map in [Lower] at ["map"]: |context, node| {
        let Some(op) = node.op_as::<Map>() else { return Ok(None) };
        let body = context.rewritten(op.body())?;
        if body == *op.body() {
            return Ok(None);
        }
        Ok(Some(apply_all(op.with_body(body), node.inputs())?.into_vec()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use kronograph_graph::{FunctionGraph, stop_gradient};
    use kronograph_ops::{exp, grad_clip, log, map, mul};

    use super::*;
    use crate::engine::RuleDb;
    use crate::modes::Mode;
    use crate::testing::{array, check_rule, declines};

    #[test]
    fn an_op_of_an_expression_is_written_out() {
        let ((x, value), (a, _)) = (array("x", &[3]), array("a", &[3]));
        let op = OpFromGraph::new("growth", std::slice::from_ref(&a), &[mul(&exp(&a).unwrap(), &a).unwrap()]).unwrap();
        let outputs = op.call(std::slice::from_ref(&x)).unwrap();
        insta::assert_snapshot!(check_rule(written_out, std::slice::from_ref(&x), &outputs, &[value]), @"mul(exp(x), x)");
        declines(written_out, std::slice::from_ref(&x), &[exp(&x).unwrap()]);
    }

    #[test]
    fn identities_go_away() {
        let (x, value) = array("x", &[3]);
        let outputs = [exp(&grad_clip(&x, -1e9, 1e9).unwrap()).unwrap()];
        insta::assert_snapshot!(check_rule(gradient_rules, std::slice::from_ref(&x), &outputs, &[value]), @"exp(x)");
        let kept = crate::modes::rewrite(&[stop_gradient(&x).unwrap()], &Mode::run()).unwrap();
        assert_eq!(kept[0].owner().unwrap().0.op().name(), "stop_gradient", "rewriting is not compiling");
    }

    /// The number of nodes in the body of a map after a mode.
    fn body_size(mode: &Mode) -> usize {
        let (x, _) = array("x", &[3]);
        let twice = map(std::slice::from_ref(&x), |e| Ok(vec![mul(&mul(1.0, &exp(&e[0])?)?, &log(&e[0])?)?])).unwrap();
        let mut graph = FunctionGraph::new(std::slice::from_ref(&x), &twice).unwrap();
        mode.run_on(&mut graph).unwrap();
        let rewritten = graph.export();
        let (node, _) = rewritten[0].owner().unwrap();
        kronograph_graph::toposort(node.op_as::<Map>().unwrap().body().outputs()).len()
    }

    #[test]
    fn the_body_of_a_map_is_rewritten_by_the_rules_of_the_mode() {
        assert_eq!(body_size(&Mode::run()), 1, "all of it is one program");
        let alone = RuleDb::default().with(body_of_map);
        assert_eq!(body_size(&Mode::with_rules(alone.clone())), 1, "nothing simplifies, and all of it is one program");
        let lower = crate::engine::Pass::Lower(alone);
        assert_eq!(body_size(&Mode::of([lower.clone()])), 4, "nobody asked for more");
        let simplify = crate::engine::Pass::Rules(RuleDb::default().with(crate::rules::times_one));
        assert_eq!(body_size(&Mode::of([lower, simplify])), 3, "the product with one goes, and nothing is fused");
    }
}
