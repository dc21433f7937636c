//! W1: the flow system `H = (L_o ⊗ L_d)⁻¹ B`, value and vector-Jacobian product.
//!
//! `L_k = I - ρ_k W`, B of shape (n², T). Each call gives H and the cotangents of ρ_d, ρ_o and B for the cotangent G
//! of H. Case `rook:50:1` is the rook graph of 50 cells with one right-hand side: both legs are factorised in each
//! call. Case `full:rook:50:1` is the same system as an unrestricted one, `I - ρ_d W_d - ρ_o W_o - ρ_w W_w` with
//! `ρ_w = -ρ_d ρ_o`: it does not know that it is separable. W is decomposed when the function is built.

use std::error::Error;

use kronograph::prelude::*;
use kronograph_benchmarks::{Budget, Options, bench, chk, emit, knn6, rook, sym};
use serde_json::json;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const GRAPHS: [&str; 2] = ["rook", "knn"];
const REGIONS: [usize; 4] = [50, 100, 300, 1000];
const COLUMNS: [usize; 2] = [1, 10];

const RHO_D: f64 = 0.35;
const RHO_O: f64 = 0.25;

fn main() -> Outcome {
    let options = Options::from_args()?;
    for name in options.cases(&all_cases()) {
        run(&name, &Case::read(&name)?)?;
    }
    Ok(())
}

/// The separable system at every size, and the unrestricted one at those that a sparse solver can do.
fn all_cases() -> Vec<String> {
    let sizes = |regions: &[usize]| {
        let pairs = regions.iter().flat_map(|n| COLUMNS.map(|columns| format!("{n}:{columns}"))).collect::<Vec<_>>();
        GRAPHS.iter().flat_map(move |graph| pairs.clone().into_iter().map(move |size| format!("{graph}:{size}")))
    };
    sizes(&REGIONS).chain(sizes(&REGIONS[..2]).map(|case| format!("full:{case}"))).collect()
}

/// A graph, the number of right-hand sides, and whether the system is taken for an unrestricted one.
struct Case {
    w: SparseMatrix,
    regions: usize,
    columns: usize,
    unrestricted: bool,
}

impl Case {
    fn read(name: &str) -> Outcome<Self> {
        let (unrestricted, sizes) = match name.strip_prefix("full:") {
            Some(rest) => (true, rest),
            None => (false, name),
        };
        let [graph, regions, columns] = sizes.split(':').collect::<Vec<_>>()[..] else {
            return Err(format!("`{name}` is no case; one is `rook:50:1`").into());
        };
        let (regions, columns) = (regions.parse()?, columns.parse()?);
        let w = match graph {
            "rook" => rook(regions)?,
            "knn" => knn6(regions)?,
            _ => return Err(format!("`{graph}` is no graph; there are rook and knn").into()),
        };
        Ok(Self { w, regions, columns, unrestricted })
    }

    fn flows(&self) -> usize {
        self.regions * self.regions
    }

    /// A stream as a matrix (n², T): column t holds elements `t n²` to `(t + 1) n² - 1`.
    fn stream(&self, seed: u64) -> Outcome<Tensor> {
        let (flows, columns) = (self.flows(), self.columns);
        let stream = sym(seed, flows * columns);
        let rows = (0..flows).flat_map(|i| (0..columns).map(move |t| t * flows + i));
        Ok(Tensor::new(&[flows, columns], rows.map(|at| stream[at]).collect())?)
    }

    /// The checksum of such a matrix, in the order of the stream.
    fn chk(&self, x: &Tensor) -> Outcome<f64> {
        let (x, columns) = (x.to_vec::<f64>()?, self.columns);
        let order = (0..columns).flat_map(|t| (0..self.flows()).map(move |i| i * columns + t));
        Ok(chk(order.map(|at| x[at])))
    }

    /// H and its vector-Jacobian product by both ρ and B.
    fn function(&self) -> Outcome<Function> {
        let (rho_d, rho_o) = (scalar("rho_d"), scalar("rho_o"));
        let [b, g] = ["B", "G"].map(|name| tensor(name, DType::F64, &[Some(self.flows()), Some(self.columns)]));
        let w = sparse_constant(self.w.clone()).named("W");
        let h = match self.unrestricted {
            true => sparse_flow_solve_matrix(&w, &rho_d, &rho_o, &neg(&(&rho_d * &rho_o))?, &b)?,
            false => kronecker_flow_solve_matrix(&w, &rho_d, &rho_o, &b)?,
        };
        let h = h.named("H");
        let cotangents =
            lop(std::slice::from_ref(&h), &[rho_d.clone(), rho_o.clone(), b.clone()], std::slice::from_ref(&g))?;
        Ok(compile(&[rho_d, rho_o, b, g], &[vec![h], cotangents].concat(), &Mode::run())?)
    }
}

fn run(name: &str, case: &Case) -> Outcome {
    let mut function = case.function()?;
    let (rho_d, rho_o) = (Tensor::scalar(RHO_D), Tensor::scalar(RHO_O));
    let (b, g) = (case.stream(1)?, case.stream(2)?);
    let arguments: [&dyn Value; 4] = [&rho_d, &rho_o, &b, &g];
    let out = function.call_ref(&arguments)?;
    let check = [case.chk(out.get(0)?)?, out.scalar(1)?, out.scalar(2)?, case.chk(out.get(3)?)?];
    let mut failure = None;
    let timing = bench(Budget::default(), || failure = function.call_ref(&arguments).err());
    failure.map_or(Ok(()), Err)?;
    let traffic = 4 * size_of::<f64>() * case.flows() * case.columns;
    let more = json!({"bytes": traffic, "gbs": traffic as f64 / timing.median / 1e9});
    emit("W1", name, &timing, &check, more);
    Ok(())
}
