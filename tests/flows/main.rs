//! Flow systems: golden numbers, the two routes, log-determinants, validity, and what they cost in factorisations.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod counts;
mod disagreements;
mod golden;
mod kronecker;
mod logdet;
mod misuse;
mod orders;
mod routes;
mod spectrum;
mod systems;
mod validity;
mod weights;
