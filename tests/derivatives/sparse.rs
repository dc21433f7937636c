//! Cases for sparse matrices: derivatives by their stored values, in both formats.

use kronograph::ops::Trans;
use kronograph::prelude::*;
use kronograph::sparse::{
    Side, inverse_on_pattern, project_sparse, sample_dense, sampled_outer, sparse_inner, sparse_kron_contract,
    spectral_flow_solve, structured_dot_along,
};

use crate::factors::general;
use crate::harness::{Case, Given, Random, case, dense, given_sparse};

const RANGE: (f64, f64) = (-1.0, 1.0);
const FORMATS: [Format; 2] = [Format::Csr, Format::Csc];

pub(crate) fn cases() -> Vec<Case> {
    let random = &mut Random(7);
    let mut cases = Vec::new();
    for format in FORMATS {
        cases.extend(algebra(random, format));
        cases.extend(products(random, format));
        cases.extend(samples(random, format));
        cases.extend(factors(random, format));
        cases.extend(krons(random, format));
        cases.extend(flows(random, format));
        cases.extend(spectral(random, format));
    }
    cases
}

/// A (3, 4) matrix with an empty row, an explicit zero and unsorted slices.
fn wide(random: &mut Random, format: Format) -> Given {
    let numbers = random.many(4);
    let matrix = match format {
        Format::Csr => {
            let data = vec![numbers[0], numbers[1], 0.0, numbers[2], numbers[3]];
            SparseMatrix::new(format, [3, 4], data, vec![3, 0, 1, 2, 0], vec![0, 3, 3, 5])
        }
        Format::Csc => {
            let data = vec![numbers[0], numbers[1], 0.0, numbers[2], numbers[3]];
            SparseMatrix::new(format, [3, 4], data, vec![2, 0, 0, 2, 0], vec![0, 2, 3, 4, 5])
        }
    };
    given_sparse(matrix.unwrap())
}

/// Another (3, 4) matrix whose pattern overlaps the one of [`wide`] in part.
fn other(random: &mut Random, format: Format) -> Given {
    let positions = [(0, 0), (0, 2), (1, 1), (2, 2), (2, 3)];
    let triplets: Vec<_> = positions.iter().map(|&(i, j)| (i, j, random.between(RANGE))).collect();
    given_sparse(from_triplets(format, [3, 4], &triplets).unwrap())
}

/// A square matrix far from singular that needs row exchanges: its diagonal is small.
fn square(random: &mut Random, format: Format) -> Given {
    let positions = [(0, 1), (1, 2), (2, 3), (3, 0), (0, 0), (1, 1), (2, 0), (3, 3)];
    let value = |k: usize, noise: f64| if k < 4 { 2.0 + noise } else { 0.5 * noise };
    let triplets: Vec<_> =
        positions.iter().enumerate().map(|(k, &(i, j))| (i, j, value(k, random.between(RANGE)))).collect();
    given_sparse(from_triplets(format, [4, 4], &triplets).unwrap())
}

/// Weights of three regions.
fn weights(random: &mut Random, format: Format) -> Given {
    let positions = [(0, 1), (0, 2), (1, 0), (2, 0), (2, 1)];
    let triplets: Vec<_> = positions.iter().map(|&(i, j)| (i, j, random.between((0.3, 0.7)))).collect();
    given_sparse(from_triplets(format, [3, 3], &triplets).unwrap())
}

fn algebra(random: &mut Random, format: Format) -> Vec<Case> {
    let scalar = |random: &mut Random| dense(random, &[], RANGE);
    let name = |op: &str| format!("{op}, {}", format.name());
    vec![
        case(
            name("affine_on_pattern"),
            vec![scalar(random), scalar(random), wide(random, format), other(random, format)],
            |v| affine_on_pattern(&[(sqr(&v[0])?, v[2].clone()), (v[1].clone(), v[3].clone())]),
        ),
        case(name("affine_on_pattern of one matrix twice"), vec![scalar(random), wide(random, format)], |v| {
            affine_on_pattern(&[(v[0].clone(), v[1].clone()), (sqr(&v[0])?, v[1].clone())])
        }),
        case(name("identity minus a multiple"), vec![scalar(random), weights(random, format)], |v| {
            affine_on_pattern(&[(constant(1.0), identity_like(&v[1])?), (neg(&v[0])?, v[1].clone())])
        }),
        case(name("transpose"), vec![wide(random, format)], |v| sparse_transpose(&v[0])),
        case(name("operators"), vec![wide(random, format), other(random, format)], |v| {
            v[0].try_sub(&v[1])?.try_mul(3.0)
        }),
        case(name("sparse_inner"), vec![wide(random, format), other(random, format)], |v| sparse_inner(&v[0], &v[1])),
        case(name("sparse_inner with itself"), vec![wide(random, format)], |v| sparse_inner(&v[0], &v[0])),
        case(name("project_sparse"), vec![wide(random, format), other(random, format)], |v| {
            project_sparse(&v[0], &v[1])
        }),
    ]
}

fn products(random: &mut Random, format: Format) -> Vec<Case> {
    let mut cases = Vec::new();
    for shape in [&[4][..], &[4, 2], &[4, 1]] {
        let inputs = vec![wide(random, format), dense(random, shape, RANGE)];
        let name = format!("structured_dot, {}, x of shape {shape:?}", format.name());
        cases.push(case(name, inputs, |v| structured_dot(&v[0], &v[1])));
    }
    for (no, yes, axis) in [
        (&[4][..], &[3][..], 0),
        (&[4, 2], &[3, 2], 0),
        (&[2, 4], &[2, 3], 1),
        (&[2, 4, 2], &[2, 3, 2], 1),
        (&[2, 2, 4], &[2, 2, 3], 2),
    ] {
        for (trans, shape) in [(Trans::No, no), (Trans::Yes, yes)] {
            let inputs = vec![wide(random, format), dense(random, shape, RANGE)];
            let name = format!("structured_dot_along, {}, x of shape {shape:?}, axis {axis}", format.name());
            cases.push(case(name, inputs, move |v| structured_dot_along(&v[0], &v[1], axis, trans)));
        }
    }
    cases
}

fn samples(random: &mut Random, format: Format) -> Vec<Case> {
    let name = |op: &str| format!("{op}, {}", format.name());
    let mut cases = vec![
        case(name("dense_from_sparse"), vec![wide(random, format)], |v| sqr(&dense_from_sparse(&v[0])?)),
        case(name("sample_dense"), vec![wide(random, format), dense(random, &[3, 4], RANGE)], |v| {
            sample_dense(&v[0], &sqr(&v[1])?)
        }),
        case(name("sample_dense on a factor"), vec![square(random, format), dense(random, &[4, 4], RANGE)], |v| {
            sample_dense(&sparse_lu(&v[0])?, &sqr(&v[1])?)
        }),
    ];
    for (left, right, axis) in
        [(&[3][..], &[4][..], 0), (&[3, 2], &[4, 2], 0), (&[2, 3], &[2, 4], 1), (&[2, 3, 2], &[2, 4, 2], 1)]
    {
        let inputs = vec![wide(random, format), dense(random, left, RANGE), dense(random, right, RANGE)];
        let name = format!("sampled_outer, {}, along axis {axis} of {left:?}", format.name());
        cases.push(case(name, inputs, move |v| sampled_outer(&v[0], &v[1], &v[2], axis)));
    }
    cases
}

fn factors(random: &mut Random, format: Format) -> Vec<Case> {
    let mut cases = Vec::new();
    for (shape, axis) in [(&[4][..], 0), (&[4, 2], 0), (&[2, 4], 1), (&[2, 4, 2], 1), (&[2, 2, 4], 2)] {
        for trans in [Trans::No, Trans::Yes] {
            let inputs = vec![square(random, format), dense(random, shape, RANGE)];
            let name = format!("solve with sparse_lu, {}, b of shape {shape:?}, {trans:?}", format.name());
            cases.push(case(name, inputs, move |v| factor_solve_axis(&sparse_lu(&v[0])?, &v[1], axis, trans)));
        }
    }
    let name = format!("inverse_on_pattern, {}", format.name());
    cases.push(case(name, vec![square(random, format)], |v| inverse_on_pattern(&sparse_lu(&v[0])?)));
    let name = format!("logdet of sparse_lu, {}", format.name());
    cases.push(case(name, vec![square(random, format)], |v| Ok(factor_logdet(&sparse_lu(&v[0])?)?.1)));
    cases
}

fn krons(random: &mut Random, format: Format) -> Vec<Case> {
    let name = |op: &str| format!("{op}, {}", format.name());
    let mut cases = vec![
        case(name("sparse_kron"), vec![wide(random, format), weights(random, format)], |v| sparse_kron(&v[0], &v[1])),
        case(name("sparse_kron with itself"), vec![wide(random, format)], |v| sparse_kron(&v[0], &v[0])),
    ];
    for side in [Side::Left, Side::Right] {
        let inputs = vec![wide(random, format), weights(random, format), wide(random, format), weights(random, format)];
        cases.push(case(format!("sparse_kron_contract {side:?}, {}", format.name()), inputs, move |v| {
            sparse_kron_contract(side, &sparse_kron(&v[0], &v[1])?, &v[2], &v[3])
        }));
    }
    for (shape, trans) in [(&[8][..], Trans::No), (&[8], Trans::Yes), (&[8, 2], Trans::No), (&[8, 2], Trans::Yes)] {
        let inputs = vec![general(random, 2), square(random, format), dense(random, shape, RANGE)];
        cases.push(case(format!("kron_solve, {}, b of shape {shape:?}, {trans:?}", format.name()), inputs, move |v| {
            kron_solve(&v[..2], &v[2], trans)
        }));
    }
    let three = vec![general(random, 2), general(random, 1), general(random, 3), dense(random, &[6], RANGE)];
    cases.push(case(name("kron_solve of three factors"), three, |v| kron_solve(&v[..3], &v[3], Trans::No)));
    let one = vec![square(random, format), dense(random, &[4], RANGE)];
    cases.push(case(name("kron_solve of one factor"), one, |v| kron_solve(&v[..1], &v[1], Trans::Yes)));
    cases
}

fn flows(random: &mut Random, format: Format) -> Vec<Case> {
    let name = |op: &str| format!("{op}, {}", format.name());
    let inputs = |random: &mut Random, shape: &[usize]| {
        let rho = [dense(random, &[], (0.1, 0.4)), dense(random, &[], (0.1, 0.4))];
        let mut inputs = vec![weights(random, format), dense(random, shape, RANGE)];
        inputs.extend(rho);
        inputs
    };
    vec![
        case(name("kronecker_flow_solve"), inputs(random, &[9]), |v| kronecker_flow_solve(&v[0], &v[2], &v[3], &v[1])),
        case(name("kronecker_flow_solve with one rho"), inputs(random, &[9]), |v| {
            let rho = mul(&v[2], &v[3])?;
            kronecker_flow_solve(&v[0], &rho, &rho, &v[1])
        }),
        case(name("kronecker_flow_solve_matrix"), inputs(random, &[9, 2]), |v| {
            kronecker_flow_solve_matrix(&v[0], &v[2], &v[3], &v[1])
        }),
        case(name("sparse_flow_solve"), inputs(random, &[9]), |v| {
            sparse_flow_solve(&v[0], &v[2], &v[3], &mul(&v[2], &neg(&v[3])?)?, &v[1])
        }),
        case(name("sparse_flow_solve_matrix"), inputs(random, &[9, 2]), |v| {
            sparse_flow_solve_matrix(&v[0], &v[2], &neg(&v[3])?, &v[3], &v[1])
        }),
        case(name("sparse_sar_solve"), inputs(random, &[3]), |v| sparse_sar_solve(&v[0], &mul(&v[2], &v[3])?, &v[1])),
        case(name("sparse_sar_solve of columns"), inputs(random, &[3, 2]), |v| {
            sparse_sar_solve(&v[0], &mul(&v[2], &v[3])?, &v[1])
        }),
        case(name("sparse_flow_logdet"), inputs(random, &[2]), |v| {
            mul(&sparse_flow_logdet(&v[0], &v[2], &v[3], &mul(&v[2], &v[3])?)?, &v[1])
        }),
        case(name("kronecker_flow_logdet"), inputs(random, &[2]), |v| {
            mul(&kronecker_flow_logdet(&v[0], &v[2], &v[3])?, &v[1])
        }),
        case(name("logdet of I - rho W"), vec![weights(random, format), dense(random, &[], (0.1, 0.4))], |v| {
            let filter = affine_on_pattern(&[(constant(1.0), identity_like(&v[0])?), (neg(&v[1])?, v[0].clone())])?;
            Ok(factor_logdet(&sparse_lu(&filter)?)?.1)
        }),
    ]
}

/// W is a constant here: directed, so with complex eigenvalues, or similar to a symmetric matrix.
fn spectral(random: &mut Random, format: Format) -> Vec<Case> {
    let directed = [(0, 1, 0.7), (0, 2, 0.3), (1, 2, 1.0), (2, 0, 0.6), (2, 1, 0.4)];
    let similar = [(0, 1, 0.5), (0, 2, 0.5), (1, 0, 1.0), (2, 0, 1.0)];
    let mut cases = Vec::new();
    for (kind, triplets) in [("directed", &directed[..]), ("similar to symmetric", &similar)] {
        let w = from_triplets(format, [3, 3], triplets).unwrap();
        let rho = |random: &mut Random| (0..3).map(|_| dense(random, &[], (0.1, 0.3))).collect::<Vec<_>>();
        for shape in [&[9][..], &[9, 2]] {
            let (mut inputs, spectrum) = (rho(random), spectrum(&w).unwrap());
            inputs.push(dense(random, shape, RANGE));
            let name = format!("spectral_flow_solve, {kind}, {}, b of shape {shape:?}", format.name());
            cases.push(case(name, inputs, move |v| spectral_flow_solve(&spectrum, &v[0], &v[1], &v[2], &v[3])));
        }
        let constant = sparse_constant(w);
        let name = |op: &str| format!("{op}, {kind}, {}", format.name());
        let w = constant.clone();
        cases.push(case(name("sar_logdet"), rho(random), move |v| sar_logdet(&w, &mul(&v[0], &mul(&v[1], &v[2])?)?)));
        let w = constant.clone();
        cases.push(case(name("sparse_flow_logdet"), rho(random), move |v| sparse_flow_logdet(&w, &v[0], &v[1], &v[2])));
        let w = constant;
        cases.push(case(name("kronecker_flow_logdet"), rho(random), move |v| {
            kronecker_flow_logdet(&w, &v[0], &mul(&v[1], &v[2])?)
        }));
    }
    cases
}
