//! What the Kronecker and flow files ask for by names that are no functions of the library: compositions of those that
//! are, as entries of a registry.

use kronograph::graph::{Entry, Params, Result as Built};
use kronograph::ops::{eigh_factor, kron_matmul, kron_shift_logdet, kron_shift_solve, kronsum, kronsum_matmul};
use kronograph::prelude::*;

/// The compositions by their names.
pub(crate) fn entries() -> Vec<Entry> {
    TABLE.iter().map(|&(name, build)| Entry::function(name, "compositions", build, Vec::new)).collect()
}

type Build = fn(&Params<'_>, &[Variable]) -> Built<Vec<Variable>>;

const TABLE: &[(&str, Build)] = &[
    ("kron_matvec", product),
    ("kron_matmat", product),
    ("kron_quadratic", |_, x| Ok(vec![matmul(&x[2], &kron_matmul(&x[..2], &x[2], Trans::No)?)?])),
    ("kron_inv_quadratic", |_, x| Ok(vec![matmul(&x[2], &kron_solve(&x[..2], &x[2], Trans::No)?)?])),
    ("kron_mixed_product", |_, x| Ok(vec![matmul(&kron(&x[0], &x[1])?, &kron(&x[2], &x[3])?)?])),
    ("kron_plus_diag_logdet", |_, x| Ok(vec![kron_shift_logdet(&spectra(x)?, &x[2])?.1])),
    ("kron_plus_diag_solve", |_, x| Ok(vec![kron_shift_solve(&spectra(x)?, &x[2], &x[3], 0)?])),
    ("kron_plus_diag_quadratic", |_, x| Ok(vec![matmul(&x[3], &kron_shift_solve(&spectra(x)?, &x[2], &x[3], 0)?)?])),
    ("kronsum_matvec", |_, x| Ok(vec![kronsum_matmul(&x[..2], &x[2], Trans::No)?])),
    ("kronsum_slogdet", |_, x| {
        let (sign, log) = slogdet(&kronsum(x)?)?;
        Ok(vec![sign, log])
    }),
    ("vec_axb", |_, x| {
        let column = reshape(&transpose(&x[1])?, [-1])?;
        Ok(vec![kron_matmul(&[x[2].clone(), x[0].clone()], &column, Trans::No)?])
    }),
    ("kron_flow_solve", |_, x| Ok(vec![kronecker_flow_solve(&x[2], &x[0], &x[1], &x[3])?])),
    ("kron_flow_solve_matrix", |_, x| Ok(vec![kronecker_flow_solve_matrix(&x[2], &x[0], &x[1], &x[3])?])),
    ("kron_flow_logdet", |_, x| Ok(vec![kronecker_flow_logdet(&x[2], &x[0], &x[1])?])),
    ("sar_solve", |params, x| {
        let w = if params.flag("transposed")? { sparse_transpose(&x[1])? } else { x[1].clone() };
        Ok(vec![sparse_sar_solve(&w, &x[0], &x[2])?])
    }),
    ("panel_sar_solve", |_, x| {
        let (n, length) = (rows(&x[1]), rows(&x[2]));
        let by_period = reshape(&x[2], [length / n, n])?;
        let solved = sparse_sar_solve(&x[1], &x[0], &transpose(&by_period)?)?;
        Ok(vec![reshape(&transpose(&solved)?, [length])?])
    }),
];

pub(crate) fn rows(x: &Variable) -> usize {
    x.ty().extents()[0].expect("the lengths of a case are known")
}

/// Sparse factors make a sparse product; dense ones none.
fn product(params: &Params<'_>, x: &[Variable]) -> Built<Vec<Variable>> {
    let (x, factors) = x.split_last().expect("a case has inputs");
    let trans = if params.flag("transpose")? { Trans::Yes } else { Trans::No };
    if factors.iter().all(|factor| factor.ty().to_string().starts_with("f64")) {
        return Ok(vec![kron_matmul(factors, x, trans)?]);
    }
    let all = factors[1..].iter().try_fold(factors[0].clone(), |product, factor| sparse_kron(&product, factor))?;
    let all = if trans == Trans::Yes { sparse_transpose(&all)? } else { all };
    Ok(vec![matmul(&all, x)?])
}

/// Factors of the symmetric A and B by their eigenvalues.
fn spectra(x: &[Variable]) -> Built<[Variable; 2]> {
    Ok([eigh_factor(&x[0])?, eigh_factor(&x[1])?])
}
