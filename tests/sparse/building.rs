//! Building matrices of parts and of blocks, and which gradient one asks for.

use kronograph::graph::Gradient;
use kronograph::sparse::{
    self, construct_sparse_from_list, csm, csm_data, dense_from_sparse_regular, get_item_2d, hstack, is_sparse,
    sparse_cast, vstack,
};

use super::*;

/// However a graph ends, the option gives the gradient on what is stored; the default is what each op says.
#[test]
fn point_09_one_option_gives_one_kind_of_gradient() {
    let value = a();
    let x = sparse("x", &value);
    let w = constant(counting(&[2, 3]));
    let costs =
        [dense_from_sparse(&x), dense_from_sparse_regular(&x)].map(|whole| sum(&(&w * &whole.unwrap())).unwrap());
    let plain = costs.clone().map(|cost| grad(&cost, std::slice::from_ref(&x)).unwrap().remove(0));
    let structured =
        costs.map(|cost| Gradient::of(&cost).unwrap().structured().wrt(std::slice::from_ref(&x)).unwrap().remove(0));
    let answers = call(&[x], &[plain, structured].concat(), &[&value]);
    let kinds: Vec<_> = answers.iter().map(|answer| (stored(&**answer).nnz(), entries(&**answer))).collect();
    assert_eq!(kinds[0], (3, vec![1.0, 0.0, 3.0, 0.0, 0.0, 6.0]));
    assert_eq!(kinds[1], (6, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    assert_eq!(kinds[2], kinds[0]);
    assert_eq!(kinds[3], kinds[0]);
}

/// A sparse variable gets a sparse gradient, and on request one of its pattern: a step keeps its storage.
#[test]
fn point_22_a_step_along_the_gradient_keeps_the_pattern() {
    let value = a();
    let (x, right) = (sparse("x", &value), constant(counting(&[3, 2])));
    let cost = sum(&matmul(&dense_from_sparse_regular(&x).unwrap(), &right).unwrap()).unwrap();
    let whole = grad(&cost, std::slice::from_ref(&x)).unwrap().remove(0);
    assert!(is_sparse(&whole));
    let gradient = Gradient::of(&cost).unwrap().structured().wrt(std::slice::from_ref(&x)).unwrap().remove(0);
    let step = &x + &(&gradient * -1.0);
    let answers = call(&[x], &[whole, gradient, step], &[&value]);
    assert_eq!(entries(&*answers[0]), [3.0, 7.0, 11.0, 3.0, 7.0, 11.0]);
    assert_eq!((stored(&*answers[1]).nnz(), stored(&*answers[2]).nnz()), (3, 3));
    assert_eq!(entries(&*answers[2]), [-2.0, 0.0, -9.0, 0.0, 0.0, -8.0]);
}

/// Two routes to one product have one structured gradient; their sum stays sparse.
#[test]
fn point_45_two_routes_have_one_gradient() {
    let value = a();
    let (x, right) = (sparse("x", &value), constant(counting(&[3, 2])));
    let routes = [structured_dot(&x, &right).unwrap(), dot(&x, &right).unwrap()];
    let costs = routes.map(|product| sum(&product).unwrap());
    let total = &costs[0] + &costs[1];
    let gradient =
        |cost: &Variable| Gradient::of(cost).unwrap().structured().wrt(std::slice::from_ref(&x)).unwrap().remove(0);
    let gradients = [gradient(&costs[0]), gradient(&costs[1]), gradient(&total)];
    let answers = call(std::slice::from_ref(&x), &gradients, &[&value]);
    let want = [3.0, 0.0, 11.0, 0.0, 0.0, 11.0];
    for (answer, times) in answers.iter().zip([1.0, 1.0, 2.0]) {
        assert_eq!(stored(&**answer).nnz(), 3);
        assert_eq!(entries(&**answer), want.map(|entry| times * entry));
    }
}

/// An integer block has a gradient of zero and does not stand in the way of the others.
#[test]
fn point_10_integer_blocks_leave_the_gradient_of_others_alone() {
    let (value, whole) = (a(), a().to_dtype(DType::I32).unwrap());
    let (x, n) = (sparse("x", &value), sparse("n", &whole));
    for (all, want) in [
        (hstack(&[n.clone(), x.clone()], None).unwrap(), [4.0, 5.0, 6.0, 10.0, 11.0, 12.0]),
        (vstack(&[n.clone(), x.clone()], None).unwrap(), [7.0, 8.0, 9.0, 10.0, 11.0, 12.0]),
    ] {
        let gradient = grad(&weighed(&all), std::slice::from_ref(&x)).unwrap().remove(0);
        let inputs = [x.clone(), n.clone()];
        let answers = call(&inputs, &[all.clone(), gradient], &[&value, &whole]);
        assert_eq!(stored(&*answers[0]).dtype(), DType::F64);
        assert_eq!(entries(&*answers[1]), want);
        let (gradient, of_n) = (Gradient::of(&weighed(&all)).unwrap(), [n.clone()]);
        assert!(!matches!(gradient.kinds(&of_n).unwrap()[0], kronograph::graph::Grad::Var(_)));
    }
}

/// Rows of a dense matrix by a list, as its documentation says; all of them are stored, and sum.
#[test]
fn rows_are_constructed_from_a_list_and_sum() {
    let x = constant(counting(&[4, 3]));
    let values = tensor("values", DType::F64, &[Some(2), Some(3)]);
    let given = Tensor::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 0.0]).unwrap();
    let built = |rows: Vec<i64>| construct_sparse_from_list(&x, &values, &constant(rows)).unwrap();
    let (apart, together) = (built(vec![2, 0]), built(vec![2, 2]));
    let gradient = grad(&weighed(&apart), std::slice::from_ref(&values)).unwrap().remove(0);
    let answers = call(&[values], &[apart, together, gradient], &[&given]);
    assert_eq!(stored(&*answers[0]).nnz(), 6);
    assert_eq!(entries(&*answers[0])[..3], [4.0, 5.0, 0.0]);
    assert_eq!(entries(&*answers[1])[6..9], [5.0, 7.0, 3.0]);
    assert_eq!(entries(&*answers[2]), [7.0, 8.0, 9.0, 1.0, 2.0, 3.0]);
}

/// Each fault of the parts is refused where they become a matrix, with what is wrong.
#[test]
fn point_18_csm_refuses_invalid_structure() {
    let parts = [tensor("data", DType::F64, &[None]), tensor("indices", DType::I64, &[None])];
    let more = [tensor("indptr", DType::I64, &[None]), tensor("shape", DType::I64, &[None])];
    let x = csm(&parts[0], &parts[1], &more[0], &more[1], Format::Csr).unwrap();
    let mut f = compile(&[parts, more].concat(), &[x], &Mode::run()).unwrap();
    let mut refused = |data: &[f64], indices: &[i64], indptr: &[i64], shape: &[i64]| {
        let integers = [indices, indptr, shape].map(|list| Tensor::vector(list.to_vec()));
        let error = f.call(&[&Tensor::vector(data.to_vec()), &integers[0], &integers[1], &integers[2]]);
        error.map(|_| ()).unwrap_err().to_string()
    };
    let cases = [
        (refused(&[1.0, 2.0], &[0, 3], &[0, 1, 2], &[2, 3]), "index 3 (slot 1) is out of range"),
        (refused(&[1.0, 2.0], &[0, -1], &[0, 1, 2], &[2, 3]), "index -1 (at 1) is negative"),
        (refused(&[1.0, 2.0], &[0, 1], &[0, 2, 1], &[2, 3]), "it starts at Some(0) and ends at Some(1)"),
        (refused(&[1.0, 2.0], &[0, 1], &[0, 3, 2], &[2, 3]), "indptr decreases after slice 1"),
        (refused(&[1.0, 2.0], &[0, 1], &[1, 2, 2], &[2, 3]), "indptr must start at 0"),
        (refused(&[1.0, 2.0], &[0, 1], &[0, 2], &[2, 3]), "indptr has 2 entries, a matrix with 2 slices needs 3"),
        (refused(&[1.0], &[0, 1], &[0, 1, 2], &[2, 3]), "there are 2 indices and 1 values"),
        (refused(&[], &[], &[0, 0, 0], &[2, 3, 1]), "a shape has two lengths, given are 3"),
        (refused(&[], &[], &[0], &[0, -3]), "is negative"),
        (refused(&[1.0], &[0, 1 << 40], &[0, 1, 2], &[2, 3]), "does not fit into 32 bits"),
    ];
    for (error, text) in cases {
        assert!(error.contains(text) && error.contains("csm"), "{error}");
    }
}

/// One block becomes a matrix of the format; none is refused.
#[test]
fn point_29_one_block_is_converted_and_none_is_refused() {
    let value = unsorted();
    let x = sparse("x", &value);
    type Build = fn(&[Variable]) -> kronograph::graph::Result<Variable>;
    let builds: [Build; 3] =
        [|x| hstack(x, Format::Csc), |x| vstack(x, Format::Csc), |x| sparse::block_diag(x, Format::Csc)];
    for build in builds {
        let one = build(std::slice::from_ref(&x)).unwrap();
        assert_eq!(one.ty().to_string(), "csc f64 (2, 3)");
        let answers = call(std::slice::from_ref(&x), &[one], &[&value]);
        assert_eq!((entries(&*answers[0]), stored(&*answers[0]).nnz()), (entries(&value), 4));
        let error = build(&[]).unwrap_err().to_string();
        assert!(error.contains("there are no blocks to stack"), "{error}");
    }
    let error = hstack(&[x, constant(counting(&[2, 2]))], None).unwrap_err().to_string();
    assert!(error.contains("a sparse matrix is needed"), "{error}");
}

/// Values of one position are summed, and each of them gets the cotangent of the sum; so at every order.
#[test]
fn parts_with_positions_twice_sum() {
    let data = vector("data");
    let parts = [vec![0i64, 0, 2], vec![0, 2, 3], vec![2, 3]].map(constant);
    let built = csm(&data, &parts[0], &parts[1], &parts[2], Format::Csr).unwrap();
    let first = grad(&weighed(&built), std::slice::from_ref(&data)).unwrap().remove(0);
    let cost = sum(&exp(&csm_data(&built).unwrap()).unwrap()).unwrap();
    let second = hvp(&cost, std::slice::from_ref(&data), &[constant(vec![1.0, 0.0, 0.0])]).unwrap().remove(0);
    let answers = call(&[data], &[built, first, second], &[&Tensor::vector(vec![1.0, 2.0, 3.0])]);
    assert_eq!((entries(&*answers[0]), stored(&*answers[0]).nnz()), (vec![3.0, 0.0, 0.0, 0.0, 0.0, 3.0], 2));
    assert_eq!(entries(&*answers[1]), [1.0, 1.0, 6.0]);
    let e = 3f64.exp();
    assert_eq!(entries(&*answers[2]), [e, e, 0.0]);
}

/// One door: the same value is a constant, an argument and what a shared variable holds.
#[test]
fn point_41_one_value_enters_everywhere() {
    let value = unsorted();
    let x = sparse("x", &value);
    let shared = kronograph::graph::Shared::new("shared", x.ty().clone(), value.clone()).unwrap();
    let outputs = [
        dense_from_sparse(&x).unwrap(),
        dense_from_sparse(&sparse_constant(value.clone())).unwrap(),
        dense_from_sparse(shared.variable()).unwrap(),
    ];
    let answers = call(&[x], &outputs, &[&value]);
    answers.iter().for_each(|answer| assert_eq!(entries(&**answer), entries(&value)));
}

/// A dense block is stored in full, zeros included, and has a dense gradient.
#[test]
fn dense_blocks_are_stored_in_full() {
    let (x, d) = (sparse("x", &a()), matrix("d"));
    let all = sparse::block_diag(&[d.clone(), x.clone(), sparse_cast(&x, DType::I32).unwrap()], Format::Csr).unwrap();
    let cost =
        sum(&dense_from_sparse(&get_item_2d(&all, Index::slice(0, 2, 1), Index::ALL).unwrap()).unwrap()).unwrap();
    let gradient = grad(&cost, std::slice::from_ref(&d)).unwrap().remove(0);
    let given = Tensor::new(&[2, 2], vec![0.0, 1.0, 2.0, 0.0]).unwrap();
    let answers = call(&[x, d], &[all, gradient], &[&a(), &given]);
    assert_eq!(stored(&*answers[0]).nnz(), 10);
    assert_eq!(entries(&*answers[1]), [1.0; 4]);
}

/// By name, dense blocks make a dense matrix, and a sparse one where a format is given.
#[test]
fn a_format_asks_for_sparse_blocks_on_the_diagonal() {
    use kronograph::graph::{OpRegistry, Props};
    let (blocks, registry) = ([matrix("a"), matrix("b")], kronograph::registry());
    let entry = registry.get("block_diag").unwrap();
    let built = |props: Props| entry.build(&props, &blocks).unwrap()[0].ty().to_string();
    assert_eq!(built(Props::default()), "f64 (?, ?)");
    assert_eq!(built(Props::default().with("format", "csr")), "csr f64 (?, ?)");
    let error = OpRegistry::default().with(sparse::entries()).unwrap_err().to_string();
    assert!(error.contains("block_diag: the registry has no such op to answer for"), "{error}");
}
