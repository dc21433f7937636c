//! Golden numbers of flow systems and Kronecker products, and what a flow system costs in factorisations.

#![allow(clippy::unwrap_used, reason = "a test may")]

use kronograph::prelude::*;
use serde_json::Value as Json;

/// What the golden file asks for.
const TOLERANCE: f64 = 1e-11;

fn example(name: &str) -> Json {
    let all: Json = serde_json::from_str(include_str!("data/kronecker_golden.json")).unwrap();
    all["examples"].as_array().unwrap().iter().find(|example| example["name"] == name).unwrap().clone()
}

/// A number or nested lists of numbers, row by row.
fn tensor_of(json: &Json) -> Tensor {
    fn fill(json: &Json, depth: usize, shape: &mut Vec<usize>, data: &mut Vec<f64>) {
        match json.as_array() {
            None => data.push(json.as_f64().unwrap()),
            Some(list) => {
                if shape.len() == depth {
                    shape.push(list.len());
                }
                list.iter().for_each(|item| fill(item, depth + 1, shape, data));
            }
        }
    }
    let (mut shape, mut data) = (Vec::new(), Vec::new());
    fill(json, 0, &mut shape, &mut data);
    Tensor::new(&shape, data).unwrap()
}

fn sparse_of(json: &Json) -> SparseMatrix {
    let sizes = |key: &str| -> Vec<usize> {
        json[key].as_array().unwrap().iter().map(|size| usize::try_from(size.as_u64().unwrap()).unwrap()).collect()
    };
    let shape = sizes("shape");
    let data = tensor_of(&json["data"]);
    SparseMatrix::new(Format::Csr, [shape[0], shape[1]], data, sizes("indices"), sizes("indptr")).unwrap()
}

/// The largest difference by the largest wanted number; NaN where there is one.
fn distance(got: &[f64], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    let largest = |largest: f64, x: f64| if x <= largest { largest } else { x };
    let difference = got.iter().zip(want).map(|(a, b)| (a - b).abs()).fold(0.0, largest);
    difference / want.iter().map(|x| x.abs()).fold(0.0, f64::max)
}

#[track_caller]
fn assert_golden(what: &str, got: &Tensor, want: &Json) {
    let (got, want) = (got.to_vec::<f64>().unwrap(), tensor_of(want).to_vec::<f64>().unwrap());
    assert!(distance(&got, &want) <= TOLERANCE, "{what}: {got:?}, and golden is {want:?}");
}

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
            ([rho], _) => sparse_sar_solve(&w, rho, &b),
            _ => unreachable!("one rho or two"),
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
    for name in ["kron_flow_solve", "kron_flow_solve_matrix", "sparse_sar_solve"] {
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

#[test]
fn kronecker_products_are_golden() {
    let golden = example("kron2");
    let of = |part: &str, key: &str| constant(tensor_of(&golden[part][key]));
    let (a, b, g) = (matrix("a"), matrix("b"), of("inputs", "G"));
    let product = kron(&a, &b).unwrap();
    let mut outputs = vec![product.clone()];
    outputs.extend(lop(std::slice::from_ref(&product), &[a.clone(), b.clone()], &[g]).unwrap());
    outputs.extend(rop(&[product], &[a.clone(), b.clone()], &[of("inputs", "dA"), of("inputs", "dB")]).unwrap());
    let values = [tensor_of(&golden["inputs"]["A"]), tensor_of(&golden["inputs"]["B"])];
    let answers = compile(&[a, b], &outputs, &Mode::run()).unwrap().call(&[&values[0], &values[1]]).unwrap();
    let wants = [&golden["outputs"]["C"], &golden["gradients"]["A_bar"], &golden["gradients"]["B_bar"]];
    for (k, want) in wants.into_iter().chain([&golden["gradients"]["jvp"]]).enumerate() {
        assert_golden(&format!("output {k}"), answers.get(k).unwrap(), want);
    }
}

/// Outputs of `A ⊗ B` and a vector, in both modes, against golden ones.
fn check_kron(name: &str, third: Option<&str>, wants: &[&str], build: fn(&Variable, &Variable) -> Vec<Variable>) {
    let golden = example(name);
    let (a, b, x) = (matrix("a"), matrix("b"), vector("x"));
    let outputs = build(&kron(&a, &b).unwrap(), &x);
    let bars = |cost: &Variable| grad(cost, &[a.clone(), b.clone()]).unwrap();
    let gradients = if wants.contains(&"logabsdet") { bars(&outputs[1]) } else { Vec::new() };
    let outputs = [outputs, gradients].concat();
    let mut keys = vec![&golden["inputs"]["A"], &golden["inputs"]["B"]];
    keys.extend(third.map(|key| &golden["inputs"][key]));
    let values: Vec<Tensor> = keys.into_iter().map(tensor_of).collect();
    let values: Vec<&dyn Value> = values.iter().map(|value| value as &dyn Value).collect();
    let inputs = &[a, b, x][..values.len()];
    for mode in [Mode::raw(), Mode::run()] {
        let answers = compile(inputs, &outputs, &mode).unwrap().call(&values).unwrap();
        for (k, want) in wants.iter().enumerate() {
            assert_golden(want, answers.get(k).unwrap(), &golden["outputs"][want]);
        }
        for (k, want) in ["A_bar", "B_bar"].iter().enumerate().take(outputs.len() - wants.len()) {
            assert_golden(want, answers.get(wants.len() + k).unwrap(), &golden["gradients"][want]);
        }
    }
}

#[test]
fn rewrites_of_kronecker_products_are_golden() {
    check_kron("e_solve", Some("b"), &["x"], |k, x| vec![solve(k, x).unwrap()]);
    check_kron("e_matvec", Some("x"), &["y", "yT"], |k, x| vec![matmul(k, x).unwrap(), matmul(x, k).unwrap()]);
    check_kron("e_slogdet", None, &["sign", "logabsdet"], |k, _| {
        let (sign, log) = slogdet(k).unwrap();
        vec![sign, log]
    });
}

#[test]
fn the_log_determinant_of_a_kronecker_product_does_not_overflow() {
    let golden = example("e_slogdet_overflow");
    let (a, b) = (matrix("a"), matrix("b"));
    let (sign, log) = slogdet(&kron(&a, &b).unwrap()).unwrap();
    let diagonal = |scale: &str, size: &str| {
        let n = usize::try_from(golden["inputs"][size].as_u64().unwrap()).unwrap();
        let scale = golden["inputs"][scale].as_f64().unwrap();
        Tensor::new(&[n, n], (0..n * n).map(|at| if at / n == at % n { scale } else { 0.0 }).collect()).unwrap()
    };
    let values = [diagonal("A_scale", "size_A"), diagonal("B_scale", "size_B")];
    for mode in [Mode::raw(), Mode::run()] {
        let mut f = compile(&[a.clone(), b.clone()], &[sign.clone(), log.clone()], &mode).unwrap();
        let answers = f.call(&[&values[0], &values[1]]).unwrap();
        assert_golden("sign", answers.get(0).unwrap(), &golden["outputs"]["sign"]);
        assert_golden("log", answers.get(1).unwrap(), &golden["outputs"]["logabsdet"]);
    }
}

/// Weights of a ring of n regions, in which each leans on the next one and on the one `reach` ahead.
fn ring(n: usize, reach: usize) -> SparseMatrix {
    let near = (0..n).map(|i| (i, (i + 1) % n, 0.5));
    let triplets: Vec<_> = near.chain((0..n).map(|i| (i, (i + reach) % n, 0.5))).collect();
    from_triplets(Format::Csr, [n, n], &triplets).unwrap()
}

/// A value and its gradient by both rhos and b, of inputs `w, rho_d, rho_o, b` or, with one rho, `w, rho, b`.
fn value_and_gradient(w: &Variable, rho: &[Variable], b: &Variable) -> Vec<Variable> {
    let eta = kronecker_flow_solve(w, &rho[0], &rho[rho.len() - 1], b).unwrap();
    let loss = sum(&sqr(&eta).unwrap()).unwrap();
    let wrt = [rho, std::slice::from_ref(b)].concat();
    let mut outputs = grad(&loss, &wrt).unwrap();
    outputs.push(loss);
    outputs
}

/// How many numeric and symbolic factorisations a call adds.
fn added(f: &mut Function, arguments: &[&dyn Value]) -> (u64, u64) {
    let count = |f: &Function, key: &str| f.counts().get(key).copied().unwrap_or(0);
    let before = (count(f, "numeric"), count(f, "symbolic"));
    f.call(arguments).unwrap();
    (count(f, "numeric") - before.0, count(f, "symbolic") - before.1)
}

#[test]
fn a_value_and_its_gradient_factorise_twice_and_analyse_once() {
    let (w, b) = (sparse_matrix("w", Format::Csr, [None, None]), vector("b"));
    let rho = [scalar("rho_d"), scalar("rho_o")];
    let inputs = [std::slice::from_ref(&w), &rho[..], std::slice::from_ref(&b)].concat();
    let mut f = compile(&inputs, &value_and_gradient(&w, &rho, &b), &Mode::run()).unwrap();
    let (near, far) = (ring(6, 2), ring(6, 3));
    let right = Tensor::vector((0..36).map(|k| 0.1 * f64::from(k)).collect::<Vec<_>>());
    let of = |x: f64| Tensor::scalar(x);
    assert_eq!(added(&mut f, &[&near, &of(0.3), &of(0.2), &right]), (2, 2));
    assert_eq!(added(&mut f, &[&near, &of(0.3), &of(0.2), &right]), (2, 0));
    assert_eq!(added(&mut f, &[&near, &of(0.0), &of(-0.4), &right]), (2, 0), "other rhos, one of them zero");
    assert_eq!(
        added(&mut f, &[&ring(6, 2), &of(0.3), &of(0.2), &right]),
        (2, 0),
        "an equal pattern at another address"
    );
    assert_eq!(added(&mut f, &[&far, &of(0.3), &of(0.2), &right]), (2, 2), "another pattern");
    assert_eq!(added(&mut f, &[&far, &of(0.1), &of(0.2), &right]), (2, 0));
    let fresh = |arguments: &[&dyn Value]| {
        compile(&inputs, &value_and_gradient(&w, &rho, &b), &Mode::raw()).unwrap().call(arguments).unwrap()
    };
    let arguments: [&dyn Value; 4] = [&near, &of(0.3), &of(0.2), &right];
    let (kept, new) = (f.call(&arguments).unwrap(), fresh(&arguments));
    assert!((kept.scalar(3).unwrap() - new.scalar(3).unwrap()).abs() <= 1e-11 * new.scalar(3).unwrap());
    assert!((kept.scalar(0).unwrap() - new.scalar(0).unwrap()).abs() <= 1e-11 * new.scalar(0).unwrap().abs());
}

#[test]
fn without_rewriting_the_factors_are_shared_by_construction() {
    let (w, b) = (sparse_constant(ring(5, 2)), vector("b"));
    let rho = [scalar("rho_d"), scalar("rho_o")];
    let inputs = [&rho[..], std::slice::from_ref(&b)].concat();
    let mut f = compile(&inputs, &value_and_gradient(&w, &rho, &b), &Mode::raw()).unwrap();
    let right = Tensor::vector(vec![1.0; 25]);
    assert_eq!(added(&mut f, &[&Tensor::scalar(0.3), &Tensor::scalar(0.2), &right]), (2, 2));
    assert_eq!(added(&mut f, &[&Tensor::scalar(0.1), &Tensor::scalar(0.4), &right]), (2, 0));
}

#[test]
fn one_rho_for_both_legs_is_one_factorisation() {
    let (w, rho, b) = (sparse_constant(ring(5, 2)), scalar("rho"), vector("b"));
    let outputs = value_and_gradient(&w, std::slice::from_ref(&rho), &b);
    let mut f = compile(&[rho, b], &outputs, &Mode::run()).unwrap();
    let right = Tensor::vector(vec![1.0; 25]);
    assert_eq!(added(&mut f, &[&Tensor::scalar(0.3), &right]), (1, 1));
    assert_eq!(added(&mut f, &[&Tensor::scalar(0.1), &right]), (1, 0));
}
