//! Rows of one, two and three inputs with derivatives.

macro_rules! unary {
    ($(#[doc = $list_doc:literal])+ $list:ident: $($(#[doc = $doc:literal])+ $name:ident $(as $label:literal)?:
       $($wide:ident)? |$x:ident| $value:expr, $(int: |$ix:ident| $int:expr,)? $(bool: |$bx:ident| $bool:expr,)?
       d: |$dx:ident, $dy:ident| $d:expr, zero: $zero:ident, on: $on:expr $(, edges: $edges:expr)?;)+) => {
        $(#[doc = $list_doc])+
        pub static $list: &[&Row] = &[$(&$name::ROW),+];

        $(mod $name {
            use super::*;

            row! {
                $name $([$label])?,
                Kernel::Unary {
                    f64: |a, s, out| map1(a, s, out, |$x: f64| -> f64 { $value }),
                    f32: |a, s, out| map1(a, s, out, single!([$($wide)?] |$x| $value)),
                    one: |$x| -> f64 { $value },
                    pick: |x, at, out| pick1(x, at, out, |$x: f64| -> f64 { $value }),
                    int: int_unary!($(|$ix| $int)?),
                    bool: bool_unary!($(|$bx| $bool)?),
                },
                rule!([$($int)?] []),
                refuse: [],
                |inputs, output| {
                    let ($dx, $dy) = (&inputs[0], output);
                    Ok(vec![$d])
                },
                $zero, on: [$on], orders: [], edges: [$($edges)?]
            }
        })+

        $(unary_function! { $name, $($doc)+ })+
    };
}

macro_rules! unary_function {
    ($name:ident, $($doc:literal)+) => {
        $(#[doc = $doc])+
        ///
        /// Elementwise; the shape is that of `x`.
        ///
        /// # Errors
        ///
        /// When `x` is not a dense tensor of a dtype for which the function has a meaning.
        #[track_caller]
        pub fn $name(x: &Variable) -> Result<Variable> {
            elementwise1(&$name::ROW, x)
        }
    };
}

macro_rules! binary {
    ($(#[doc = $list_doc:literal])+ $list:ident: $($(#[doc = $doc:literal])+ $name:ident $(as $label:literal)?:
       $($wide:ident)? |$x:ident, $y:ident| $value:expr, $(int: |$ix:ident, $iy:ident| $int:expr,)?
       $(bool: |$bx:ident, $by:ident| $bool:expr,)? $(truth: $truth:ident,)? $(refuse: $refuse:path,)?
       d: |$da:ident, $db:ident, $dy:ident| $d:expr, zero: $zero:ident, on: $($on:expr),+
       $(; orders: $orders:literal)? $(; edges: $($edges:expr),+)?;)+) => {
        $(#[doc = $list_doc])+
        pub static $list: &[&Row] = &[$(&$name::ROW),+];

        $(mod $name {
            use super::*;

            row! {
                $name $([$label])?,
                Kernel::Binary {
                    f64: |a, s, b, t, out| map2(a, s, b, t, out, |$x: f64, $y: f64| -> f64 { $value }),
                    f32: |a, s, b, t, out| map2(a, s, b, t, out, single!([$($wide)?] |$x, $y| $value)),
                    one: |$x, $y| -> f64 { $value },
                    pick: |x, at, out| pick2(x, at, out, |$x: f64, $y: f64| -> f64 { $value }),
                    int: int_binary!($(|$ix, $iy| $int)?),
                    bool: bool_binary!($(|$bx, $by| $bool)?),
                },
                rule!([$($int)?] [$($truth)?]),
                refuse: [$($refuse)?],
                |inputs, output| {
                    let ($da, $db, $dy) = (&inputs[0], &inputs[1], output);
                    Ok($d.to_vec())
                },
                $zero, on: [$($on),+], orders: [$($orders)?], edges: [$($($edges),+)?]
            }
        })+

        $(binary_function! { $name, $($doc)+ })+
    };
}

macro_rules! binary_function {
    ($name:ident, $($doc:literal)+) => {
        $(#[doc = $doc])+
        ///
        /// Elementwise, with broadcasting along axes whose static length is 1; one operand may be a literal.
        ///
        /// # Errors
        ///
        /// When an operand is not a dense tensor of a fitting dtype, or the shapes do not fit.
        #[track_caller]
        pub fn $name<'a>(a: impl Into<Operand<'a>>, b: impl Into<Operand<'a>>) -> Result<Variable> {
            elementwise2(&$name::ROW, a, b)
        }
    };
}

macro_rules! ternary {
    ($(#[doc = $list_doc:literal])+ $list:ident: $($(#[doc = $doc:literal])+ $name:ident:
       $($wide:ident)? |$x:ident, $y:ident, $z:ident| $value:expr, $(int: |$ix:ident, $iy:ident, $iz:ident| $int:expr,)?
       d: |$da:ident, $db:ident, $dc:ident, $dy:ident| $d:expr, zero: $zero:ident, on: $($on:expr),+
       $(; orders: $orders:literal)? $(; edges: $($edges:expr),+)?;)+) => {
        $(#[doc = $list_doc])+
        pub static $list: &[&Row] = &[$(&$name::ROW),+];

        $(mod $name {
            use super::*;

            row! {
                $name,
                Kernel::Ternary {
                    f64: |v, s, out| map3(v, s, out, |$x: f64, $y: f64, $z: f64| -> f64 { $value }),
                    f32: |v, s, out| map3(v, s, out, single!([$($wide)?] |$x, $y, $z| $value)),
                    pick: |x, at, out| pick3(x, at, out, |$x: f64, $y: f64, $z: f64| -> f64 { $value }),
                    int: int_ternary!($(|$ix, $iy, $iz| $int)?),
                },
                rule!([$($int)?] []),
                refuse: [],
                |inputs, output| {
                    let ($da, $db, $dc, $dy) = (&inputs[0], &inputs[1], &inputs[2], output);
                    Ok($d.to_vec())
                },
                $zero, on: [$($on),+], orders: [$($orders)?], edges: [$($($edges),+)?]
            }
        })+

        $($(#[doc = $doc])+
        ///
        /// Elementwise, with broadcasting along axes whose static length is 1; operands may be literals.
        ///
        /// # Errors
        ///
        /// When an operand is not a dense tensor of a fitting dtype, or the shapes do not fit.
        #[track_caller]
        pub fn $name<'a>(
            $x: impl Into<Operand<'a>>,
            $y: impl Into<Operand<'a>>,
            $z: impl Into<Operand<'a>>,
        ) -> Result<Variable> {
            elementwise(&$name::ROW, [$x.into(), $y.into(), $z.into()])
        })+
    };
}
