//! Where descriptions of the flow ops and their code disagree, the right reading, each with the number that pins it.

use kronograph::prelude::*;

use crate::golden::{TOLERANCE, distance, example, sparse_of, tensor_of};
use crate::weights::directed;

/// The directed W, the rhos and the right-hand side of a golden system.
struct Given {
    w: SparseMatrix,
    rho: Vec<f64>,
    b: Tensor,
    g: Tensor,
}

fn given(name: &str) -> Given {
    let golden = example(name);
    Given {
        w: sparse_of(&golden["inputs"]["W_csr"]),
        rho: tensor_of(&golden["inputs"]["rho"]).to_vec::<f64>().unwrap(),
        b: tensor_of(&golden["inputs"]["b"]),
        g: tensor_of(&golden["gradients"]["cotangent_g"]),
    }
}

fn evaluate(x: &Variable) -> Vec<f64> {
    let mut f = compile(&[], std::slice::from_ref(x), &Mode::raw()).unwrap();
    f.call(&[]).unwrap().get::<Tensor>(0).unwrap().to_vec::<f64>().unwrap()
}

/// `I - ρ W`, written out.
fn filter(w: &SparseMatrix, rho: f64) -> Variable {
    eye(w.shape()[0]).unwrap() - rho * constant(w.to_dense().unwrap())
}

/// The solution of the separable system of a golden example.
fn separable(given: &Given) -> Vec<f64> {
    let w = sparse_constant(given.w.clone());
    let [d, o] = [constant(given.rho[0]), constant(given.rho[1])];
    evaluate(&kronecker_flow_solve(&w, &d, &o, &constant(given.b.clone())).unwrap())
}

#[test]
fn the_second_step_solves_with_l_o_and_not_with_its_transpose() {
    let given = given("kron_flow_solve");
    let (o, d) = (filter(&given.w, given.rho[1]), filter(&given.w, given.rho[0]));
    let b = constant(given.b.clone());
    let right = evaluate(&solve(&kron(&o, &d).unwrap(), &b).unwrap());
    let wrong = evaluate(&solve(&kron(&transpose(&o).unwrap(), &d).unwrap(), &b).unwrap());
    assert!(distance(&separable(&given), &right) <= TOLERANCE);
    assert!(distance(&separable(&given), &wrong) > 0.03, "a symmetric W would hide it");
}

#[test]
fn the_system_is_l_o_times_l_d_and_not_the_other_way_round() {
    let given = given("kron_flow_solve");
    let (o, d) = (filter(&given.w, given.rho[1]), filter(&given.w, given.rho[0]));
    let swapped = evaluate(&solve(&kron(&d, &o).unwrap(), &constant(given.b.clone())).unwrap());
    assert!(distance(&separable(&given), &swapped) > 0.1);
}

#[test]
fn the_slow_index_is_the_origin() {
    // Region 0 leans on region 1 alone; flows that start in 1 push those that start in 0, if origins are at work.
    let w = sparse_constant(from_triplets(Format::Csr, [2, 2], &[(0, 1, 1.0)]).unwrap());
    let flows = constant(Tensor::vector(vec![0.0, 0.0, 1.0, 0.0]));
    let [none, some] = [constant(0.0), constant(0.5)];
    let by_origin = kronecker_flow_solve(&w, &none, &some, &flows).unwrap();
    let by_destination = kronecker_flow_solve(&w, &some, &none, &flows).unwrap();
    assert_eq!(evaluate(&by_origin), [0.5, 0.0, 1.0, 0.0]);
    assert_eq!(evaluate(&by_destination), [0.0, 0.0, 1.0, 0.0]);
}

#[test]
fn the_adjoint_undoes_both_legs_transposed() {
    let given = given("kron_flow_solve");
    let (w, b) = (sparse_constant(given.w.clone()), vector("b"));
    let eta = kronecker_flow_solve(&w, &constant(given.rho[0]), &constant(given.rho[1]), &b).unwrap();
    let bar = lop(&[eta], std::slice::from_ref(&b), &[constant(given.g.clone())]).unwrap().remove(0);
    let mut f = compile(&[b], &[bar], &Mode::run()).unwrap();
    let got = f.call(&[&given.b]).unwrap().get::<Tensor>(0).unwrap().to_vec::<f64>().unwrap();
    let both = kron(&filter(&given.w, given.rho[1]), &filter(&given.w, given.rho[0])).unwrap();
    let want = evaluate(&solve(&transpose(&both).unwrap(), &constant(given.g)).unwrap());
    assert!(distance(&got, &want) <= TOLERANCE);
}

#[test]
fn the_cotangent_of_a_rho_has_a_plus() {
    let given = given("sparse_flow_solve");
    let (w, dense) = (sparse_constant(given.w.clone()), constant(given.w.to_dense().unwrap()));
    let rho: Vec<Variable> = given.rho.iter().map(|&x| constant(x)).collect();
    let eta = sparse_flow_solve(&w, &rho[0], &rho[1], &rho[2], &constant(given.b)).unwrap();
    let one = eye(3).unwrap();
    let matrices = [kron(&one, &dense).unwrap(), kron(&dense, &one).unwrap(), kron(&dense, &dense).unwrap()];
    let system = rho.iter().zip(&matrices).fold(eye(9).unwrap(), |system, (rho, matrix)| system - rho * matrix);
    let v = solve(&transpose(&system).unwrap(), &constant(given.g)).unwrap();
    let want = tensor_of(&example("sparse_flow_solve")["gradients"]["rho_bar"]).to_vec::<f64>().unwrap();
    for (matrix, want) in matrices.iter().zip(want) {
        let plus = evaluate(&matmul(&v, &matmul(matrix, &eta).unwrap()).unwrap())[0];
        assert!((plus - want).abs() <= TOLERANCE * want.abs() && (plus + want).abs() > 0.7);
    }
}

#[test]
fn second_derivatives_are_not_zero() {
    let given = given("sparse_flow_solve");
    let w = sparse_constant(given.w.clone());
    let rho = ["d", "o", "w"].map(scalar);
    let eta = sparse_flow_solve(&w, &rho[0], &rho[1], &rho[2], &constant(given.b)).unwrap();
    let cost = matmul(&constant(given.g), &eta).unwrap();
    let unit = [constant(0.0), constant(0.0), constant(1.0)];
    let column = hvp(&cost, &rho, &unit).unwrap();
    let at: Vec<Tensor> = given.rho.iter().map(|&x| Tensor::scalar(x)).collect();
    let mut f = compile(&rho, &column, &Mode::run()).unwrap();
    let answers = f.call(&[&at[0], &at[1], &at[2]]).unwrap();
    assert!((answers.scalar(1).unwrap() - 3.098071500906537).abs() < 1e-10);
    assert!((answers.scalar(2).unwrap() - 2.1183293398094127).abs() < 1e-10);
}

/// How many nodes of some ops a function has.
fn count(f: &Function, names: &[&str]) -> usize {
    let graph = f.graph();
    graph.toposort().into_iter().filter(|&node| graph.op(node).is_some_and(|op| names.contains(&&*op.name()))).count()
}

/// A value and its gradient of columns of flows.
fn value_and_gradient(general: bool, columns: usize) -> (Function, Vec<Tensor>) {
    let (w, b) = (sparse_matrix("w", Format::Csr, [Some(6), Some(6)]), matrix("b"));
    let rho = ["d", "o", "w"].map(scalar);
    let eta = match general {
        true => sparse_flow_solve_matrix(&w, &rho[0], &rho[1], &rho[2], &b),
        false => kronecker_flow_solve_matrix(&w, &rho[0], &rho[1], &b),
    };
    let cost = sum(&sqr(&eta.unwrap()).unwrap()).unwrap();
    let wrt = [&rho[..if general { 3 } else { 2 }], std::slice::from_ref(&b)].concat();
    let mut outputs = grad(&cost, &wrt).unwrap();
    outputs.push(cost);
    let inputs = [std::slice::from_ref(&w), &wrt[..]].concat();
    let mut values = vec![Tensor::scalar(0.3), Tensor::scalar(0.2), Tensor::scalar(0.1)];
    values.truncate(wrt.len() - 1);
    values.push(Tensor::new(&[36, columns], vec![1.0; 36 * columns]).unwrap());
    (compile(&inputs, &outputs, &Mode::run()).unwrap(), values)
}

#[test]
fn a_gradient_step_costs_what_it_must_and_no_more() {
    for columns in [1, 5] {
        // General route: one factorisation, one solve for the value and one for the adjoint, which is not solved again.
        // Separable: two factorisations instead of four, two leg solves each way, no sparse-dense product.
        for (general, factorisations, solves) in [(true, 1, 2), (false, 2, 4)] {
            let (mut f, values) = value_and_gradient(general, columns);
            assert_eq!(count(&f, &["factor_solve"]), solves);
            assert_eq!(count(&f, &["structured_dot", "matmul"]), 0);
            let w = directed(6, Format::Csr, 1);
            let arguments: Vec<&dyn Value> =
                std::iter::once(&w as &dyn Value).chain(values.iter().map(|value| value as &dyn Value)).collect();
            f.call(&arguments).unwrap();
            assert_eq!(f.counts().get("numeric").copied(), Some(factorisations), "for all {columns} columns");
        }
    }
}

#[test]
fn factors_of_a_product_may_be_rectangular() {
    let (a, b) = (tensor("a", DType::F64, &[Some(2), Some(3)]), tensor("b", DType::F64, &[Some(4), Some(1)]));
    assert_eq!(kron(&a, &b).unwrap().ty().to_string(), "f64 (8, 3)");
    let sparse = |name, shape: [usize; 2]| sparse_matrix(name, Format::Csr, shape.map(Some));
    assert_eq!(sparse_kron(&sparse("a", [2, 3]), &sparse("b", [4, 1])).unwrap().ty().to_string(), "csr f64 (8, 3)");
}
