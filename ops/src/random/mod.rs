//! Random draws as values.
//!
//! A random state is a value, [`RngState`]: a key and a counter. A draw takes one and returns `(next state, numbers)`;
//! nothing is drawn behind anybody's back, and the same state gives the same numbers, on every machine and in whatever
//! order or thread they are asked for. Hand the next state to the next draw:
//!
//! ```
//! use kronograph_graph::{Function, FunctionGraph};
//! use kronograph_ops::random::{RngState, gamma, normal, rng_state};
//! use kronograph_ops::{Tensor, sqrt};
//!
//! let rng = rng_state("rng");
//! let (rng1, precision) = gamma(&rng, 2.0, 1.0, None)?;
//! let (rng2, x) = normal(&rng1, 0.0, &(1.0 / sqrt(&precision)?), [3])?;
//! let mut f = Function::plan(FunctionGraph::new(&[rng], &[rng2, x])?)?;
//! let out = f.call(&[&RngState::new(42)])?;
//! assert_eq!(out.get::<RngState>(0)?.call(), 2);
//! assert_eq!(out.get::<Tensor>(1)?.shape(), [3]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A shared state that is updated draws anew at each call: see [`rng_shared`]. Threads and chains get states of their
//! own by [`split`], or [`RngState::split`] outside of a function.
//!
//! The generator is Philox4x64-10. Each element of each call, and each attempt of a rejection, has a counter of its
//! own; so the first numbers of a long draw are those of a short one. Draws that are a standard one moved and stretched
//! have derivatives of every order (reparametrised); gamma and beta draws have those of their distribution; for the
//! parameters of discrete draws a derivative is an error that says so.
//!
//! Parameters broadcast where a static length is 1, and may be literals. Those that no distribution has are errors when
//! the function runs ([`RandomError`]).

mod above_zero;
mod beta;
mod binomial;
mod categorical;
mod check;
mod continuous;
mod discrete;
mod each;
mod element;
mod error;
mod gamma;
mod multinomial;
mod multivariate;
mod next;
mod permutation;
mod philox;
mod poisson;
mod rows;
mod size;
mod slope;
mod split;
mod standard;
mod state;
mod streams;
mod words;

use kronograph_graph::Entry;

pub use above_zero::AboveZero;
pub use beta::{BetaDraw, beta};
pub use categorical::{CategoricalDraw, categorical};
pub use check::CheckParameter;
pub use continuous::{exponential, normal, uniform};
pub use discrete::{DiscreteDraw, bernoulli, binomial, negative_binomial, poisson};
pub use element::Elements;
pub use error::{RandomError, Range};
pub use gamma::{StandardGamma, gamma, standard_gamma};
pub use multinomial::{MultinomialDraw, multinomial};
pub use multivariate::{multivariate_normal, multivariate_normal_cholesky};
pub use next::{NextState, next_state};
pub use permutation::{PermutationDraw, permutation, shuffle};
pub use size::Size;
pub use split::{SplitState, split};
pub use standard::{StandardDraw, standard_exponential, standard_normal, standard_uniform};
pub use state::{RngState, RngType, rng_constant, rng_shared, rng_state};
pub use streams::rng_of;

/// The entries of this folder.
pub(crate) fn entries() -> Vec<Entry> {
    [
        next::entries(),
        split::entries(),
        check::entries(),
        standard::entries(),
        continuous::entries(),
        gamma::entries(),
        beta::entries(),
        discrete::entries(),
        categorical::entries(),
        multinomial::entries(),
        multivariate::entries(),
        permutation::entries(),
    ]
    .concat()
}
