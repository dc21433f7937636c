//! What makes a row, its loops and its public function out of a line of a table.

#[macro_use]
mod discrete;
#[macro_use]
mod floats;

/// `yes` or `no`.
macro_rules! yes_no {
    (yes) => {
        true
    };
    (no) => {
        false
    };
}

macro_rules! int_unary {
    () => {
        None
    };
    (|$x:ident| $value:expr) => {
        Some(IntUnary {
            u8: |a, s, out| map1(a, s, out, |$x: u8| -> u8 { $value }),
            i8: |a, s, out| map1(a, s, out, |$x: i8| -> i8 { $value }),
            i32: |a, s, out| map1(a, s, out, |$x: i32| -> i32 { $value }),
            i64: |a, s, out| map1(a, s, out, |$x: i64| -> i64 { $value }),
        })
    };
}

macro_rules! int_binary {
    () => {
        None
    };
    (|$x:ident, $y:ident| $value:expr) => {
        Some(int_binary!(@loops |$x, $y| $value))
    };
    (@loops |$x:ident, $y:ident| $value:expr) => {
        IntBinary {
            u8: |a, s, b, t, out| map2(a, s, b, t, out, |$x: u8, $y: u8| -> u8 { $value }),
            i8: |a, s, b, t, out| map2(a, s, b, t, out, |$x: i8, $y: i8| -> i8 { $value }),
            i32: |a, s, b, t, out| map2(a, s, b, t, out, |$x: i32, $y: i32| -> i32 { $value }),
            i64: |a, s, b, t, out| map2(a, s, b, t, out, |$x: i64, $y: i64| -> i64 { $value }),
        }
    };
}

macro_rules! int_ternary {
    () => {
        None
    };
    (|$x:ident, $y:ident, $z:ident| $value:expr) => {
        Some(IntTernary {
            u8: |v, s, out| map3(v, s, out, |$x: u8, $y: u8, $z: u8| -> u8 { $value }),
            i8: |v, s, out| map3(v, s, out, |$x: i8, $y: i8, $z: i8| -> i8 { $value }),
            i32: |v, s, out| map3(v, s, out, |$x: i32, $y: i32, $z: i32| -> i32 { $value }),
            i64: |v, s, out| map3(v, s, out, |$x: i64, $y: i64, $z: i64| -> i64 { $value }),
        })
    };
}

macro_rules! bool_unary {
    () => {
        None
    };
    (|$x:ident| $value:expr) => {
        Some(|a, s, out| map1(a, s, out, |$x: bool| -> bool { $value }))
    };
}

macro_rules! bool_binary {
    () => {
        None
    };
    (|$x:ident, $y:ident| $value:expr) => {
        Some(|a, s, b, t, out| map2(a, s, b, t, out, |$x: bool, $y: bool| -> bool { $value }))
    };
}

/// The function of f32: the same expression, or that of f64 and then rounded where the row says `wide`.
macro_rules! single {
    ([] |$($x:ident),+| $value:expr) => {
        |$($x: f32),+| -> f32 { $value }
    };
    ([wide] |$($x:ident),+| $value:expr) => {
        |$($x: f32),+| -> f32 {
            $(let $x = f64::from($x);)+
            let value: f64 = $value;
            value as f32
        }
    };
}

macro_rules! optional {
    () => {
        None
    };
    ($value:expr) => {
        Some($value)
    };
}

/// The name of a row, where that of the function is not it.
macro_rules! label {
    ($name:ident) => {
        stringify!($name)
    };
    ($name:ident $label:literal) => {
        $label
    };
}

/// The dtype rule: `Same` where integers have a form of their own (`Count` where truth values do not, but are
/// counted), else `Float`.
macro_rules! rule {
    ([] []) => {
        DtypeRule::Float
    };
    ([$($int:tt)+] []) => {
        DtypeRule::Same
    };
    ([$($int:tt)+] [counts]) => {
        DtypeRule::Count
    };
}

/// The row itself.
macro_rules! row {
    ($name:ident $([$label:literal])?, $kernel:expr, $rule:expr, refuse: [$($refuse:path)?], $partials:expr, $zero:ident,
     on: [$($on:expr),+], orders: [$($orders:literal)?], edges: [$($edges:expr),*]) => {
        pub(super) static ROW: Row = Row {
            name: label!($name $($label)?),
            structured: concat!("structured_", label!($name $($label)?)),
            kernel: $kernel,
            refuse: optional!($($refuse)?),
            result: $rule,
            partials: $partials,
            keeps_zero: yes_no!($zero),
            domain: &[$($on),+],
            orders: 0 $(+ $orders)?,
            edges: &[$(&$edges),*],
        };
    };
}
