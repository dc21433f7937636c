//! Migration between the 17 regions of Korea in nine years: the spatial lag model of flows for a panel.
//!
//! The 2,601 flows share one system in every year. Run with `cargo run --release --example flows_korea -- FOLDER`, where
//! FOLDER holds `flows.csv` (year, orig, dest, flow, dist_pw_km, orig_pop_m, dest_pop_m) and `W_contig.mtx`, as made from
//! the data `korea_gravity` of the R package migest.

#![allow(clippy::print_stdout, reason = "an example tells its story")]

mod support;

use std::path::Path;
use std::process::ExitCode;

use kronograph::prelude::*;
use support::flow_lag::Flows;
use support::{Outcome, Table, with_data};

fn main() -> ExitCode {
    with_data("flows_korea", &["flows.csv", "W_contig.mtx"], example)
}

fn example(folder: &Path) -> Outcome {
    let flows = read(folder)?;
    let regions = flows.w.shape()[0];
    println!("Migration: {} flows between {regions} regions in {} years\n", flows.y.len(), flows.periods);
    flows.fit_both()
}

fn read(folder: &Path) -> Outcome<Flows> {
    let table = Table::read(&folder.join("flows.csv"))?;
    let w = read_matrix_market_file(folder.join("W_contig.mtx"), Format::Csr)?.row_standardized();
    let n = w.shape()[0];
    let map = |column: &str, f: fn(f64) -> f64| -> Outcome<Vec<f64>> {
        Ok(table.numbers(column)?.into_iter().map(f).collect())
    };
    let (y, years) = (map("flow", f64::ln)?, table.numbers("year")?);
    if n == 0 || y.is_empty() || y.len() % (n * n) != 0 {
        return Err(format!("{} flows are no whole number of years of {n} x {n}", y.len()).into());
    }
    let intra = (0..y.len()).map(|row| f64::from(u8::from(row / n % n == row % n))).collect();
    let mut covariates = vec![
        ("const".to_owned(), vec![1.0; y.len()]),
        ("log origin population".to_owned(), map("orig_pop_m", f64::ln)?),
        ("log destination population".to_owned(), map("dest_pop_m", f64::ln)?),
        ("log(1 + distance)".to_owned(), map("dist_pw_km", f64::ln_1p)?),
        ("intra".to_owned(), intra),
    ];
    for year in 2013..=2020 {
        let dummy = years.iter().map(|&other| f64::from(u8::from(other == f64::from(year)))).collect();
        covariates.push((format!("year {year}"), dummy));
    }
    Ok(Flows { w, periods: y.len() / (n * n), y, covariates })
}
