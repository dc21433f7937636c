//! Stored values and the patterns that they lie on.
//!
//! * the data of a matrix with given data are these data, so that functions of stored values meet as dense vectors
//! * a pattern is that of the first matrix that has it
//! * what lies on a pattern needs no projection onto it
//! * a dense matrix is sampled, not made sparse first

use kronograph_graph::{Op, Variable};
use kronograph_ops::{Cast, DType, Elemwise, Tensor};
use kronograph_sparse::{
    Csm, CsmData, Like, Pattern, ProjectSparse, SampleDense, SampledOuter, SampledProduct, SparseCast, SparseFromDense,
    WithData, sample_dense, with_data,
};

use super::{followed, is, rule};
use crate::engine::RuleContext;

/// Ops whose result stores what their first input stores, slot by slot, and which fail for no shape.
fn keeps_slots(op: &dyn Op) -> bool {
    is::<WithData>(op) || is::<SparseCast>(op) || (is::<Like>(op) && op.name() == "sp_ones_like")
}

rule! {
    /// the stored values of a matrix with given data are these data; only for data that surely fill the slots, so that
    /// no error is lost
    data_of_with_data in [Sparse] at ["csm_data"]: |context, node| {
        let Some((_, inputs)) = context.owner_as::<WithData>(node.input(0)) else { return Ok(None) };
        let pattern = followed(context, &inputs[0], keeps_slots);
        let fits = node.output(0).ty().is_super(&**inputs[1].ty()) && fills(context, &inputs[1], &pattern);
        Ok(fits.then(|| vec![inputs[1].clone()]))
    }
}

/// So many variables of an expression of stored values are looked at.
const LOOKS: usize = 64;

/// Whether a vector surely has an element for each slot of a matrix: an elementwise function of its stored values.
fn fills(context: &RuleContext<'_>, data: &Variable, pattern: &Variable) -> bool {
    let one = |x: &Variable| x.ty().extents().iter().all(|length| *length == Some(1));
    // Each variable is looked at once, however often it is used.
    let mut seen = vec![data.clone()];
    let mut at = 0;
    while at < seen.len() {
        let Some(owner) = context.owner(&seen[at]).filter(|_| seen.len() <= LOOKS) else { return false };
        at += 1;
        if is::<CsmData>(&*owner.op) {
            if followed(context, &owner.inputs[0], keeps_slots) != *pattern {
                return false;
            }
            continue;
        }
        let elementwise = is::<Elemwise>(&*owner.op) || is::<Cast>(&*owner.op);
        if !elementwise || owner.inputs.iter().all(one) {
            return false;
        }
        for input in owner.inputs.iter().filter(|input| !one(input)) {
            if !seen.contains(input) {
                seen.push(input.clone());
            }
        }
    }
    true
}

rule! {
    /// a matrix with given data lies on the pattern of the first matrix that has it: those in between need not be made
    pattern_of_the_first in [Sparse] at ["with_data"]: |context, node| {
        let like = node.input(0);
        let fills_its_slots = |x: &Variable| match context.owner_as::<WithData>(x) {
            Some((_, inputs)) => fills(context, &inputs[1], &followed(context, &inputs[0], keeps_slots)),
            None => true,
        };
        // One step, so that each matrix that is passed is known to be whole.
        let first = context.owner(like).filter(|owner| keeps_slots(&*owner.op) && fills_its_slots(like));
        let Some(first) = first.map(|owner| owner.inputs[0].clone()) else { return Ok(None) };
        let made = with_data(&first, node.input(1))?;
        Ok(node.output(0).ty().is_super(&**made.ty()).then(|| vec![made]))
    }
}

/// Ops whose result lies on the pattern of their first input, and whose derivatives do too.
fn lies_on_first(op: &dyn Op) -> bool {
    is::<WithData>(op)
        || is::<ProjectSparse>(op)
        || is::<SampleDense>(op)
        || is::<SampledOuter>(op)
        || is::<SampledProduct>(op)
}

rule! {
    /// what lies on the pattern of a matrix is not moved by projecting it there
    projected_already in [Sparse] at ["project_sparse"]: |context, node| {
        let (like, x) = (node.input(0), node.input(1));
        // What is passed on the way to the pattern is still made for x; of `like` only what cannot fail is passed.
        let pattern = followed(context, like, |op| keeps_slots(op) && !is::<WithData>(op));
        let (mut at, mut on_pattern) = (x.clone(), false);
        while let Some(owner) = context.owner(&at).filter(|owner| lies_on_first(&*owner.op) || keeps_slots(&*owner.op)) {
            // The derivatives of a cast are not those of the pattern, unless they reach it through an op that has them.
            on_pattern = on_pattern || lies_on_first(&*owner.op);
            at = owner.inputs[0].clone();
            if at == pattern || at == *like {
                break;
            }
        }
        let same = on_pattern && (at == pattern || at == *like) && node.output(0).ty().is_super(&**x.ty());
        Ok(same.then(|| vec![x.clone()]))
    }
}

rule! {
    /// the entries of a dense matrix at some positions are looked up there; it need not be made sparse first (a negative
    /// zero stays one)
    sampled_from_dense in [Sparse] at ["project_sparse"]: |context, node| {
        let Some((_, inputs)) = context.owner_as::<SparseFromDense>(node.input(1)) else { return Ok(None) };
        let sampled = sample_dense(node.input(0), &inputs[0])?;
        Ok(node.output(0).ty().is_super(&**sampled.ty()).then(|| vec![sampled]))
    }
}

rule! {
    /// the stored values of a matrix made of its parts are these values, where the other parts are constants that store
    /// no position twice and are as many as the values
    data_of_csm in [Sparse] at ["csm_data"]: |context, node| {
        let Some((op, inputs)) = context.owner_as::<Csm>(node.input(0)) else { return Ok(None) };
        let constants: Option<Vec<Vec<i64>>> = inputs[1..].iter().map(integers).collect();
        let Some([indices, indptr, shape]) = constants.as_deref() else { return Ok(None) };
        let minor = if op.format == kronograph_sparse::Format::Csr { 1 } else { 0 };
        let sizes = |numbers: &[i64]| numbers.iter().map(|&x| usize::try_from(x).ok()).collect::<Option<Vec<_>>>();
        let (Some(indices), Some(indptr), Some(shape)) = (sizes(indices), sizes(indptr), sizes(shape)) else {
            return Ok(None);
        };
        let (count, slices) = (indices.len(), indptr.len());
        let [_, _] = shape[..] else { return Ok(None) };
        let whole = slices == shape[1 - minor] + 1 && Pattern::new(shape[minor], indptr, indices).is_ok();
        let fits = inputs[0].ty().extents() == [Some(count)] && node.output(0).ty().is_super(&**inputs[0].ty());
        Ok((whole && fits).then(|| vec![inputs[0].clone()]))
    }
}

/// The integers of a constant.
fn integers(x: &Variable) -> Option<Vec<i64>> {
    let value = x.constant()?;
    let tensor = (&**value as &dyn std::any::Any).downcast_ref::<Tensor>()?;
    tensor.to_dtype(DType::I64).to_vec().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use kronograph_ops::{constant, exp, mul, vector};
    use kronograph_sparse::{Format, csm, csm_data, project_sparse, sparse_from_dense, sparse_matrix, structured};

    use super::*;
    use crate::engine::{Pass, RuleDb};
    use crate::modes::Mode;
    use crate::testing::{array, check_rule_at, declines, matrix, sparse};

    #[test]
    fn functions_of_stored_values_meet() {
        let (x, value) = sparse("x", Format::Csr);
        let outputs = [structured(&structured(&x, exp).unwrap(), |d| mul(&exp(d)?, 2.0)).unwrap()];
        let text = check_rule_at(data_of_with_data, std::slice::from_ref(&x), &outputs, &[&value]);
        insta::assert_snapshot!(text, @"with_data(with_data(x, exp(csm_data(x))), mul(exp(exp(csm_data(x))), expand_dims{order=[x]}(2.0)))");
        let text = check_rule_at(pattern_of_the_first, std::slice::from_ref(&x), &outputs, &[&value]);
        insta::assert_snapshot!(text, @"with_data(x, mul(exp(csm_data(with_data(x, exp(csm_data(x))))), expand_dims{order=[x]}(2.0)))");
        let both = RuleDb::default().with(data_of_with_data).with(pattern_of_the_first);
        let mode = Mode::of([Pass::Rules(both)]);
        let made = crate::modes::rewrite(&outputs, &mode).unwrap();
        assert_eq!(kronograph_graph::toposort(&made).len(), 6, "one matrix is made, of one vector");
        // Data that may not fill the slots keep their check.
        let d = vector("d");
        declines(data_of_with_data, &[x.clone(), d.clone()], &[csm_data(&with_data(&x, &d).unwrap()).unwrap()]);
        let again = with_data(&with_data(&x, &d).unwrap(), &csm_data(&x).unwrap()).unwrap();
        declines(pattern_of_the_first, &[x, d], &[again]);
    }

    #[test]
    fn what_lies_on_a_pattern_is_not_projected() {
        let ((x, value), (d, dense)) = (sparse("x", Format::Csr), matrix("d", 3, 4));
        let outputs = [project_sparse(&x, &sample_dense(&x, &d).unwrap()).unwrap()];
        let inputs = [x.clone(), d.clone()];
        insta::assert_snapshot!(check_rule_at(projected_already, &inputs, &outputs, &[&value, &dense]), @"sample_dense(x, d)");
        let made = [project_sparse(&x, &sparse_from_dense(&d, Format::Csr).unwrap()).unwrap()];
        insta::assert_snapshot!(check_rule_at(sampled_from_dense, &inputs, &made, &[&value, &dense]), @"sample_dense(x, d)");
        let other = sparse_matrix("y", Format::Csr, [Some(3), Some(4)]);
        let of_another = project_sparse(&x, &sample_dense(&other, &d).unwrap()).unwrap();
        // Data that may not fill the slots of the pattern keep their check.
        let (v, w) = (vector("v"), structured(&x, exp).unwrap());
        let unchecked = project_sparse(&with_data(&x, &v).unwrap(), &w).unwrap();
        declines(projected_already, &[x.clone(), v], &[unchecked]);
        declines(projected_already, &[x, other, d], &[of_another]);
    }

    #[test]
    fn values_pass_through_parts_that_are_known() {
        let (d, value) = array("d", &[3]);
        let parts = |indices: [i64; 3]| {
            let (indices, indptr) = (constant(indices.to_vec()), constant(vec![0i64, 2, 3]));
            csm(&d, &indices, &indptr, &constant(vec![2i64, 3]), Format::Csr).unwrap()
        };
        let outputs = [csm_data(&parts([0, 2, 1])).unwrap()];
        insta::assert_snapshot!(check_rule_at(data_of_csm, std::slice::from_ref(&d), &outputs, &[&value]), @"d");
        // Stored twice, or out of range: the values are summed, or the call fails.
        let wrong = [parts([0, 0, 1]), parts([0, 3, 1])].map(|matrix| csm_data(&matrix).unwrap());
        declines(data_of_csm, &[d], &wrong);
    }
}
