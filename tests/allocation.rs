//! A steady call allocates nothing: the fitted Austrian model, value and gradient, and a few ops of other kinds.
//!
//! The allocator counts for this whole binary, so there is one test in it.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use kronograph::ops::covariance::Structure;
use kronograph::ops::{
    KsTrace, block_diag, cumprod, einsum, flip, if_else, kronsum, kronsum_diag, ks_decompose_diag, log_softmax,
    logsumexp_axes, min_axes, prod, random, roll, softmax_axes, sort, split, std, tile,
};
use kronograph::prelude::*;
use kronograph::sparse::{
    clean, col_scale, csm, csm_properties, get_item_2d, get_item_2lists, get_item_list, get_item_scalar, hstack,
    row_scale, sampling_dot, sp_sum, sp_sum_structured, sparse_cast, structured_add_s_v, true_dot, vstack,
};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged; counting touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are those of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are those of `System`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are those of `System`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static GLOBAL: Counting = Counting;

/// The allocations of one call of a function that was called before.
fn allocations(function: &mut Function, arguments: &[&dyn Value]) -> usize {
    for _ in 0..3 {
        function.call_ref(arguments).unwrap();
    }
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    for _ in 0..10 {
        let out = function.call_ref(arguments).unwrap();
        std::hint::black_box(out.scalar(0).unwrap());
    }
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

fn with_gradient(inputs: &[Variable], cost: &Variable) -> Function {
    let gradients = grad(cost, inputs).unwrap();
    compile(inputs, &[std::slice::from_ref(cost), &gradients[..]].concat(), &Mode::run()).unwrap()
}

/// The log-likelihood of the separable Poisson flow model on the Austrian data.
fn austria(theta: &Variable) -> Variable {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/flows_austria");
    let w = read_matrix_market_file(folder.join("W_queen.mtx"), Format::Csr).unwrap().row_standardized();
    let table = std::fs::read_to_string(folder.join("flows.csv")).unwrap();
    let (mut y, mut x, mut observed) = (Vec::new(), Vec::new(), Vec::new());
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |k: usize| fields[k].parse::<f64>().unwrap();
        y.push(number(2));
        x.extend([1.0, number(3).ln(), number(4).ln(), number(5)]);
        observed.push(if fields[0] == fields[1] { 0.0 } else { 1.0 });
    }
    let x = constant(Tensor::new(&[81, 4], x).unwrap());
    let rho = |at: i64| subtensor(theta, &[Index::at(at)]).unwrap();
    let b = matmul(&x, &slice(theta, 0, 4).unwrap()).unwrap();
    let eta = kronecker_flow_solve(&sparse_constant(w), &rho(4), &rho(5), &b).unwrap();
    sum(&(constant(observed) * (constant(y) * &eta - exp(&eta).unwrap()))).unwrap()
}

/// Scalars made of reductions, shapes and the order of elements of a matrix.
fn catalogue(x: &Variable) -> kronograph::graph::Result<Vec<(&'static str, Variable)>> {
    let pieces = split(&roll(x, 1, 0)?, [1, 3], 1)?;
    let (square, dims) = (matmul(&transpose(x)?, x)?, [Dim::axis(x, 0), Dim::from(4)]);
    let narrow = sum_axes(&cast(x, DType::F32)?, &[0])?;
    Ok(vec![
        ("softmax", sum(&sqr(&softmax_axes(x, &[1])?)?)?),
        ("logsumexp", sum(&logsumexp_axes(x, &[0])?)?),
        ("log_softmax", sum(&log_softmax(x)?)?),
        ("std", std(x)?),
        ("prod", prod(&sqr(x)?)?),
        ("min", sum(&min_axes(x, &[0])?)?),
        ("cumprod", sum(&cumprod(x, 1)?)?),
        ("tile", sum(&sqr(&tile(x, [2, 2])?)?)?),
        ("flip", sum(&sqr(&flip(x, &[0])?)?)?),
        ("split and roll", sum(&sqr(&pieces[1])?)?),
        ("sort", sum(&sqr(&sort(x, 1)?)?)?),
        ("a sum in f32", cast(&sum(&narrow)?, DType::F64)?),
        ("if_else", if_else(&gt(&sum(x)?, 0.0)?, &sum(&sqr(x)?)?, &sum(&exp(x)?)?)?),
        ("rows by positions", sum(&sqr(&subtensor(x, &[Index::array(&constant(vec![2i64, 0, 2]))])?)?)?),
        ("kron", sum(&sqr(&kron(x, x)?)?)?),
        ("kronsum and partial traces", sum(&sqr(&kronsum(&[square.clone(), square])?)?)?),
        ("kronsum_diag", sum(&sqr(&kronsum_diag(&[sum_axes(x, &[0])?, sum_axes(x, &[1])?])?)?)?),
        ("ks_decompose_diag", sum(&sqr(&ks_decompose_diag(&ravel(x)?, dims, KsTrace::Equal)?.0[1])?)?),
        ("einsum", einsum("ij,kj->", &[x.clone(), sqr(x)?])?),
    ])
}

/// Scalars made of draws whose parameters are positive functions of a matrix.
fn draws(rng: &Variable, x: &Variable) -> kronograph::graph::Result<Vec<(&'static str, Variable)>> {
    let (positive, p) = (exp(x)?, sigmoid(x)?);
    let total = |(_, draw): (Variable, Variable)| sum(&cast(&draw, DType::F64)?);
    Ok(vec![
        ("uniform", total(random::uniform(rng, x, &(x + 1.0), None)?)?),
        ("normal", total(random::normal(rng, x, &positive, None)?)?),
        ("exponential", total(random::exponential(rng, &positive, None)?)?),
        ("gamma", total(random::gamma(rng, &positive, 2.0, None)?)?),
        ("beta", total(random::beta(rng, &positive, 2.0, None)?)?),
        ("bernoulli", total(random::bernoulli(rng, &p, None)?)?),
        ("poisson", total(random::poisson(rng, &(10.0 * &positive), None)?)?),
        ("binomial", total(random::binomial(rng, 40, &p, None)?)?),
        ("negative_binomial", total(random::negative_binomial(rng, &positive, &p, None)?)?),
        ("categorical", total(random::categorical(rng, &softmax_axes(x, &[1])?, None)?)?),
        ("permutation", total(random::permutation(rng, Dim::axis(x, 0))?)?),
    ])
}

/// The log-density of 12 numbers with covariance `AR1 ⊗ AR1 + σ² I`.
fn noisy_product(raw: &Variable, y: &Variable) -> kronograph::graph::Result<Variable> {
    let product = Structure::kronecker_product([Structure::ar1(3)?, Structure::ar1(4)?])?;
    Structure::sum([product, Structure::scalar(12)?])?.build(raw)?.logp(y, &constant(0.0))
}

/// Scalars made of parts of a sparse (2, 3) matrix and of stacks of it, and of a list of two rows.
fn parts_and_stacks(x: &Variable, list: &Variable) -> kronograph::graph::Result<Vec<(&'static str, Variable)>> {
    let squares = |x: &Variable| sum(&sqr(&dense_from_sparse(x)?)?);
    let [data, indices, indptr, shape] = csm_properties(x)?;
    let rows = get_item_list(x, list)?;
    Ok(vec![
        ("slices", squares(&get_item_2d(x, Index::slice(None, None, -1), Index::slice(1, None, 1))?)?),
        ("lists", squares(&rows)? + squares(&get_item_2d(&rows, Index::ALL, Index::array(list))?)?),
        ("entries", sum(&sqr(&get_item_2lists(x, list, list)?)?)? + get_item_scalar(x, 0, 2)?),
        ("stacks", squares(&hstack(&[x.clone(), rows.clone()], None)?)? + squares(&vstack(&[rows, x.clone()], None)?)?),
        ("blocks and diagonals", squares(&block_diag(&[x.clone(), transpose(x)?])?)?),
        ("a matrix of its parts", squares(&csm(&sqr(&data)?, &indices, &indptr, &shape, Format::Csr)?)?),
    ])
}

/// Inputs, and scalars made of products of sparse matrices (2, 3) and (3, 2) and a dense one (2, 3), read across.
fn products() -> Vec<(&'static str, (Vec<Variable>, Variable))> {
    let build = || -> kronograph::graph::Result<_> {
        let (x, y) = (sparse_matrix("x", Format::Csr, [None; 2]), sparse_matrix("y", Format::Csc, [None; 2]));
        let z = matrix("z");
        let squares = |x: &Variable| sum(&sqr(&dense_from_sparse(x)?)?);
        let (across, inputs) = (transpose(&z)?, vec![x.clone(), y.clone(), z.clone()]);
        let others = sum(&sqr(&z)?)? + squares(&x)? + squares(&y)?;
        let of = |cost: Variable| (inputs.clone(), cost + &others);
        Ok(vec![
            ("true_dot", of(squares(&true_dot(&x, &y)?)?)),
            ("structured_dot of sparse ones", of(squares(&structured_dot(&x, &y)?)?)),
            ("structured_dot", of(sum(&sqr(&structured_dot(&x, &across)?)?)?)),
            ("sampling_dot", of(squares(&sampling_dot(&z, &matmul(&across, &z)?, &x)?)?)),
        ])
    };
    build().unwrap()
}

/// Scalars made of sums, products and functions of a sparse matrix and a vector; some entries cancel or are zero.
fn sparse_parts(x: &Variable, s: &Variable) -> kronograph::graph::Result<Vec<(&'static str, Variable)>> {
    let total = |y: &Variable| sp_sum_structured(y, None);
    let holds = |relation: Variable| total(&sparse_cast(&relation, DType::F64)?);
    let whole = dense_from_sparse(x)?;
    Ok(vec![
        ("col_scale", total(&col_scale(x, s)?)?),
        ("row_scale", total(&row_scale(&sparse_transpose(x)?, s)?)?),
        ("a sum that cancels", total(&(x - col_scale(x, &constant(vec![1.0, 2.0, 1.0]))?))?),
        ("a product with zeros", total(&(x * sqr(x)?))?),
        ("times a matrix", total(&(x * &whole))?),
        ("over a scalar", total(&(x / max(s)?))?),
        ("plus a matrix", sum(&(x + &whole))?),
        ("structured_add_s_v", total(&structured_add_s_v(x, s)?)?),
        ("sums of columns", sum(&sqr(&sp_sum(x, Some(0))?)?)?),
        ("sums of rows", sum(&sqr(&sp_sum_structured(x, Some(1))?)?)?),
        ("functions of what is stored", total(&structured(&tanh(x)?, exp)?)?),
        ("clean", total(&clean(x)?)?),
        ("compared with a scalar", holds(gt(x, 0.5)?)? + total(x)?),
        ("compared with a matrix", holds(le(x, &sqr(x)?)?)? + total(x)?),
    ])
}

#[test]
fn a_steady_call_allocates_nothing() {
    let theta = tensor("theta", DType::F64, &[Some(6)]);
    let mut model = with_gradient(std::slice::from_ref(&theta), &austria(&theta));
    let fitted = Tensor::vector(vec![-8.52, 0.9408, 0.9794, -0.006867, -0.0402, -0.0759]);
    assert_eq!(allocations(&mut model, &[&fitted]), 0, "the fitted flow model");
    let mut fork = model.fork();
    assert_eq!(allocations(&mut fork, &[&fitted]), 0, "a fork of it");

    let (x, y) = (vector("x"), vector("y"));
    let dense = mean(&(tanh(&(&x * &y)).unwrap() + softplus(&x).unwrap() * 0.5)).unwrap() + max(&y).unwrap();
    let mut dense = with_gradient(&[x, y], &dense);
    let (x, y) = (Tensor::vector(vec![0.1; 100]), Tensor::vector((0..100).map(f64::from).collect()));
    assert_eq!(allocations(&mut dense, &[&x, &y]), 0, "elementwise functions and reductions");

    let x = tensor("x", DType::F64, &[None, Some(4)]);
    let at = Tensor::new(&[3, 4], (1..13).map(|k| f64::from(k).sin()).collect()).unwrap();
    let parts = catalogue(&x).unwrap();
    let all = parts.iter().map(|(_, cost)| cost.clone()).reduce(|a, b| a + b).unwrap();
    for (name, cost) in parts.into_iter().chain([("all of them", all)]) {
        let mut function = with_gradient(std::slice::from_ref(&x), &cost);
        assert_eq!(allocations(&mut function, &[&at]), 0, "{name}");
    }

    let rng = random::rng_state("rng");
    for (name, cost) in draws(&rng, &x).unwrap() {
        let mut function = compile(&[rng.clone(), x.clone()], &[cost], &Mode::run()).unwrap();
        assert_eq!(allocations(&mut function, &[&random::RngState::new(1), &at]), 0, "{name}");
    }

    let x = sparse_matrix("x", Format::Csr, [Some(2), Some(3)]);
    let list = tensor("list", DType::I64, &[None]);
    for (name, cost) in parts_and_stacks(&x, &list).unwrap() {
        let gradient = grad(&cost, std::slice::from_ref(&x)).unwrap().remove(0);
        let mut function = compile(&[x.clone(), list.clone()], &[cost, gradient], &Mode::run()).unwrap();
        let value = from_triplets(Format::Csr, [2, 3], &[(0, 0, 1.0), (0, 2, 2.0), (1, 2, 3.0)]).unwrap();
        assert_eq!(allocations(&mut function, &[&value, &Tensor::vector(vec![1i64, 1])]), 0, "{name}");
    }

    let w = from_triplets(Format::Csr, [3, 3], &[(0, 1, 1.0), (1, 0, 0.5), (1, 2, 0.5), (2, 1, 1.0)]).unwrap();
    let (rho, b) = (scalar("rho"), matrix("B"));
    let flows = kronecker_flow_solve_matrix(&sparse_constant(w), &rho, &rho, &b).unwrap();
    let mut flows = with_gradient(&[rho, b], &sum(&sqr(&flows).unwrap()).unwrap());
    for columns in [1, 3, 10, 70] {
        let b = Tensor::new(&[9, columns], (0..9 * columns).map(|k| k as f64).collect()).unwrap();
        assert_eq!(allocations(&mut flows, &[&Tensor::scalar(0.3), &b]), 0, "{columns} columns of flows");
    }

    let values = [
        from_triplets(Format::Csr, [2, 3], &[(0, 0, 1.0), (0, 2, 2.0), (1, 2, 3.0)]).unwrap(),
        from_triplets(Format::Csc, [3, 2], &[(0, 0, 1.0), (1, 1, 2.0), (2, 0, 3.0)]).unwrap(),
    ];
    for (name, cost) in products() {
        let mut function = with_gradient(&cost.0, &cost.1);
        let dense = Tensor::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let arguments: [&dyn Value; 3] = [&values[0], &values[1], &dense];
        assert_eq!(allocations(&mut function, &arguments), 0, "{name}");
    }

    let x = sparse_matrix("x", Format::Csr, [Some(2), Some(3)]);
    let s = tensor("s", DType::F64, &[Some(3)]);
    let at = SparseMatrix::new(Format::Csr, [2, 3], vec![2.0, 0.0, 1.0, 3.0], vec![2, 1, 0, 2], vec![0, 3, 4]).unwrap();
    for (name, cost) in sparse_parts(&x, &s).unwrap() {
        let gradients = grad(&(cost.clone() + sum(&s).unwrap()), &[x.clone(), s.clone()]).unwrap();
        let mut function = compile(&[x.clone(), s.clone()], &[&[cost], &gradients[..]].concat(), &Mode::run()).unwrap();
        assert_eq!(allocations(&mut function, &[&at, &Tensor::vector(vec![0.5, 1.5, 2.5])]), 0, "{name}");
    }

    let (a, b) = (matrix("A"), vector("b"));
    let quadratic = sum(&(solve(&a, &b).unwrap() * &b)).unwrap() + slogdet(&a).unwrap().1;
    let mut quadratic = with_gradient(&[a, b], &quadratic);
    let (a, b) = (Tensor::new(&[2, 2], vec![3.0, 1.0, 1.0, 2.0]).unwrap(), Tensor::vector(vec![1.0, -1.0]));
    assert_eq!(allocations(&mut quadratic, &[&a, &b]), 0, "a dense solve and a log-determinant");

    let raw = tensor("raw", DType::F64, &[Some(5)]);
    let y = constant((0..12).map(|k| f64::from(k).cos()).collect::<Vec<_>>());
    let mut noisy = with_gradient(std::slice::from_ref(&raw), &noisy_product(&raw, &y).unwrap());
    let at = Tensor::vector(vec![0.1, 0.4, -0.1, 0.3, -0.5]);
    assert_eq!(allocations(&mut noisy, &[&at]), 0, "a Kronecker covariance with a nugget");

    let (a, b) = (tensor("A", DType::F64, &[None; 3]), tensor("b", DType::F64, &[None; 3]));
    let stacks = sum(&(solve(&a, &b).unwrap() * &b)).unwrap() + sum(&slogdet(&a).unwrap().1).unwrap();
    let mut stacks = with_gradient(&[a, b], &stacks);
    let a = Tensor::new(&[3, 2, 2], [[3.0, 1.0, 1.0, 2.0]; 3].concat()).unwrap();
    let b = Tensor::new(&[3, 2, 1], vec![1.0; 6]).unwrap();
    assert_eq!(allocations(&mut stacks, &[&a, &b]), 0, "solves and log-determinants of a stack");

    let (a, b) = (scalar("a"), tensor("b", DType::F64, &[Some(20)]));
    let cost =
        sum(&tanh(&(&b * exp(&a).unwrap())).unwrap()).unwrap() - sum(&sqr(&slice(&b, 1, 5).unwrap()).unwrap()).unwrap();
    let mut door = value_and_gradient(&cost, &[a, b], &Mode::run()).unwrap();
    assert_eq!(door.function().node_count(), 1);
    let (point, mut gradient) = ([0.1; 21], [0.0; 21]);
    door.eval(&point, &mut gradient).unwrap();
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    for _ in 0..10 {
        std::hint::black_box(door.eval(&point, &mut gradient).unwrap());
    }
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - before, 0, "a fused model behind the door");
}
