//! A field trial of 25 varieties on 10 rows by 15 columns: neighbours are alike, by autoregression along both.
//!
//! `y ~ N(X β, σ² AR1(ρ_row) ⊗ AR1(ρ_col))`, with a mean for each variety, by direct maximisation of the restricted
//! likelihood: Newton's method on the raw scale, with the graph's own gradient and Hessian. The covariance of the 150
//! plots is never formed. Run with `cargo run --release --example slatehall -- FOLDER`, where FOLDER holds `plots.csv`
//! (row, col, rep, gen, yield; rows first), as made from the data `kempton.slatehall` of the R package agridat.

#![allow(clippy::print_stdout, reason = "an example tells its story")]

mod support;

use std::path::Path;
use std::process::ExitCode;

use kronograph::ops::covariance::{Constants, Structure};
use kronograph::prelude::*;
use support::newton::Newton;
use support::{Outcome, Table, with_data};

const ROWS: usize = 10;
const COLUMNS: usize = 15;

fn main() -> ExitCode {
    with_data("field_trial_slatehall1976", &["plots.csv"], example)
}

fn example(folder: &Path) -> Outcome {
    let Trial { yields, varieties, levels } = Trial::read(folder)?;
    println!("Slate Hall: {} plots, {levels} varieties", yields.len());
    let plots = Structure::kronecker_product([("row", Structure::ar1(ROWS)?), ("col", Structure::ar1(COLUMNS)?)])?;
    // One variance for all plots: that of the columns would be another name for it.
    let plots = plots.with_fixed("col/sigma^2", 1.0)?;
    let names = plots.free_param_names();
    let raw = tensor("raw", DType::F64, &[Some(names.len())]);
    let v = plots.build(&raw)?;

    let (y, x) = (constant(yields.clone()), constant(Tensor::new(&[yields.len(), levels], varieties)?));
    let loglik = v.reml(&y, &x, Constants::Omitted)?.named("loglik");
    let mean = yields.iter().sum::<f64>() / yields.len() as f64;
    let variance = yields.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / yields.len() as f64;
    let start = [0.5 * variance.ln(), 1.0, 1.0];
    let fit = Newton::new(std::slice::from_ref(&raw), &loglik)?.maximise(&start, names.len())?;
    println!("  {} Newton steps, decrement {:.1e}", fit.steps, fit.decrement);

    let outputs = [v.param("row/sigma^2")?, v.param("row/rho")?, v.param("col/rho")?];
    let out = compile(&[raw], &outputs, &Mode::run())?.call(&[&Tensor::vector(fit.theta)])?;
    println!("RESULT loglik={:.6}", fit.loglik);
    println!("RESULT sigma2={:.4}", out.scalar(0)?);
    println!("RESULT rho_row={:.9}", out.scalar(1)?);
    println!("RESULT rho_col={:.9}", out.scalar(2)?);
    Ok(())
}

/// Yields in the order of the plots, row by row, and which variety stands on each.
struct Trial {
    yields: Vec<f64>,
    /// A column of zeros and ones for each variety.
    varieties: Vec<f64>,
    levels: usize,
}

impl Trial {
    fn read(folder: &Path) -> Outcome<Self> {
        let table = Table::read(&folder.join("plots.csv"))?;
        let places = table.numbers("row")?.into_iter().zip(table.numbers("col")?);
        let expected = (0..ROWS * COLUMNS).map(|k| ((k / COLUMNS + 1) as f64, (k % COLUMNS + 1) as f64));
        if !places.eq(expected) {
            return Err(format!("{ROWS} rows of {COLUMNS} plots are needed, row by row").into());
        }
        let names = table.words("gen")?;
        let mut levels = names.clone();
        levels.sort_unstable();
        levels.dedup();
        let entries = |name: &&str| levels.iter().map(|level| f64::from(u8::from(level == name))).collect::<Vec<_>>();
        let varieties = names.iter().flat_map(entries).collect();
        Ok(Self { yields: table.numbers("yield")?, varieties, levels: levels.len() })
    }
}
