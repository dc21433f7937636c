//! Commuting between 71 municipalities around Paris: the spatial lag model of flows, with three weights and separable.
//!
//! 5,041 flows; the log-determinant of order 5,041 comes from the 71 eigenvalues of W. Run with
//! `cargo run --release --example flows_paris -- FOLDER`, where FOLDER holds `flows.csv` (orig, dest, distance_m, flow),
//! `municipalities.csv` (id, population, med_income_eur, n_companies) and `W_contig.mtx`, as made from the data
//! `paris10km` of the R package spflow.

#![allow(clippy::print_stdout, reason = "an example tells its story")]

mod support;

use std::path::Path;
use std::process::ExitCode;

use kronograph::prelude::*;
use support::flow_lag::Flows;
use support::{Outcome, Table, with_data};

fn main() -> ExitCode {
    with_data("flows_paris", &["flows.csv", "municipalities.csv", "W_contig.mtx"], example)
}

fn example(folder: &Path) -> Outcome {
    let flows = read(folder)?;
    println!("Commuting: {} flows between {} municipalities\n", flows.y.len(), flows.w.shape()[0]);
    flows.fit_both()
}

fn read(folder: &Path) -> Outcome<Flows> {
    let (table, places) = (Table::read(&folder.join("flows.csv"))?, Table::read(&folder.join("municipalities.csv"))?);
    let w = read_matrix_market_file(folder.join("W_contig.mtx"), Format::Csr)?.row_standardized();
    let n = w.shape()[0];
    let logs = |column: &str| -> Outcome<Vec<f64>> { Ok(places.numbers(column)?.into_iter().map(f64::ln).collect()) };
    let of_origin = |values: &[f64]| -> Vec<f64> { (0..n * n).map(|row| values[row / n]).collect() };
    let of_destination = |values: &[f64]| -> Vec<f64> { (0..n * n).map(|row| values[row % n]).collect() };
    let log1p =
        |column: &str| -> Outcome<Vec<f64>> { Ok(table.numbers(column)?.into_iter().map(f64::ln_1p).collect()) };
    let income = logs("med_income_eur")?;
    if income.len() != n || table.numbers("flow")?.len() != n * n {
        return Err(format!("{n} municipalities and {} flows are needed", n * n).into());
    }
    let covariates = vec![
        ("const".to_owned(), vec![1.0; n * n]),
        ("destination log companies".to_owned(), of_destination(&logs("n_companies")?)),
        ("destination log income".to_owned(), of_destination(&income)),
        ("origin log population".to_owned(), of_origin(&logs("population")?)),
        ("origin log income".to_owned(), of_origin(&income)),
        ("log(1 + distance)".to_owned(), log1p("distance_m")?),
    ];
    Ok(Flows { w, periods: 1, y: log1p("flow")?, covariates })
}
