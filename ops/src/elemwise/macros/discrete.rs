//! Rows without slopes: comparisons, tests, and what works bit by bit.

macro_rules! compare {
    ($(#[doc = $list_doc:literal])+ $list:ident:
       $($(#[doc = $doc:literal])+ $name:ident: |$x:ident, $y:ident| $value:expr;)+) => {
        $(#[doc = $list_doc])+
        pub static $list: &[&Row] = &[$(&$name::ROW),+];

        $(mod $name {
            use super::*;

            row! {
                $name,
                Kernel::Compare {
                    f64: |a, s, b, t, out| map2(a, s, b, t, out, |$x: f64, $y: f64| $value),
                    f32: |a, s, b, t, out| map2(a, s, b, t, out, |$x: f32, $y: f32| $value),
                    mask: |a, s, b, t, out| map2(a, s, b, t, out, |$x: f64, $y: f64| f64::from($value)),
                    one: |$x, $y| f64::from($value),
                    pick: |x, at, out| pick2(x, at, out, |$x: f64, $y: f64| f64::from($value)),
                    int: IntCompare {
                        u8: |a, s, b, t, out| map2(a, s, b, t, out, |$x: u8, $y: u8| $value),
                        i8: |a, s, b, t, out| map2(a, s, b, t, out, |$x: i8, $y: i8| $value),
                        i32: |a, s, b, t, out| map2(a, s, b, t, out, |$x: i32, $y: i32| $value),
                        i64: |a, s, b, t, out| map2(a, s, b, t, out, |$x: i64, $y: i64| $value),
                    },
                    bool: |a, s, b, t, out| {
                        map2(a, s, b, t, out, |a: bool, b: bool| {
                            let ($x, $y) = (u8::from(a), u8::from(b));
                            $value
                        });
                    },
                },
                DtypeRule::Truth,
                refuse: [],
                |_, _| Ok(vec![Zero, Zero]),
                no, on: [(-2.0, 2.0)], orders: [], edges: []
            }
        })+

        $(binary_function! { $name, $($doc)+ })+
    };
}

macro_rules! test {
    ($(#[doc = $list_doc:literal])+ $list:ident:
       $($(#[doc = $doc:literal])+ $name:ident: |$x:ident| $value:expr;)+) => {
        $(#[doc = $list_doc])+
        pub static $list: &[&Row] = &[$(&$name::ROW),+];

        $(mod $name {
            use super::*;

            row! {
                $name,
                Kernel::Test {
                    f64: |a, s, out| map1(a, s, out, |$x: f64| $value),
                    f32: |a, s, out| map1(a, s, out, |$x: f32| $value),
                    mask: |a, s, out| map1(a, s, out, |$x: f64| f64::from($value)),
                    one: |$x| f64::from($value),
                    pick: |x, at, out| pick1(x, at, out, |$x: f64| f64::from($value)),
                },
                DtypeRule::Truth,
                refuse: [],
                |_, _| Ok(vec![Zero]),
                no, on: [(-2.0, 2.0)], orders: [], edges: []
            }
        })+

        $(unary_function! { $name, $($doc)+ })+
    };
}

/// Rows of integers and truth values, bit by bit; the expression has a meaning for both.
macro_rules! bits {
    ($(#[doc = $list_doc:literal])+ $list:ident:
       $($(#[doc = $doc:literal])+ $name:ident: |$x:ident $(, $y:ident)?| $value:expr;)+) => {
        $(#[doc = $list_doc])+
        pub static $list: &[&Row] = &[$(&$name::ROW),+];

        $(mod $name {
            use super::*;

            row! {
                $name,
                bits!(@kernel |$x $(, $y)?| $value),
                DtypeRule::Same,
                refuse: [],
                |inputs, _| Ok(vec![Zero; inputs.len()]),
                no, on: [(-2.0, 2.0)], orders: [], edges: []
            }
        })+

        $(bits! { @function |$x $(, $y)?| $name, $($doc)+ })+
    };
    (@kernel |$x:ident| $value:expr) => {
        Kernel::Bits1 {
            mask: |a, s, out| map1(a, s, out, bits!(@number |$x| $value)),
            one: bits!(@number |$x| $value),
            pick: |x, at, out| pick1(x, at, out, bits!(@number |$x| $value)),
            int: IntUnary {
                u8: |a, s, out| map1(a, s, out, |$x: u8| -> u8 { $value }),
                i8: |a, s, out| map1(a, s, out, |$x: i8| -> i8 { $value }),
                i32: |a, s, out| map1(a, s, out, |$x: i32| -> i32 { $value }),
                i64: |a, s, out| map1(a, s, out, |$x: i64| -> i64 { $value }),
            },
            bool: |a, s, out| map1(a, s, out, |$x: bool| -> bool { $value }),
        }
    };
    (@kernel |$x:ident, $y:ident| $value:expr) => {
        Kernel::Bits2 {
            mask: |a, s, b, t, out| map2(a, s, b, t, out, bits!(@number |$x, $y| $value)),
            one: bits!(@number |$x, $y| $value),
            pick: |x, at, out| pick2(x, at, out, bits!(@number |$x, $y| $value)),
            int: int_binary!(@loops |$x, $y| $value),
            bool: |a, s, b, t, out| map2(a, s, b, t, out, |$x: bool, $y: bool| -> bool { $value }),
        }
    };
    (@number |$($x:ident),+| $value:expr) => {
        |$($x: f64),+| -> f64 {
            $(let $x = $x != 0.0;)+
            f64::from($value)
        }
    };
    (@function |$x:ident| $name:ident, $($doc:literal)+) => {
        unary_function! { $name, $($doc)+ }
    };
    (@function |$x:ident, $y:ident| $name:ident, $($doc:literal)+) => {
        binary_function! { $name, $($doc)+ }
    };
}

macro_rules! shift {
    ($(#[doc = $list_doc:literal])+ $list:ident:
       $($(#[doc = $doc:literal])+ $name:ident: |$x:ident, $y:ident| $value:expr;)+) => {
        $(#[doc = $list_doc])+
        pub static $list: &[&Row] = &[$(&$name::ROW),+];

        $(mod $name {
            use super::*;

            row! {
                $name,
                Kernel::Shift { int: int_binary!(@loops |$x, $y| $value) },
                DtypeRule::Same,
                refuse: [negative_shift],
                |_, _| Ok(vec![Zero, Zero]),
                no, on: [(-2.0, 2.0)], orders: [], edges: []
            }
        })+

        $(binary_function! { $name, $($doc)+ })+
    };
}
