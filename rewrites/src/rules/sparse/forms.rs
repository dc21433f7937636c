//! Nodes that undo or repeat each other.
//!
//! * `(xᵀ)ᵀ = x`
//! * a cast behind one that loses nothing
//! * sorting what is sorted, removing zeros where there are none
//! * two scales by constants are one

use kronograph_graph::{Variable, apply};
use kronograph_ops::{DType, Tensor, constant};
use kronograph_sparse::{
    AddSS, EnsureSortedIndices, Remove0, Scale, SparseCast, SparseFromDense, SparseTranspose, SparseType, ToFormat,
    TrueDot, sparse_cast,
};

use super::{is, rule};
use crate::engine::RuleContext;

rule! {
    /// the transpose of a transpose is the matrix: both only read the storage the other way
    double_sparse_transpose in [Canonicalize] at ["sparse_transpose"]: |context, node| {
        Ok(context.owner_as::<SparseTranspose>(node.input(0)).map(|(_, inputs)| vec![inputs[0].clone()]))
    }
}

rule! {
    /// only the last of two casts counts, where the first one loses nothing
    cast_of_sparse_cast in [Canonicalize] at ["sparse_cast"]: |context, node| {
        let Some((_, inputs)) = context.owner_as::<SparseCast>(node.input(0)) else { return Ok(None) };
        let dtype = |x: &Variable| x.type_as::<SparseType>().map(SparseType::dtype);
        let (Some(from), Some(through)) = (dtype(&inputs[0]), dtype(node.input(0))) else { return Ok(None) };
        let Some(&SparseCast { to }) = node.op_as::<SparseCast>() else { return Ok(None) };
        // Of integers and floats each loses something of the other.
        let exact = from.is_float() == through.is_float() && from.fits_in(through);
        Ok(if exact { Some(vec![sparse_cast(&inputs[0], to)?]) } else { None })
    }
}

rule! {
    /// what an op makes with ascending indices needs no sorting
    sorted_already in [Canonicalize] at ["ensure_sorted_indices"]: |context, node| {
        Ok(is_sorted(context, node.input(0)).then(|| vec![node.input(0).clone()]))
    }
}

/// Whether the indices ascend whatever the values are.
fn is_sorted(context: &RuleContext<'_>, x: &Variable) -> bool {
    // Leaving entries out keeps the order of the others.
    let made = super::followed(context, x, is::<Remove0>);
    context.owner(&made).is_some_and(|owner| {
        let op = &*owner.op;
        is::<EnsureSortedIndices>(op)
            || is::<ToFormat>(op)
            || is::<SparseFromDense>(op)
            || is::<AddSS>(op)
            || is::<TrueDot>(op)
    })
}

rule! {
    /// zeros that were removed once are gone
    cleaned_once in [Canonicalize] at ["remove0"]: |context, node| {
        let made = super::followed(context, node.input(0), is::<EnsureSortedIndices>);
        let gone = context.owner_as::<Remove0>(&made).is_some();
        Ok(gone.then(|| vec![node.input(0).clone()]))
    }
}

rule! {
    /// (X s) t = X (s t) for constant scales of the same lines, where no product of them overflows or vanishes
    scales_joined in [Canonicalize] at ["col_scale", "row_scale"]: |context, node| {
        let Some((inner, inputs)) = context.owner_as::<Scale>(node.input(0)) else { return Ok(None) };
        if node.op_as::<Scale>() != Some(&inner) {
            return Ok(None);
        }
        let joined = numbers(&inputs[1]).zip(numbers(node.input(1))).and_then(|(s, t)| products(&s, &t));
        let Some(joined) = joined else { return Ok(None) };
        Ok(Some(vec![apply(inner, &[inputs[0].clone(), constant(joined)])?]))
    }
}

/// The elements of a constant of f64.
fn numbers(x: &Variable) -> Option<Vec<f64>> {
    let value = x.constant()?;
    let tensor = (&**value as &dyn std::any::Any).downcast_ref::<Tensor>()?;
    (tensor.dtype() == DType::F64).then(|| tensor.to_vec().ok())?
}

fn products(s: &[f64], t: &[f64]) -> Option<Vec<f64>> {
    let products: Vec<f64> = s.iter().zip(t).map(|(s, t)| s * t).collect();
    (s.len() == t.len() && products.iter().all(|product| product.is_normal())).then_some(products)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use kronograph_ops::cast;
    use kronograph_sparse::{
        Format, add_s_s, col_scale, ensure_sorted_indices, remove0, row_scale, sparse_from_dense, sparse_transpose,
        to_format,
    };

    use super::*;
    use crate::testing::{check_rule_at, declines, matrix, sparse};

    #[test]
    fn a_double_transpose_goes_away() {
        let (x, value) = sparse("x", Format::Csr);
        let outputs = [sparse_transpose(&sparse_transpose(&x).unwrap()).unwrap()];
        insta::assert_snapshot!(check_rule_at(double_sparse_transpose, &[x], &outputs, &[&value]), @"x");
    }

    #[test]
    fn the_last_of_two_casts_counts() {
        let (x, _) = sparse("x", Format::Csr);
        let (i, value) = (sparse_cast(&x, DType::F32).unwrap(), sparse("x", Format::Csr).1);
        let outputs = [sparse_cast(&sparse_cast(&i, DType::F64).unwrap(), DType::I32).unwrap()];
        let text = check_rule_at(cast_of_sparse_cast, std::slice::from_ref(&x), &outputs, &[&value]);
        insta::assert_snapshot!(text, @"sparse_cast{to=i32}(sparse_cast{to=f32}(x))");
        // An integer that a float does not hold, and digits that the first cast cuts off.
        let narrow = cast(&cast(&x, DType::F32).unwrap(), DType::F64).unwrap();
        declines(cast_of_sparse_cast, std::slice::from_ref(&x), &[narrow]);
    }

    #[test]
    fn sorting_and_removing_happen_once() {
        let (x, value) = sparse("x", Format::Csc);
        let sorted = |x: &Variable| ensure_sorted_indices(x).unwrap();
        let stored = |x: &Variable| remove0(x).unwrap();
        let outputs = [sorted(&sorted(&x)), sorted(&stored(&sorted(&x))), sorted(&add_s_s(&x, &x).unwrap())];
        let text = check_rule_at(sorted_already, std::slice::from_ref(&x), &outputs, &[&value]);
        insta::assert_snapshot!(text, @r"
        ensure_sorted_indices(x)
        remove0(ensure_sorted_indices(x))
        add_s_s{keep_zeros=false}(x, x)
        ");
        let outputs = [stored(&stored(&x)), stored(&sorted(&stored(&x)))];
        let text = check_rule_at(cleaned_once, std::slice::from_ref(&x), &outputs, &[&value]);
        insta::assert_snapshot!(text, @r"
        remove0(x)
        ensure_sorted_indices(remove0(x))
        ");
        let (d, _) = matrix("d", 3, 4);
        let converted = to_format(&sparse_from_dense(&d, Format::Csr).unwrap(), Format::Csc).unwrap();
        declines(sorted_already, &[x.clone(), d], &[sorted(&x), converted]);
        declines(cleaned_once, std::slice::from_ref(&x), &[stored(&sorted(&x))]);
    }

    #[test]
    fn constant_scales_are_joined() {
        let (x, value) = sparse("x", Format::Csr);
        let vector = |data: [f64; 4]| constant(data.to_vec());
        let twice = |s, t| col_scale(&col_scale(&x, &vector(s)).unwrap(), &vector(t)).unwrap();
        let outputs = [twice([1.0, 2.0, -3.0, 4.0], [2.0, 0.5, 1.0, 1.0])];
        let text = check_rule_at(scales_joined, std::slice::from_ref(&x), &outputs, &[&value]);
        insta::assert_snapshot!(text, @"col_scale(x, [2.0, 1.0, -3.0, 4.0])");
        let overflow = twice([1e200, 1.0, 1.0, 1.0], [1e200, 1.0, 1.0, 1.0]);
        let rows = row_scale(&col_scale(&x, &vector([1.0; 4])).unwrap(), &constant(vec![2.0; 3])).unwrap();
        declines(scales_joined, std::slice::from_ref(&x), &[overflow, rows]);
    }
}
