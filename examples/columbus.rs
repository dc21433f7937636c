//! Crime in 49 neighbourhoods of Columbus, Ohio: the spatial lag model by maximum likelihood.
//!
//! Newton's method with the engine's own Hessian; standard errors from the observed information, and the customary
//! asymptotic ones from the expected information. Run with `cargo run --release --example columbus [-- FOLDER]`.

#![allow(clippy::print_stdout, reason = "an example tells its story")]

mod support;

use std::path::Path;
use std::process::ExitCode;

use kronograph::prelude::*;
use support::spatial_lag::{Data, SpatialLag, print_fit};
use support::{Outcome, Table, with_data};

fn main() -> ExitCode {
    with_data("columbus", &["columbus.csv", "W_anselin1988.mtx"], example)
}

fn example(folder: &Path) -> Outcome {
    let data = read(folder)?;
    println!("Crime in {} neighbourhoods, {} links of contiguity\n", data.y.len(), data.w.nnz());
    let model = SpatialLag::new(&data)?;
    let fit = model.fit()?;
    let asymptotic = model.asymptotic_errors(&fit.theta)?;
    println!("crime = rho W crime + const + income + house value");
    print_fit(&data, &fit, &[("s.e., observed", &fit.errors), ("s.e., asymptotic", &asymptotic)]);

    println!("RESULT rho={:.12}", fit.theta[0]);
    println!("RESULT loglik={:.9}", fit.loglik);
    println!("RESULT se_rho={:.12}", asymptotic[0]);
    println!("RESULT se_rho_observed={:.12}", fit.errors[0]);
    println!("RESULT max_abs_grad={:.12}", fit.max_abs_grad);
    Ok(())
}

fn read(folder: &Path) -> Outcome<Data> {
    let table = Table::read(&folder.join("columbus.csv"))?;
    let w = read_matrix_market_file(folder.join("W_anselin1988.mtx"), Format::Csr)?;
    let columns = [("income", table.numbers("inc")?), ("house value", table.numbers("hoval")?)];
    Ok(Data::new(&w, table.numbers("crime")?, &columns))
}
