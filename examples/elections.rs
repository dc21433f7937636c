//! Turnout in 3,107 counties of the United States: the spatial lag model with a sparse log-determinant.
//!
//! The log-determinant of `I - ρ W`, of order 3,107, comes from a sparse LU factor; its derivatives too. Run with
//! `cargo run --release --example elections [-- FOLDER]`.

#![allow(clippy::print_stdout, reason = "an example tells its story")]

mod support;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use kronograph::prelude::*;
use support::spatial_lag::{Data, SpatialLag, print_fit};
use support::{Outcome, Table, with_data};

fn main() -> ExitCode {
    with_data("elections1980", &["counties.csv", "W_queen.mtx"], example)
}

fn example(folder: &Path) -> Outcome {
    let data = read(folder)?;
    println!("Turnout in {} counties, {} links of contiguity\n", data.y.len(), data.w.nnz());
    let start = Instant::now();
    let fit = SpatialLag::new(&data)?.fit()?;
    println!("log turnout = rho W log turnout + const + log college + log homeownership + log income");
    print_fit(&data, &fit, &[("s.e., observed", &fit.errors)]);
    println!("Built, compiled and fitted in {:.2} s.\n", start.elapsed().as_secs_f64());

    println!("RESULT rho={:.12}", fit.theta[0]);
    println!("RESULT loglik={:.9}", fit.loglik);
    println!("RESULT se_rho={:.12}", fit.errors[0]);
    println!("RESULT max_abs_grad={:.12}", fit.max_abs_grad);
    Ok(())
}

fn read(folder: &Path) -> Outcome<Data> {
    let table = Table::read(&folder.join("counties.csv"))?;
    let w = read_matrix_market_file(folder.join("W_queen.mtx"), Format::Csr)?;
    let logs = |column: &str| -> Outcome<Vec<f64>> { Ok(table.numbers(column)?.into_iter().map(f64::ln).collect()) };
    let columns = [
        ("log college", logs("pc_college")?),
        ("log homeownership", logs("pc_homeownership")?),
        ("log income", logs("pc_income")?),
    ];
    Ok(Data::new(&w, logs("pc_turnout")?, &columns))
}
