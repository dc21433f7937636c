//! Dense tensors: the value, its constructors and its doors to slices and ndarray.
//!
//! A tensor is cheap to copy: copies and views share storage, and no holder ever sees another one's writes.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};

use kronograph_graph::Value;
use ndarray::ArrayViewD;

use crate::dtype::DType;
use crate::elemwise::cast_value;

mod convert;
mod strided;
mod text;
mod ty;

pub use convert::{constant, matrix, scalar, shared, tensor, vector};
pub use strided::{Extents, Lengths, Strided, check_size, row_major, size_of_shape};
pub use text::shape_text;
pub(crate) use text::static_shape_text;
pub use ty::TensorType;
pub use ty::scalar_beside;
pub(crate) use ty::{checked_rank, is_tensor, literal_constant, tensor_type, weak_dtype};

/// What is wrong with the data of a tensor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// The number of elements is not that of the shape.
    #[error("a tensor of shape {shape:?} was given {elements} element(s)")]
    Length {
        /// The shape.
        shape: Vec<usize>,
        /// The number of elements.
        elements: usize,
    },
    /// The elements are of another dtype.
    #[error("the tensor holds {got}, {want} was asked for")]
    Dtype {
        /// What was asked for.
        want: DType,
        /// What it holds.
        got: DType,
    },
}

/// A dense tensor of one of the dtypes.
#[derive(Clone)]
pub enum Tensor {
    /// Truth values.
    Bool(Strided<bool>),
    /// 8-bit unsigned integers.
    U8(Strided<u8>),
    /// 8-bit integers.
    I8(Strided<i8>),
    /// 32-bit integers.
    I32(Strided<i32>),
    /// 64-bit integers.
    I64(Strided<i64>),
    /// 32-bit floats.
    F32(Strided<f32>),
    /// 64-bit floats.
    F64(Strided<f64>),
}

/// Runs the same code on the storage of whatever dtype a tensor has.
#[doc(hidden)]
#[macro_export]
macro_rules! each_dtype {
    ($tensor:expr, $array:ident => $body:expr) => {
        match $tensor {
            $crate::Tensor::Bool($array) => $body,
            $crate::Tensor::U8($array) => $body,
            $crate::Tensor::I8($array) => $body,
            $crate::Tensor::I32($array) => $body,
            $crate::Tensor::I64($array) => $body,
            $crate::Tensor::F32($array) => $body,
            $crate::Tensor::F64($array) => $body,
        }
    };
}
pub(crate) use each_dtype;

/// A type that a tensor can hold.
pub trait Element: Copy + Default + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// Its dtype.
    const DTYPE: DType;
    /// The tensor of such elements.
    fn wrap(array: Strided<Self>) -> Tensor;
    /// The storage, if the tensor holds such elements.
    fn of(tensor: &Tensor) -> Option<&Strided<Self>>;
    /// The storage to write to, if the tensor holds such elements.
    fn of_mut(tensor: &mut Tensor) -> Option<&mut Strided<Self>>;
    /// Feeds the bits to a hasher.
    fn digest(self, hasher: &mut dyn Hasher);
    /// Whether the bits are the same.
    fn same_bits(self, other: Self) -> bool;
}

macro_rules! elements {
    ($($t:ty, $variant:ident, |$x:ident| $bits:expr;)+) => { $(
        impl Element for $t {
            const DTYPE: DType = DType::$variant;

            fn wrap(array: Strided<Self>) -> Tensor {
                Tensor::$variant(array)
            }

            fn of(tensor: &Tensor) -> Option<&Strided<Self>> {
                match tensor {
                    Tensor::$variant(array) => Some(array),
                    _ => None,
                }
            }

            fn of_mut(tensor: &mut Tensor) -> Option<&mut Strided<Self>> {
                match tensor {
                    Tensor::$variant(array) => Some(array),
                    _ => None,
                }
            }

            fn digest(self, mut hasher: &mut dyn Hasher) {
                let $x = self;
                $bits.hash(&mut hasher);
            }

            fn same_bits(self, other: Self) -> bool {
                let bits = |$x: Self| $bits;
                bits(self) == bits(other)
            }
        }
    )+ };
}

elements! {
    bool, Bool, |x| x;
    u8, U8, |x| x;
    i8, I8, |x| x;
    i32, I32, |x| x;
    i64, I64, |x| x;
    f32, F32, |x| x.to_bits();
    f64, F64, |x| x.to_bits();
}

impl Default for Tensor {
    fn default() -> Self {
        Tensor::F64(Strided::default())
    }
}

impl Tensor {
    /// Row-major elements of a shape.
    ///
    /// # Errors
    ///
    /// When there are not as many elements as the shape asks for.
    ///
    /// ```
    /// use kronograph_ops::Tensor;
    /// let a = Tensor::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
    /// assert_eq!(a.shape(), [2, 3]);
    /// # Ok::<(), kronograph_ops::TensorError>(())
    /// ```
    pub fn new<T: Element>(shape: &[usize], data: Vec<T>) -> Result<Self, TensorError> {
        Ok(T::wrap(Strided::new(shape, data)?))
    }

    /// Zeros, or false, of a dtype and shape.
    pub fn zeros(dtype: DType, shape: &[usize]) -> Self {
        let mut zeros = Self::default();
        match dtype {
            DType::Bool => zeros.reset::<bool>(shape).fill(false),
            DType::U8 => zeros.reset::<u8>(shape).fill(0),
            DType::I8 => zeros.reset::<i8>(shape).fill(0),
            DType::I32 => zeros.reset::<i32>(shape).fill(0),
            DType::I64 => zeros.reset::<i64>(shape).fill(0),
            DType::F32 => zeros.reset::<f32>(shape).fill(0.0),
            DType::F64 => zeros.reset::<f64>(shape).fill(0.0),
        }
        zeros
    }

    /// A scalar.
    pub fn scalar<T: Element>(value: T) -> Self {
        T::wrap(Strided::new(&[], vec![value]).expect("one element for the empty shape"))
    }

    /// A vector.
    pub fn vector<T: Element>(data: Vec<T>) -> Self {
        T::wrap(Strided::new(&[data.len()], data).expect("the length is the data's own"))
    }

    /// The elements converted to a dtype, as [`cast`](crate::cast) does; itself if it has that one.
    pub fn to_dtype(&self, dtype: DType) -> Self {
        if self.dtype() == dtype { self.clone() } else { cast_value(self, dtype) }
    }

    /// The same elements as one row-major run: shared if they lie so already, copied if not.
    pub fn to_contiguous(&self) -> Self {
        each_dtype!(self, array => Element::wrap(array.to_contiguous()))
    }

    /// The dtype.
    pub fn dtype(&self) -> DType {
        match self {
            Tensor::Bool(_) => DType::Bool,
            Tensor::U8(_) => DType::U8,
            Tensor::I8(_) => DType::I8,
            Tensor::I32(_) => DType::I32,
            Tensor::I64(_) => DType::I64,
            Tensor::F32(_) => DType::F32,
            Tensor::F64(_) => DType::F64,
        }
    }

    /// The lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        each_dtype!(self, array => array.shape())
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        each_dtype!(self, array => array.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The storage of a dtype.
    ///
    /// # Errors
    ///
    /// When the tensor holds another one.
    pub fn array<T: Element>(&self) -> Result<&Strided<T>, TensorError> {
        T::of(self).ok_or(TensorError::Dtype { want: T::DTYPE, got: self.dtype() })
    }

    /// An ndarray view.
    ///
    /// # Errors
    ///
    /// When the tensor holds another dtype.
    pub fn view<T: Element>(&self) -> Result<ArrayViewD<'_, T>, TensorError> {
        Ok(self.array()?.view())
    }

    /// The elements in row-major order.
    ///
    /// # Errors
    ///
    /// When the tensor holds another dtype.
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>, TensorError> {
        Ok(self.array()?.to_vec())
    }

    /// A row-major buffer of a shape and dtype that nobody else holds; its contents are arbitrary, so write them all.
    #[inline]
    pub fn reset<T: Element>(&mut self, shape: &[usize]) -> &mut [T] {
        if T::of(self).is_none() {
            *self = T::wrap(Strided::default());
        }
        T::of_mut(self).expect("the variant was set in the line above").reset(shape)
    }

    /// The same storage seen with another layout; see [`Strided::relaid`].
    pub(crate) fn relaid(&self, skip: usize, shape: Extents, strides: Extents) -> Option<Tensor> {
        each_dtype!(self, array => Some(Element::wrap(array.relaid(skip, shape, strides)?)))
    }

    pub(crate) fn strides(&self) -> &[usize] {
        each_dtype!(self, array => array.strides())
    }
}

impl Value for Tensor {
    fn boxed_clone(&self) -> Box<dyn Value> {
        Box::new(self.clone())
    }

    fn extents(&self) -> &[usize] {
        self.shape()
    }

    fn describe(&self) -> String {
        format!("{} {}", self.dtype(), shape_text(self.shape()))
    }

    fn layout(&self) -> Option<String> {
        let row_by_row = each_dtype!(self, array => array.is_contiguous());
        (!row_by_row).then(|| format!("strides {}", shape_text(self.strides())))
    }

    fn bytes(&self) -> usize {
        each_dtype!(self, array => std::mem::size_of_val(array.storage()))
    }

    fn release(&mut self) {
        each_dtype!(self, array => array.release());
    }

    fn assign(&mut self, other: &dyn Value) -> bool {
        let other = (other as &dyn Any).downcast_ref::<Tensor>();
        other.map(|other| self.clone_from(other)).is_some()
    }

    fn same_bits(&self, other: &dyn Value) -> bool {
        let Some(other) = (other as &dyn Any).downcast_ref::<Tensor>() else { return false };
        fn same<T: Element>(a: &Strided<T>, other: &Tensor) -> bool {
            T::of(other).is_some_and(|b| {
                a.shape() == b.shape() && a.view().iter().zip(b.view().iter()).all(|(x, y)| x.same_bits(*y))
            })
        }
        each_dtype!(self, array => same(array, other))
    }

    fn digest(&self, hasher: &mut dyn Hasher) {
        fn feed<T: Element>(array: &Strided<T>, mut hasher: &mut dyn Hasher) {
            array.shape().hash(&mut hasher);
            // A sample tells most tensors apart; `same_bits` decides.
            let (slice, all) = (array.as_slice(), array.len());
            match slice {
                Some(slice) => slice.iter().step_by(all / 64 + 1).for_each(|x| x.digest(hasher)),
                None => array.view().iter().take(64).for_each(|x| x.digest(hasher)),
            }
        }
        self.dtype().hash(&mut { hasher as &mut dyn Hasher });
        each_dtype!(self, array => feed(array, hasher));
    }

    fn as_f64(&self) -> Option<&[f64]> {
        match self {
            Tensor::F64(array) => array.as_slice(),
            _ => None,
        }
    }

    fn to_floats(&self) -> Option<Vec<f64>> {
        match self {
            Tensor::F64(array) => Some(array.to_vec()),
            Tensor::F32(array) => Some(array.view().iter().map(|&x| x.into()).collect()),
            _ => None,
        }
    }

    fn with_floats(&self, floats: &[f64]) -> Option<Box<dyn Value>> {
        let same = match self {
            Tensor::F64(_) => Tensor::new(self.shape(), floats.to_vec()),
            Tensor::F32(_) => Tensor::new(self.shape(), floats.iter().map(|&x| x as f32).collect()),
            _ => return None,
        };
        Some(Box::new(same.ok()?))
    }

    fn as_index(&self) -> Option<i64> {
        match self {
            Tensor::U8(array) => array.as_slice().and_then(only).map(i64::from),
            Tensor::I8(array) => array.as_slice().and_then(only).map(i64::from),
            Tensor::I32(array) => array.as_slice().and_then(only).map(i64::from),
            Tensor::I64(array) => array.as_slice().and_then(only),
            Tensor::Bool(_) | Tensor::F32(_) | Tensor::F64(_) => None,
        }
    }

    fn as_truth(&self) -> Option<bool> {
        bool::of(self)?.as_slice().and_then(only)
    }

    fn brief(&self) -> Option<String> {
        (self.len() <= 4 && self.shape().len() <= 1).then(|| {
            let texts: Vec<String> =
                each_dtype!(self, array => array.view().iter().map(|x| format!("{x:?}")).collect());
            if self.shape().is_empty() { texts.concat() } else { format!("[{}]", texts.join(", ")) }
        })
    }
}

fn only<T: Copy>(slice: &[T]) -> Option<T> {
    match slice {
        [one] => Some(*one),
        _ => None,
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.describe())?;
        each_dtype!(self, array => fmt::Display::fmt(&array.view(), f))
    }
}
