//! Elementwise functions: a table of rows, and the few ops that read it.
//!
//! A row gives name, kernels and partial derivatives; from it come the public function, both derivatives at every
//! order, and the tests. A function that works on one or two tensors of one dtype is a row; `cast` and `switch`,
//! whose inputs differ in dtype, are ops of their own.

#[macro_use]
mod macros;

mod cast;
mod entries;
mod isclose;
mod op;
mod refuse;
mod row;
mod second;
mod special;
mod switch;
mod table;

pub use cast::{Cast, cast, cast_into};
pub(crate) use cast::{cast_value, float_dtype, floats};
pub(crate) use entries::entries;
pub use entries::rows;
pub use isclose::{EqualNan, isclose};
pub use op::Elemwise;
pub(crate) use op::{elementwise, elementwise1, elementwise2};
pub(crate) use row::{Kernel, Map1, Map2, One1, One2, Pick1, Pick2, Pick3};
pub use row::{Partial, Row};
pub use second::{Second, second};
pub use special::*;
pub use switch::{Switch, switch};
pub use table::*;
