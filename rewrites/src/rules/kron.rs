//! Kronecker products that are never formed, for square factors of orders d_1, .., d_K, `N = d_1 .. d_K`.
//!
//! * `solve_with_kron` (K01): `(F_1 ⊗ .. ⊗ F_K)⁻¹ b` = F_k⁻¹ along axis k of b as (d_1, .., d_K)
//! * `logdet_of_kron` (K08): `ln|det(F_1 ⊗ .. ⊗ F_K)| = sum_k N / d_k ln|det F_k|`
//! * `matmul_of_kron` (K13): `(A ⊗ B) x = A X Bᵀ`, and `x (A ⊗ B) = Aᵀ X B`
//!
//! The first two need square factors: a (2, 3) times a (3, 2) is square, its factors are not, and its determinant
//! is zero. They do not fire on factors that are known not to be square; where the lengths are known only at run time,
//! the factorisation of each factor checks it, and a factor that is not square is a typed error then.

use kronograph_graph::{Dim, Result, Variable, shape_of};
use kronograph_ops::{
    DenseFactor, FactorSolve, Kron, TensorType, Trans, cast, factor_solve_axis, kron_matmul, kron_slogdet, lu_factor,
    reshape, transpose,
};

use super::rule;
use crate::engine::RuleContext;

/// The factors of a Kronecker product of matrices, if the variable is one.
fn kron_factors(context: &RuleContext<'_>, variable: &Variable) -> Option<Vec<Variable>> {
    let (_, inputs) = context.owner_as::<Kron>(variable)?;
    inputs.iter().all(|factor| factor.ty().extents().len() == 2).then(|| inputs.to_vec())
}

/// The factors behind an LU factor of a Kronecker product, unless they are known not to be square.
fn square_kron_behind_lu(context: &RuleContext<'_>, factor: &Variable) -> Option<Vec<Variable>> {
    let (DenseFactor::Lu, inputs) = context.owner_as::<DenseFactor>(factor)? else { return None };
    let factors = kron_factors(context, &inputs[0])?;
    factors.iter().all(may_be_square).then_some(factors)
}

fn may_be_square(x: &Variable) -> bool {
    match x.ty().extents() {
        [Some(rows), Some(columns)] => rows == columns,
        other => other.len() == 2,
    }
}

rule! {
    /// (A ⊗ B)⁻¹ b is a solve with A along one axis and with B along the other: 2/3 (m³ + n³) operations for 2/3 (m n)³,
    /// and no worse conditioned
    solve_with_kron in [Kron] at ["factor_solve"]: |context, node| {
        let Some(FactorSolve { trans, axis: 0 }) = node.op_as::<FactorSolve>().copied() else { return Ok(None) };
        let Some(factors) = square_kron_behind_lu(context, node.input(0)) else { return Ok(None) };
        let columns: Vec<Dim> = shape_of(node.input(1)).into_iter().skip(1).collect();
        let orders: Vec<Dim> = factors.iter().map(|factor| Dim::axis(factor, 0)).collect();
        let mut solved = reshape(node.input(1), [&orders[..], &columns].concat())?;
        for (axis, factor) in factors.iter().enumerate().rev() {
            solved = factor_solve_axis(&lu_factor(factor)?, &solved, axis, trans)?;
        }
        let known = node.output(0).ty().extents()[0].map(Dim::from);
        let length = known.unwrap_or_else(|| orders.iter().fold(Dim::from(1), |length, order| length.times(order)));
        Ok(Some(vec![reshape(&solved, [&[length], &columns[..]].concat())?]))
    }
}

rule! {
    /// ln|det(A ⊗ B)| = n ln|det A| + m ln|det B| and sign = sign(A)ⁿ sign(B)ᵐ: no overflow, and the product is never
    /// built
    logdet_of_kron in [Kron, Stabilize] at ["factor_logdet"]: |context, node| {
        let Some(factors) = square_kron_behind_lu(context, node.input(0)) else { return Ok(None) };
        let (sign, log) = kron_slogdet(&factors)?;
        Ok(Some(vec![sign, log]))
    }
}

rule! {
    /// (A ⊗ B) x = A X Bᵀ with x as a matrix: 2 N (m + n) operations for 2 N², and the product is never built
    matmul_of_kron in [Kron] at ["matmul"]: |context, node| {
        let (left, right) = (node.input(0), node.input(1));
        if node.inputs().iter().any(|operand| operand.ty().extents().len() > 2) {
            return Ok(None);
        }
        let product = if let Some(factors) = kron_factors(context, left) {
            kron_matmul(&factors, right, Trans::No)?
        } else if let Some(factors) = kron_factors(context, right) {
            match left.ty().extents().len() {
                1 => kron_matmul(&factors, left, Trans::Yes)?,
                _ => transpose(&kron_matmul(&factors, &transpose(left)?, Trans::Yes)?)?,
            }
        } else {
            return Ok(None);
        };
        Ok(Some(vec![cast_like(&product, node.output(0))?]))
    }
}

fn cast_like(x: &Variable, like: &Variable) -> Result<Variable> {
    match like.type_as::<TensorType>() {
        Some(ty) => cast(x, ty.dtype()),
        None => Ok(x.clone()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use kronograph_graph::Variable;
    use kronograph_ops::{Tensor, factor_solve, kron, kron_all, matmul, slogdet, solve};

    use super::*;
    use crate::testing::{array, check_rule, declines, matrix};

    fn three(third: &[usize]) -> ([Variable; 3], [Tensor; 3]) {
        let ((a, va), (b, vb), (x, vx)) = (matrix("A", 2, 2), matrix("B", 3, 3), array("x", third));
        ([a, b, x], [va, vb, vx])
    }

    #[test]
    fn a_solve_with_a_product_is_two_solves() {
        let (inputs, values) = three(&[6]);
        let outputs = [solve(&kron(&inputs[0], &inputs[1]).unwrap(), &inputs[2]).unwrap()];
        insta::assert_snapshot!(check_rule(solve_with_kron, &inputs, &outputs, &values), @r"reshape{shape=[6]}(factor_solve{trans=false, axis=0}(lu_factor(A), factor_solve{trans=false, axis=1}(lu_factor(B), reshape{shape=[2, 3]}(x))))");
    }

    #[test]
    fn a_transposed_solve_of_a_matrix_is_two_transposed_solves() {
        let (inputs, values) = three(&[6, 2]);
        let factor = lu_factor(&kron(&inputs[0], &inputs[1]).unwrap()).unwrap();
        let outputs = [factor_solve(&factor, &inputs[2], Trans::Yes).unwrap()];
        insta::assert_snapshot!(check_rule(solve_with_kron, &inputs, &outputs, &values), @r"reshape{shape=[6, 2]}(factor_solve{trans=true, axis=0}(lu_factor(A), factor_solve{trans=true, axis=1}(lu_factor(B), reshape{shape=[2, 3, 2]}(x))))");
    }

    #[test]
    fn a_log_determinant_is_a_weighted_sum() {
        let (inputs, values) = three(&[6]);
        let (sign, log) = slogdet(&kron(&inputs[0], &inputs[1]).unwrap()).unwrap();
        insta::assert_snapshot!(check_rule(logdet_of_kron, &inputs[..2], &[sign, log], &values[..2]), @r"
        mul(pow(factor_logdet(lu_factor(A)).0, 3.0), pow(factor_logdet(lu_factor(B)).0, 2.0))
        add(mul(3.0, factor_logdet(lu_factor(A)).1), mul(2.0, factor_logdet(lu_factor(B)).1))
        ");
    }

    #[test]
    fn products_are_two_small_products() {
        let (inputs, values) = three(&[6]);
        let k = kron(&inputs[0], &inputs[1]).unwrap();
        let outputs = [matmul(&k, &inputs[2]).unwrap(), matmul(&inputs[2], &k).unwrap()];
        insta::assert_snapshot!(check_rule(matmul_of_kron, &inputs, &outputs, &values), @r"
        reshape{shape=[6]}(matmul(A, matmul(reshape{shape=[2, 3]}(x), transpose{order=[1, 0]}(B))))
        reshape{shape=[6]}(matmul(transpose{order=[1, 0]}(A), matmul(reshape{shape=[2, 3]}(x), B)))
        ");
    }

    #[test]
    fn products_with_matrices_and_of_rectangular_factors() {
        let ((a, va), (b, vb), (x, vx), (y, vy)) =
            (matrix("A", 2, 3), matrix("B", 4, 2), array("x", &[6, 5]), array("y", &[5, 8]));
        let k = kron(&a, &b).unwrap();
        let outputs = [matmul(&k, &x).unwrap(), matmul(&y, &k).unwrap()];
        insta::assert_snapshot!(check_rule(matmul_of_kron, &[a, b, x, y], &outputs, &[va, vb, vx, vy]), @r"
        reshape{shape=[8, 5]}(matmul(B, reshape{shape=[2, 2, 5]}(matmul(A, reshape{shape=[3, 10]}(x)))))
        transpose{order=[1, 0]}(reshape{shape=[6, 5]}(matmul(transpose{order=[1, 0]}(A), reshape{shape=[2, 10]}(matmul(transpose{order=[1, 0]}(B), reshape{shape=[2, 4, 5]}(transpose{order=[1, 0]}(y)))))))
        ");
    }

    #[test]
    fn three_factors_are_solved_and_multiplied_along_three_axes() {
        let ((c, vc), (inputs, values)) = (matrix("C", 2, 2), three(&[12]));
        let [a, b, x] = inputs;
        let ([va, vb, vx], k) = (values, kron_all(&[a.clone(), b.clone(), c.clone()]).unwrap());
        let (inputs, values) = ([a, b, c, x.clone()], [va, vb, vc, vx]);
        let solved = [solve(&k, &x).unwrap()];
        insta::assert_snapshot!(check_rule(solve_with_kron, &inputs, &solved, &values), @"reshape{shape=[12]}(factor_solve{trans=false, axis=0}(lu_factor(A), factor_solve{trans=false, axis=1}(lu_factor(B), factor_solve{trans=false, axis=2}(lu_factor(C), reshape{shape=[2, 3, 2]}(x)))))");
        let logdet = slogdet(&k).unwrap().1;
        insta::assert_snapshot!(check_rule(logdet_of_kron, &inputs[..3], &[logdet], &values[..3]), @"add(add(mul(6.0, factor_logdet(lu_factor(A)).1), mul(4.0, factor_logdet(lu_factor(B)).1)), mul(6.0, factor_logdet(lu_factor(C)).1))");
        let product = [matmul(&k, &x).unwrap()];
        insta::assert_snapshot!(check_rule(matmul_of_kron, &inputs, &product, &values), @"reshape{shape=[12]}(matmul(A, reshape{shape=[2, 6]}(matmul(B, reshape{shape=[2, 3, 2]}(matmul(reshape{shape=[6, 2]}(x), transpose{order=[1, 0]}(C)))))))");
    }

    /// A stack of products is left to be formed, and so is a product of vectors.
    #[test]
    fn what_is_no_product_of_two_axes_is_left_alone() {
        let ((u, _), (v, _), (x, _)) = (array("u", &[2]), array("v", &[3]), array("x", &[6]));
        let outer = matmul(&kron(&u, &v).unwrap(), &x).unwrap();
        declines(matmul_of_kron, &[u, v, x], &[outer]);
        let ((s, _), (t, _)) = (array("s", &[2, 2, 2]), array("t", &[2, 3, 3]));
        let logs = slogdet(&kron(&s, &t).unwrap()).unwrap().1;
        declines(logdet_of_kron, &[s, t], &[logs]);
    }

    /// The product of a (2, 3) and a (3, 2) is square and singular; its factors have no inverse and no determinant.
    #[test]
    fn factors_that_are_not_square_are_left_alone() {
        let ((a, _), (b, _), (x, _)) = (matrix("A", 2, 3), matrix("B", 3, 2), array("x", &[6]));
        let k = kron(&a, &b).unwrap();
        declines(solve_with_kron, &[a.clone(), b.clone(), x.clone()], &[solve(&k, &x).unwrap()]);
        let (sign, log) = slogdet(&k).unwrap();
        declines(logdet_of_kron, &[a, b], &[sign, log]);
    }
}
