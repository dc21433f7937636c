//! Kronecker products that are never formed, for `A` (m, m) and `B` (n, n), `N = m n`.
//!
//! * `solve_with_kron` (K01): `(A ⊗ B)⁻¹ b` = A⁻¹ along axis 0, B⁻¹ along axis 1 of b as (m, n)
//! * `logdet_of_kron` (K08): `ln|det(A ⊗ B)| = n ln|det A| + m ln|det B|`
//! * `matmul_of_kron` (K13): `(A ⊗ B) x = A X Bᵀ`, and `x (A ⊗ B) = Aᵀ X B`
//!
//! The first two need square factors: a (2, 3) times a (3, 2) is square, its factors are not, and its determinant
//! is zero. They do not fire on factors that are known not to be square; where the lengths are known only at run time,
//! the factorisation of each factor checks it, and a factor that is not square is a typed error then.

use kronograph_graph::{Dim, Result, Variable, shape_of};
use kronograph_ops::{
    DType, DenseFactor, FactorSolve, Kron, add, cast, constant, dim_variable, eq, factor_logdet, factor_solve_axis,
    lu_factor, matmul_along, mul, pow, reshape, switch, transpose,
};

use super::rule;
use crate::engine::RuleContext;

/// The factors of a Kronecker product, if the variable is one.
fn kron_factors(context: &RuleContext<'_>, variable: &Variable) -> Option<(Variable, Variable)> {
    let (_, inputs) = context.owner_as::<Kron>(variable)?;
    Some((inputs[0].clone(), inputs[1].clone()))
}

/// The factors behind an LU factor of a Kronecker product, unless they are known not to be square.
fn square_kron_behind_lu(context: &RuleContext<'_>, factor: &Variable) -> Option<(Variable, Variable)> {
    let (DenseFactor::Lu, inputs) = context.owner_as::<DenseFactor>(factor)? else { return None };
    let (a, b) = kron_factors(context, &inputs[0])?;
    (may_be_square(&a) && may_be_square(&b)).then_some((a, b))
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
        let Some((a, b)) = square_kron_behind_lu(context, node.input(0)) else { return Ok(None) };
        let rhs = node.input(1);
        let grid = reshape(rhs, grid_shape(&a, &b, rhs))?;
        let half = factor_solve_axis(&lu_factor(&b)?, &grid, 1, trans)?;
        let solved = factor_solve_axis(&lu_factor(&a)?, &half, 0, trans)?;
        Ok(Some(vec![flatten_grid(&solved)?]))
    }
}

/// A tensor of shape (m, n, ...) with its first two axes joined.
fn flatten_grid(grid: &Variable) -> Result<Variable> {
    let shape = shape_of(grid);
    reshape(grid, [&[shape[0].times(&shape[1])], &shape[2..]].concat())
}

/// The shape (m, n, ...) of something whose first axis is that of `A ⊗ B`.
fn grid_shape(a: &Variable, b: &Variable, x: &Variable) -> Vec<Dim> {
    let rest = shape_of(x).into_iter().skip(1);
    [Dim::axis(a, 0), Dim::axis(b, 0)].into_iter().chain(rest).collect()
}

rule! {
    /// ln|det(A ⊗ B)| = n ln|det A| + m ln|det B| and sign = sign(A)ⁿ sign(B)ᵐ: no overflow, and the product is never
    /// built
    logdet_of_kron in [Kron, Stabilize] at ["factor_logdet"]: |context, node| {
        let Some((a, b)) = square_kron_behind_lu(context, node.input(0)) else { return Ok(None) };
        let (sign_a, log_a) = factor_logdet(&lu_factor(&a)?)?;
        let (sign_b, log_b) = factor_logdet(&lu_factor(&b)?)?;
        let (m, n) = (Dim::axis(&a, 0), Dim::axis(&b, 0));
        let sign = mul(&signed_power(&sign_a, &n)?, &signed_power(&sign_b, &m)?)?;
        let log = add(&scaled(&log_a, &n)?, &scaled(&log_b, &m)?)?;
        Ok(Some(vec![sign, log]))
    }
}

fn float(dim: &Dim) -> Result<Variable> {
    match dim.known() {
        Some(length) => Ok(constant(length as f64)),
        None => cast(&dim_variable(dim)?, DType::F64),
    }
}

/// A sign to the power of a length.
fn signed_power(sign: &Variable, exponent: &Dim) -> Result<Variable> {
    pow(sign, &float(exponent)?)
}

/// `length * log`; zero of an empty product, even of -∞.
fn scaled(log: &Variable, length: &Dim) -> Result<Variable> {
    match length.known() {
        Some(length) if length > 0 => mul(&constant(length as f64), log),
        _ => {
            let length = float(length)?;
            switch(&eq(&length, 0.0)?, 0.0, &mul(&length, log)?)
        }
    }
}

rule! {
    /// (A ⊗ B) x = A X Bᵀ with x as a matrix: 2 N (m + n) operations for 2 N², and the product is never built
    matmul_of_kron in [Kron] at ["matmul"]: |context, node| {
        let (left, right) = (node.input(0), node.input(1));
        if node.inputs().iter().any(|operand| operand.ty().extents().len() > 2) {
            return Ok(None);
        }
        let product = if let Some((a, b)) = kron_factors(context, left) {
            kron_times(&a, &b, right)?
        } else if let Some((a, b)) = kron_factors(context, right) {
            let (a, b) = (transpose(&a)?, transpose(&b)?);
            match left.ty().extents().len() {
                1 => kron_times(&a, &b, left)?,
                _ => transpose(&kron_times(&a, &b, &transpose(left)?)?)?,
            }
        } else {
            return Ok(None);
        };
        Ok(Some(vec![cast_like(&product, node.output(0))?]))
    }
}

/// `(A ⊗ B) x` for a vector or the columns of a matrix: B along axis 1, then A along axis 0.
fn kron_times(a: &Variable, b: &Variable, x: &Variable) -> Result<Variable> {
    let rest: Vec<Dim> = shape_of(x).into_iter().skip(1).collect();
    let grid = reshape(x, [&[Dim::axis(a, 1), Dim::axis(b, 1)], &rest[..]].concat())?;
    flatten_grid(&matmul_along(a, &matmul_along(b, &grid, 1)?, 0)?)
}

fn cast_like(x: &Variable, like: &Variable) -> Result<Variable> {
    match like.type_as::<kronograph_ops::TensorType>() {
        Some(ty) => cast(x, ty.dtype()),
        None => Ok(x.clone()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use kronograph_graph::Variable;
    use kronograph_ops::{Tensor, Trans, factor_solve, kron, lu_factor, matmul, slogdet, solve};

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
        reshape{shape=[6]}(matmul(transpose{order=[1, 0]}(A), matmul(reshape{shape=[2, 3]}(x), transpose{order=[1, 0]}(transpose{order=[1, 0]}(B)))))
        ");
    }

    #[test]
    fn products_with_matrices_and_of_rectangular_factors() {
        let ((a, va), (b, vb), (x, vx), (y, vy)) =
            (matrix("A", 2, 3), matrix("B", 4, 2), array("x", &[6, 5]), array("y", &[5, 8]));
        let k = kron(&a, &b).unwrap();
        let outputs = [matmul(&k, &x).unwrap(), matmul(&y, &k).unwrap()];
        insta::assert_snapshot!(check_rule(matmul_of_kron, &[a, b, x, y], &outputs, &[va, vb, vx, vy]), @r"
        reshape{shape=[8, 5]}(reshape{shape=[2, 4, 5]}(matmul(A, reshape{shape=[3, 20]}(dimshuffle{order=[1, 0, 2]}(reshape{shape=[4, 3, 5]}(matmul(B, reshape{shape=[2, 15]}(dimshuffle{order=[1, 0, 2]}(reshape{shape=[3, 2, 5]}(x))))))))))
        transpose{order=[1, 0]}(reshape{shape=[6, 5]}(reshape{shape=[3, 2, 5]}(matmul(transpose{order=[1, 0]}(A), reshape{shape=[2, 10]}(dimshuffle{order=[1, 0, 2]}(reshape{shape=[2, 2, 5]}(matmul(transpose{order=[1, 0]}(B), reshape{shape=[4, 10]}(dimshuffle{order=[1, 0, 2]}(reshape{shape=[2, 4, 5]}(transpose{order=[1, 0]}(y))))))))))))
        ");
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
