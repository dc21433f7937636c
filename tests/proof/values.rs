//! Values for the proof: strided twins, garbage, comparison, shared storage.

use std::any::Any;
use std::ops::Range;

use kronograph::graph::Slot;
use kronograph::ops::Element;
use kronograph::prelude::*;

use crate::subject::run;

/// The same elements in a storage with gaps, which hold other numbers; `None` where there is no such thing.
pub(crate) fn strided(value: &dyn Value) -> Option<Box<dyn Value>> {
    let tensor = as_tensor(value)?;
    match tensor.dtype() {
        DType::Bool => gapped(tensor, true),
        DType::U8 => gapped(tensor, 77u8),
        DType::I8 => gapped(tensor, -77i8),
        DType::I32 => gapped(tensor, -77i32),
        DType::I64 => gapped(tensor, -77i64),
        DType::F32 => gapped(tensor, f32::NAN),
        DType::F64 => gapped(tensor, f64::NAN),
    }
}

/// Reversed axes and a gap behind every element, both undone by a view.
fn gapped<T: Element>(tensor: &Tensor, gap: T) -> Option<Box<dyn Value>> {
    if tensor.shape().is_empty() {
        return None;
    }
    let transposed = tensor.view::<T>().ok()?.reversed_axes();
    let data: Vec<T> = transposed.iter().flat_map(|&x| [x, gap]).collect();
    let mut shape = transposed.shape().to_vec();
    *shape.last_mut()? *= 2;
    let (x, every) = (kronograph::ops::tensor("x", T::DTYPE, &vec![None; shape.len()]), Index::slice(None, None, 2));
    let index = [vec![Index::ALL; shape.len() - 1], vec![every]].concat();
    let view = transpose(&subtensor(&x, &index).ok()?).ok()?;
    let wide = Tensor::new(&shape, data).ok()?;
    let twin = run(&[x], &[&wide], &[view], &Mode::raw()).ok()?.pop()?;
    let gaps = tensor.len() > 1;
    assert_eq!(as_tensor(&*twin)?.array::<T>().ok()?.is_contiguous(), !gaps || tensor.is_empty(), "a twin with gaps");
    Some(twin)
}

pub(crate) fn as_tensor(value: &dyn Value) -> Option<&Tensor> {
    (value as &dyn Any).downcast_ref()
}

/// Slots as an earlier call of something else may have left them.
pub(crate) fn garbage(count: usize, kind: usize) -> Vec<Slot> {
    let make = |_| {
        let mut slot = Slot::default();
        match kind {
            0 => slot.set(Box::new(Tensor::new(&[7], vec![f64::NAN; 7]).unwrap())),
            1 => slot.set(Box::new(Tensor::new(&[2, 1, 2], vec![true; 4]).unwrap())),
            _ => slot.set(Box::new(Tensor::new(&[1], vec![-7i64]).unwrap())),
        }
        slot
    };
    (0..count).map(make).collect()
}

/// The places in memory where the elements lie.
pub(crate) fn places(value: &dyn Value) -> Option<Range<usize>> {
    let any = value as &dyn Any;
    let tensor = any.downcast_ref::<Tensor>().or_else(|| any.downcast_ref::<SparseMatrix>().map(SparseMatrix::data))?;
    fn range<T: Element>(tensor: &Tensor) -> Range<usize> {
        let range = tensor.array::<T>().unwrap().storage().as_ptr_range();
        range.start as usize..range.end as usize
    }
    let range = match tensor.dtype() {
        DType::Bool => range::<bool>(tensor),
        DType::U8 => range::<u8>(tensor),
        DType::I8 => range::<i8>(tensor),
        DType::I32 => range::<i32>(tensor),
        DType::I64 => range::<i64>(tensor),
        DType::F32 => range::<f32>(tensor),
        DType::F64 => range::<f64>(tensor),
    };
    (!range.is_empty()).then_some(range)
}

/// Whether two values are equal up to rounding; `None` where that cannot be said.
pub(crate) fn close(a: &dyn Value, b: &dyn Value, precision: f64) -> Option<bool> {
    if a.same_bits(b) {
        return Some(true);
    }
    let (Some(x), Some(y)) = (a.to_floats(), b.to_floats()) else {
        return knows_itself(a).then_some(false);
    };
    let scale = x.iter().filter(|x| x.is_finite()).fold(0.0, |scale: f64, x| scale.max(x.abs()));
    let near = |(x, y): (&f64, &f64)| x == y || (x.is_nan() && y.is_nan()) || (x - y).abs() <= 1e4 * precision * scale;
    Some(a.extents() == b.extents() && x.len() == y.len() && x.iter().zip(&y).all(near))
}

/// Equal bits; `None` where that cannot be said.
pub(crate) fn same(a: &dyn Value, b: &dyn Value) -> Option<bool> {
    match a.same_bits(b) {
        true => Some(true),
        false if knows_itself(a) => Some(false),
        false => Some(bits(&a.to_floats()?) == bits(&b.to_floats()?)),
    }
}

/// Whether a value can tell equal bits from others: then it is equal to itself.
fn knows_itself(value: &dyn Value) -> bool {
    value.same_bits(value)
}

fn bits(floats: &[f64]) -> Vec<u64> {
    floats.iter().map(|x| x.to_bits()).collect()
}

/// A copy that shares no storage, where there is one.
pub(crate) fn deep_copy(value: &dyn Value) -> Option<Box<dyn Value>> {
    match as_tensor(value) {
        Some(tensor) if value.to_floats().is_none() => strided(tensor),
        _ => value.with_floats(&value.to_floats()?),
    }
}
