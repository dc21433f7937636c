//! Products and conversions that make no more than is used. For compiling only: they hold for values, while the
//! derivatives of what is replaced may have other patterns.
//!
//! * a dense matrix that is made sparse and dense again is itself
//! * a sparse matrix that is made dense and sparse again loses its zeros and is sorted
//! * a sparse product that is then made dense is made dense at once
//! * of a dense product only the entries at stored positions are computed
//! * `z ± α x y` is one step
//! * the sum of a product needs no product

use kronograph_graph::{NodeView, Operand, Result, Variable};
use kronograph_ops::{DType, Dimshuffle, Elemwise, MatMul, TensorType, dot, neg, reshape, scalar_beside, transpose};
use kronograph_sparse::{
    DenseFromSparse, MulSD, MulSS, SparseDot, SparseFromDense, SparseType, StructuredDot, TrueDot,
    ensure_sorted_indices, remove0, sampled_outer, sampling_dot, sparse_inner, usmm,
};

use super::{is, rule, same_known_shape};
use crate::engine::RuleContext;

rule! {
    /// a dense matrix made sparse and dense again is itself; a negative zero stays one
    dense_of_sparse_from_dense in [Specialize] at ["dense_from_sparse"]: |context, node| {
        let Some((_, inputs)) = context.owner_as::<SparseFromDense>(node.input(0)) else { return Ok(None) };
        Ok(node.output(0).ty().is_super(&**inputs[0].ty()).then(|| vec![inputs[0].clone()]))
    }
}

rule! {
    /// a sparse matrix made dense and sparse again, in its format, has no zeros and is sorted
    sparse_of_dense_from_sparse in [Specialize] at ["sparse_from_dense"]: |context, node| {
        let Some((_, inputs)) = context.owner_as::<DenseFromSparse>(node.input(0)) else { return Ok(None) };
        let same = node.output(0).ty().is_super(&**inputs[0].ty());
        Ok(if same { Some(vec![ensure_sorted_indices(&remove0(&inputs[0])?)?]) } else { None })
    }
}

rule! {
    /// a sparse product that only its dense form is used of is computed densely at once
    dense_of_true_dot in [Specialize] at ["dense_from_sparse"]: |context, node| {
        let Some((_, inputs)) = context.owner_as::<TrueDot>(node.input(0)) else { return Ok(None) };
        if context.uses(node.input(0)) > 1 {
            return Ok(None);
        }
        let product = dot(&inputs[0], &inputs[1])?;
        Ok(node.output(0).ty().is_super(&**product.ty()).then(|| vec![product]))
    }
}

rule! {
    /// of a dense product that is used at stored positions only, only the entries there are computed
    product_on_a_pattern in [Specialize] at ["mul_s_d", "sample_dense"]: |context, node| {
        let (like, product) = (node.input(0), node.input(1));
        if context.uses(product) > 1 {
            return Ok(None);
        }
        let Some((_, inputs)) = context.owner_as::<MatMul>(product) else { return Ok(None) };
        let rank = |x: &Variable| x.ty().extents().len();
        if rank(&inputs[0]) != 2 || rank(&inputs[1]) != 2 {
            return Ok(None);
        }
        let (left, right) = (&inputs[0], &transpose(&inputs[1])?);
        let sampled = match is::<MulSD>(&**node.op()) {
            true => sampling_dot(left, right, like)?,
            false => sampled_outer(like, left, right, 0)?,
        };
        Ok(node.output(0).ty().is_super(&**sampled.ty()).then(|| vec![sampled]))
    }
}

rule! {
    /// z + α x y, z - α x y and α x y - z, with or without α, are one step: the product is not kept
    dot_to_usmm in [Specialize] at ["add", "sub"]: |context, node| {
        let [a, b] = node.inputs() else { return Ok(None) };
        let minus = node.op().name() == "sub";
        if let Some(product) = scaled_product(context, b)? {
            return one_step(node, a, product, minus);
        }
        let Some(product) = scaled_product(context, a)? else { return Ok(None) };
        let z = if minus { neg(b)? } else { b.clone() };
        one_step(node, &z, product, false)
    }
}

/// `α x y`.
struct Product {
    alpha: Variable,
    x: Variable,
    y: Variable,
}

fn one_step(node: &NodeView<'_>, z: &Variable, product: Product, minus: bool) -> Result<Option<Vec<Variable>>> {
    let out = node.output(0);
    let alpha = if minus { neg(&product.alpha)? } else { product.alpha };
    // A row or a column that is added everywhere is none of `usmm`.
    if !same_known_shape(z, out) || !out.ty().is_super(&**z.ty()) {
        return Ok(None);
    }
    let made = usmm(&alpha, &product.x, &product.y, z)?;
    Ok(out.ty().is_super(&**made.ty()).then(|| vec![made]))
}

/// The factors of a product of a sparse and a dense matrix, times a scalar or not, that nothing else uses.
fn scaled_product(context: &RuleContext<'_>, x: &Variable) -> Result<Option<Product>> {
    if context.uses(x) > 1 {
        return Ok(None);
    }
    let Some(dtype) = x.type_as::<TensorType>().map(TensorType::dtype) else { return Ok(None) };
    let number = |alpha: f64| scalar_beside(Operand::Float(alpha), dtype);
    if let Some((x, y)) = plain_product(context, x) {
        return Ok(Some(Product { alpha: number(1.0), x, y }));
    }
    let Some((op, inputs)) = context.owner_as::<Elemwise>(x) else { return Ok(None) };
    let product = |x: &Variable| plain_product(context, x).filter(|_| context.uses(x) == 1);
    match (op.0.name, inputs.as_slice()) {
        ("neg", [inner]) => Ok(product(inner).map(|(x, y)| Product { alpha: number(-1.0), x, y })),
        ("mul", [a, b]) => {
            for (scalar, inner) in [(a, b), (b, a)] {
                let one = scalar.ty().extents().iter().all(|length| *length == Some(1));
                if let Some((x, y)) = product(inner).filter(|_| one) {
                    let alpha = match context.owner_as::<Dimshuffle>(scalar) {
                        Some((_, inputs)) if inputs[0].ty().extents().is_empty() => inputs[0].clone(),
                        _ => reshape(scalar, Vec::<usize>::new())?,
                    };
                    return Ok(Some(Product { alpha, x, y }));
                }
            }
            Ok(None)
        }
        _ => Ok(None),
    }
}

/// The operands of a product of matrices, a sparse and a dense one, that is dense.
fn plain_product(context: &RuleContext<'_>, x: &Variable) -> Option<(Variable, Variable)> {
    let owner = context.owner(x)?;
    let product = is::<SparseDot>(&*owner.op) || is::<StructuredDot>(&*owner.op);
    let matrix = |x: &Variable| x.type_as::<TensorType>().is_some_and(|ty| ty.rank() == 2);
    (product && matrix(&owner.inputs[1])).then(|| (owner.inputs[0].clone(), owner.inputs[1].clone()))
}

rule! {
    /// the sum of all entries of an f64 product of sparse matrices needs no product
    sum_of_product in [Specialize] at ["sp_sum"]: |context, node| {
        let Some((_, inputs)) = context.owner_as::<MulSS>(node.input(0)) else { return Ok(None) };
        // Of narrower numbers the products would be rounded or wrap around, and their sum widens them first.
        let wide = inputs.iter().all(|x| x.type_as::<SparseType>().is_some_and(|ty| ty.dtype() == DType::F64));
        let whole = node.output(0).ty().extents().is_empty();
        if !whole || !wide || context.uses(node.input(0)) > 1 {
            return Ok(None);
        }
        let sum = sparse_inner(&inputs[0], &inputs[1])?;
        Ok(node.output(0).ty().is_super(&**sum.ty()).then(|| vec![sum]))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use kronograph_ops::{add, exp, matmul, mul, scalar, sub, tensor};
    use kronograph_sparse::{
        Format, dense_from_sparse, dense_from_sparse_regular, mul_s_d, mul_s_s, sample_dense, sp_sum, sparse_cast,
        sparse_from_dense, sparse_transpose, true_dot,
    };

    use super::*;
    use crate::testing::{check_values, declines, matrix, sparse};

    #[test]
    fn conversions_there_and_back_go_away() {
        let ((x, value), (d, dense)) = (sparse("x", Format::Csc), matrix("d", 3, 4));
        let outputs = [dense_from_sparse(&sparse_from_dense(&d, Format::Csr).unwrap()).unwrap()];
        let text = check_values(dense_of_sparse_from_dense, std::slice::from_ref(&d), &outputs, &[&dense]);
        insta::assert_snapshot!(text, @"d");
        let outputs = [sparse_from_dense(&dense_from_sparse_regular(&x).unwrap(), Format::Csc).unwrap()];
        let text = check_values(sparse_of_dense_from_sparse, std::slice::from_ref(&x), &outputs, &[&value]);
        insta::assert_snapshot!(text, @"ensure_sorted_indices(remove0(x))");
        let other = sparse_from_dense(&dense_from_sparse(&x).unwrap(), Format::Csr).unwrap();
        declines(sparse_of_dense_from_sparse, &[x], &[other]);
    }

    #[test]
    fn a_product_is_made_dense_at_once() {
        let (x, value) = sparse("x", Format::Csr);
        let product = true_dot(&x, &sparse_transpose(&x).unwrap()).unwrap();
        let outputs = [dense_from_sparse(&product).unwrap()];
        let text = check_values(dense_of_true_dot, std::slice::from_ref(&x), &outputs, &[&value]);
        insta::assert_snapshot!(text, @"sparse_dot(x, to_format{format=csr}(sparse_transpose(x)))");
        declines(dense_of_true_dot, &[x], &[outputs[0].clone(), product]);
    }

    #[test]
    fn a_product_is_computed_where_it_is_used() {
        let ((p, vp), (x, vx), (y, vy)) = (sparse("p", Format::Csr), matrix("x", 3, 2), matrix("y", 2, 4));
        let product = || matmul(&x, &y).unwrap();
        let outputs = [mul_s_d(&p, &product()).unwrap(), sample_dense(&p, &product()).unwrap()];
        let inputs = [p.clone(), x.clone(), y.clone()];
        insta::assert_snapshot!(check_values(product_on_a_pattern, &inputs, &outputs, &[&vp, &vx, &vy]), @r"
        with_data(sampled_outer{axis=0}(p, x, transpose{order=[1, 0]}(y)), mul(csm_data(p), csm_data(sampled_outer{axis=0}(p, x, transpose{order=[1, 0]}(y)))))
        sampled_outer{axis=0}(p, x, transpose{order=[1, 0]}(y))
        ");
        let kept = product();
        declines(product_on_a_pattern, &inputs, &[mul_s_d(&p, &kept).unwrap(), exp(&kept).unwrap()]);
    }

    #[test]
    fn a_product_and_a_sum_are_one_step() {
        let ((x, vx), (y, vy), (z, vz)) = (sparse("x", Format::Csc), matrix("y", 4, 2), matrix("z", 3, 2));
        let a = scalar("a");
        let va = kronograph_ops::Tensor::scalar(1.5);
        let product = || matmul(&x, &y).unwrap();
        let scaled = || mul(&a, &product()).unwrap();
        let outputs = [
            add(&z, &scaled()).unwrap(),
            add(&scaled(), &z).unwrap(),
            sub(&z, &scaled()).unwrap(),
            sub(&scaled(), &z).unwrap(),
            add(&z, &product()).unwrap(),
            sub(&z, &dot(&x, &y).unwrap()).unwrap(),
            add(&z, &mul(&dot(&x, &y).unwrap(), 3.0).unwrap()).unwrap(),
            sub(&z, &neg(&product()).unwrap()).unwrap(),
        ];
        let inputs = [a.clone(), x.clone(), y.clone(), z.clone()];
        insta::assert_snapshot!(check_values(dot_to_usmm, &inputs, &outputs, &[&va, &vx, &vy, &vz]), @r"
        usmm(reshape{shape=[]}(a), x, y, z)
        usmm(reshape{shape=[]}(a), x, y, z)
        usmm(reshape{shape=[]}(neg(a)), x, y, z)
        usmm(reshape{shape=[]}(a), x, y, neg(z))
        usmm(reshape{shape=[]}(1.0), x, y, z)
        usmm(reshape{shape=[]}(neg(1.0)), x, y, z)
        usmm(reshape{shape=[]}(3.0), x, y, z)
        usmm(reshape{shape=[]}(neg(-1.0)), x, y, z)
        ");
        let row = tensor("row", DType::F64, &[Some(1), Some(2)]);
        let kept = product();
        let inputs = [x.clone(), y.clone(), z.clone(), row.clone()];
        declines(dot_to_usmm, &inputs, &[add(&row, &product()).unwrap()]);
        declines(dot_to_usmm, &inputs, &[add(&z, &kept).unwrap(), exp(&kept).unwrap()]);
    }

    #[test]
    fn a_sum_of_a_product_makes_no_product() {
        let ((x, vx), (y, vy)) = (sparse("x", Format::Csr), sparse("yy", Format::Csr));
        let product = || mul_s_s(&x, &y).unwrap();
        let outputs = [sp_sum(&product(), None).unwrap()];
        let inputs = [x.clone(), y.clone()];
        insta::assert_snapshot!(check_values(sum_of_product, &inputs, &outputs, &[&vx, &vy]), @"sum_of_products{axis=none}(x, yy)");
        declines(sum_of_product, &inputs, &[sp_sum(&product(), Some(0)).unwrap()]);
        let bytes = sparse_cast(&x, DType::I8).unwrap();
        declines(sum_of_product, &inputs, &[sp_sum(&mul_s_s(&bytes, &bytes).unwrap(), None).unwrap()]);
    }
}
