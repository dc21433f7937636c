//! Each flow system against golden numbers: value, both modes, Hessian, the reverse mode of the reverse mode.

use kronograph::prelude::*;
use serde_json::Value as Json;

use crate::golden::{TOLERANCE, assert_golden, distance, example, sparse_of, tensor_of};

/// A flow system: its variables, their values, and its solution.
struct System {
    inputs: Vec<Variable>,
    values: Vec<Tensor>,
    rho: Vec<Variable>,
    b: Variable,
    g: Variable,
    eta: Variable,
    golden: Json,
}

impl System {
    fn new(name: &str, format: Format) -> Self {
        let golden = example(name);
        let w = sparse_constant(sparse_of(&golden["inputs"]["W_csr"]).to_format(format));
        let numbers = tensor_of(&golden["inputs"]["rho"]).to_vec::<f64>().unwrap();
        let columns = golden["inputs"].get("B").is_some();
        let right = tensor_of(&golden["inputs"][if columns { "B" } else { "b" }]);
        let rho: Vec<Variable> = (0..numbers.len()).map(|k| scalar(&format!("rho_{k}"))).collect();
        let (b, g) = if columns { (matrix("b"), matrix("g")) } else { (vector("b"), vector("g")) };
        let eta = match (&rho[..], columns) {
            ([d, o], false) => kronecker_flow_solve(&w, d, o, &b),
            ([d, o], true) => kronecker_flow_solve_matrix(&w, d, o, &b),
            ([d, o, both], false) => sparse_flow_solve(&w, d, o, both, &b),
            ([d, o, both], true) => sparse_flow_solve_matrix(&w, d, o, both, &b),
            ([rho], _) => sparse_sar_solve(&w, rho, &b),
            _ => unreachable!("one rho, two or three"),
        };
        let inputs = [&rho[..], &[b.clone(), g.clone()]].concat();
        let mut values: Vec<Tensor> = numbers.into_iter().map(Tensor::scalar).collect();
        values.extend([right, tensor_of(&golden["gradients"]["cotangent_g"])]);
        Self { inputs, values, rho, b, g, eta: eta.unwrap(), golden }
    }

    /// The values of outputs, which both modes agree on to the golden tolerance.
    fn run(&self, outputs: &[Variable]) -> Vec<Tensor> {
        let arguments: Vec<&dyn Value> = self.values.iter().map(|value| value as &dyn Value).collect();
        let call = |mode: &Mode| {
            let answers = compile(&self.inputs, outputs, mode).unwrap().call(&arguments).unwrap();
            (0..outputs.len()).map(|k| answers.get::<Tensor>(k).unwrap().clone()).collect::<Vec<_>>()
        };
        let (raw, rewritten) = (call(&Mode::raw()), call(&Mode::run()));
        for (a, b) in raw.iter().zip(&rewritten) {
            let (a, b) = (a.to_vec::<f64>().unwrap(), b.to_vec::<f64>().unwrap());
            assert!(a.iter().all(|x| *x == 0.0) || distance(&b, &a) <= TOLERANCE);
        }
        raw
    }

    fn rho_and_b(&self) -> Vec<Variable> {
        [&self.rho[..], std::slice::from_ref(&self.b)].concat()
    }
}

/// Scalars as one vector.
fn stack(scalars: &[Tensor]) -> Tensor {
    Tensor::vector(scalars.iter().flat_map(|scalar| scalar.to_vec::<f64>().unwrap()).collect::<Vec<_>>())
}

fn each_system(check: fn(&System)) {
    let separable = ["kron_flow_solve", "kron_flow_solve_matrix"];
    for name in [&separable[..], &["sparse_flow_solve", "sparse_flow_solve_matrix", "sparse_sar_solve"]].concat() {
        check(&System::new(name, Format::Csr));
        check(&System::new(name, Format::Csc));
    }
}

#[test]
fn values_are_golden_and_not_those_of_the_wrong_formula() {
    each_system(|system| {
        let outputs = &system.golden["outputs"];
        let want = outputs.get("eta").or_else(|| outputs.get("H")).unwrap();
        let eta = system.run(std::slice::from_ref(&system.eta)).remove(0);
        assert_golden("eta", &eta, want);
        assert_eq!(eta.shape(), tensor_of(want).shape());
        if let Some(wrong) = outputs.get("wrong_if_LoT") {
            let wrong = tensor_of(wrong).to_vec::<f64>().unwrap();
            assert!(distance(&eta.to_vec::<f64>().unwrap(), &wrong) > 1e-3);
        }
    });
}

#[test]
fn reverse_mode_is_golden() {
    each_system(|system| {
        let bars =
            lop(std::slice::from_ref(&system.eta), &system.rho_and_b(), std::slice::from_ref(&system.g)).unwrap();
        let mut bars = system.run(&bars);
        assert_golden("b_bar", &bars.pop().unwrap(), &system.golden["gradients"]["b_bar"]);
        assert_golden("rho_bar", &stack(&bars), &system.golden["gradients"]["rho_bar"]);
    });
}

#[test]
fn forward_mode_is_golden() {
    each_system(|system| {
        let direction = &system.golden["gradients"]["jvp_direction"];
        let moves = tensor_of(&direction["drho"]).to_vec::<f64>().unwrap();
        let mut tangents: Vec<Variable> = moves.into_iter().map(constant).collect();
        tangents.push(constant(tensor_of(&direction["db"])));
        let pushed = rop(std::slice::from_ref(&system.eta), &system.rho_and_b(), &tangents).unwrap();
        assert_golden("jvp", &system.run(&pushed)[0], &system.golden["gradients"]["jvp"]);
    });
}

#[test]
fn the_hessian_in_rho_is_golden() {
    each_system(|system| {
        let cost = sum(&mul(&system.g, &system.eta).unwrap()).unwrap();
        let count = system.rho.len();
        let mut rows = Vec::new();
        for k in 0..count {
            let unit: Vec<Variable> = (0..count).map(|l| constant(if k == l { 1.0 } else { 0.0 })).collect();
            rows.extend(system.run(&hvp(&cost, &system.rho, &unit).unwrap()));
        }
        assert_golden("hessian", &stack(&rows), &system.golden["gradients"]["hessian_rho_of_g_dot_eta"]);
    });
}

#[test]
fn the_vjp_of_the_vjp_is_golden() {
    each_system(|system| {
        let golden = &system.golden["gradients"]["second_order"];
        let bars =
            lop(std::slice::from_ref(&system.eta), &system.rho_and_b(), std::slice::from_ref(&system.g)).unwrap();
        let sigma = tensor_of(&golden["cotangents"]["sigma_for_rho_bar"]).to_vec::<f64>().unwrap();
        let mut cotangents: Vec<Variable> = sigma.into_iter().map(constant).collect();
        cotangents.push(constant(tensor_of(&golden["cotangents"]["w_for_b_bar"])));
        let mut total = constant(0.0);
        for (bar, cotangent) in bars.iter().zip(&cotangents) {
            total = total + sum(&mul(bar, cotangent).unwrap()).unwrap();
        }
        let through = system.run(&grad(&total, &system.inputs).unwrap());
        let again = system.run(&lop(&bars, &system.inputs, &cotangents).unwrap());
        let count = system.rho.len();
        for answers in [through, again] {
            let want = &golden["total_through_eta"];
            assert_golden("rho", &stack(&answers[..count]), &want["rho"]);
            assert_golden("b", &answers[count], &want["b"]);
            assert_golden("g", &answers[count + 1], &want["g"]);
        }
    });
}
