//! Element types, and the rules by which they meet.
//!
//! The promotion table is that of PyTensor for the dtypes that both have; u8 with i8 gives i32, as there is no i16.
//! Literals are weak: they take the dtype of the other operand within their kind (bool, integer, float).

use std::fmt;

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DType {
    /// Truth values.
    Bool,
    /// 8-bit unsigned integers.
    U8,
    /// 8-bit integers.
    I8,
    /// 32-bit integers.
    I32,
    /// 64-bit integers.
    I64,
    /// 32-bit floats.
    F32,
    /// 64-bit floats: what a float is unless one says otherwise.
    F64,
}

impl DType {
    /// Every dtype, from the narrowest kind to the widest.
    pub const ALL: [DType; 7] = [Self::Bool, Self::U8, Self::I8, Self::I32, Self::I64, Self::F32, Self::F64];

    /// Whether it is a float.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }

    /// The dtype that both convert to: that of `add`, `mul` and `concatenate`.
    pub fn promote(self, other: Self) -> Self {
        let (low, high) = if self <= other { (self, other) } else { (other, self) };
        match (low, high) {
            (Self::U8, Self::I8) => Self::I32,
            (Self::I32 | Self::I64, Self::F32) => Self::F64,
            _ => high,
        }
    }

    /// The float dtype in which a function like `exp` works on it.
    pub fn to_float(self) -> Self {
        if self.is_float() { self } else { Self::F64 }
    }

    /// The dtype of a sum: integers and truth values are counted in i64.
    pub fn sum(self) -> Self {
        if self.is_float() { self } else { Self::I64 }
    }

    /// The dtype of derivatives; truth values have none.
    pub fn tangent(self) -> Option<Self> {
        match self {
            Self::Bool => None,
            Self::U8 | Self::I8 | Self::I32 | Self::I64 | Self::F64 => Some(Self::F64),
            Self::F32 => Some(Self::F32),
        }
    }

    /// Whether every value of `self` is one of `to`, without loss.
    pub fn fits_in(self, to: Self) -> bool {
        self.promote(to) == to
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::U8 => "u8",
            Self::I8 => "i8",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promotion_is_the_table_of_the_specification() {
        use DType::*;
        let table = [
            [Bool, I32, I64, F32, F64],
            [I32, I32, I64, F64, F64],
            [I64, I64, I64, F64, F64],
            [F32, F64, F64, F32, F64],
            [F64, F64, F64, F64, F64],
        ];
        let order = [Bool, I32, I64, F32, F64];
        for (a, row) in order.into_iter().zip(table) {
            for (b, want) in order.into_iter().zip(row) {
                assert_eq!(a.promote(b), want, "{a} with {b}");
            }
        }
        assert_eq!((I8.promote(F32), U8.promote(F32), U8.promote(I8)), (F32, F32, I32));
    }
}
