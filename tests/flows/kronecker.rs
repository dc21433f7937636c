//! Golden numbers of Kronecker products and of solving with them.

use kronograph::prelude::*;

use crate::golden::{assert_golden, example, tensor_of};

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

#[test]
fn solves_with_kronecker_products_are_golden() {
    let golden = example("kron_solve_vec_and_matrix");
    let (o, d) = (matrix("o"), matrix("d"));
    let factors = [tensor_of(&golden["inputs"]["Lo"]), tensor_of(&golden["inputs"]["Ld"])];
    for (b, right, want) in [(vector("b"), "b", "eta"), (matrix("b"), "B", "H")] {
        let x = kron_solve(&[o.clone(), d.clone()], &b, Trans::No).unwrap();
        let right = tensor_of(&golden["inputs"][right]);
        let mut f = compile(&[o.clone(), d.clone(), b], &[x], &Mode::run()).unwrap();
        let answers = f.call(&[&factors[0], &factors[1], &right]).unwrap();
        assert_golden(want, answers.get(0).unwrap(), &golden["outputs"][want]);
    }
}

#[test]
fn gradients_by_the_factors_of_a_kronecker_product_are_golden() {
    let golden = example("kron_solve_factor_gradients");
    let inputs = [matrix("a"), matrix("b"), vector("x")];
    let x = kron_solve(&inputs[..2], &inputs[2], Trans::No).unwrap();
    let g = constant(tensor_of(&golden["inputs"]["cotangent"]));
    let mut outputs = lop(std::slice::from_ref(&x), &inputs, &[g]).unwrap();
    outputs.push(x);
    let values = ["A", "B", "b"].map(|key| tensor_of(&golden["inputs"][key]));
    for mode in [Mode::raw(), Mode::run()] {
        let mut f = compile(&inputs, &outputs, &mode).unwrap();
        let answers = f.call(&[&values[0], &values[1], &values[2]]).unwrap();
        for (k, want) in ["A_bar", "B_bar", "b_bar"].into_iter().enumerate() {
            assert_golden(want, answers.get(k).unwrap(), &golden["gradients"][want]);
        }
        assert_golden("x", answers.get(3).unwrap(), &golden["outputs"]["x"]);
    }
}
