//! Walking several strided arrays of one shape, run by run.
//!
//! Axes that lie behind one another in every array are merged first, so that contiguous data is one run whatever
//! its rank; nothing is allocated for up to six axes.

use smallvec::SmallVec;

struct Axis<const K: usize> {
    length: usize,
    strides: [usize; K],
}

/// Calls `run(offsets, steps, length)` for each innermost run, in row-major order.
///
/// `strides[k]` are those of array `k` over `shape`; a stride of zero repeats an element. A negative one comes in two's
/// complement, and so do the offsets and steps that follow from it: add them with wrapping.
pub(crate) fn for_each_run<const K: usize>(
    shape: &[usize],
    strides: [&[usize]; K],
    mut run: impl FnMut([usize; K], [usize; K], usize),
) {
    if shape.contains(&0) {
        return;
    }
    let mut axes = merged(shape, strides);
    let inner = axes.pop().unwrap_or(Axis { length: 1, strides: [0; K] });
    let mut counters: SmallVec<[usize; 6]> = SmallVec::from_elem(0, axes.len());
    let mut offsets = [0; K];
    loop {
        run(offsets, inner.strides, inner.length);
        if !advance(&axes, &mut counters, &mut offsets) {
            return;
        }
    }
}

fn merged<const K: usize>(shape: &[usize], strides: [&[usize]; K]) -> SmallVec<[Axis<K>; 6]> {
    let mut axes: SmallVec<[Axis<K>; 6]> = SmallVec::new();
    for (at, &length) in shape.iter().enumerate().filter(|(_, length)| **length != 1) {
        let here = std::array::from_fn(|k| strides[k][at]);
        match axes.last_mut() {
            Some(outer) if (0..K).all(|k| outer.strides[k] == here[k].wrapping_mul(length)) => {
                *outer = Axis { length: outer.length * length, strides: here };
            }
            _ => axes.push(Axis { length, strides: here }),
        }
    }
    axes
}

/// Moves to the next combination of outer indices; `false` after the last.
fn advance<const K: usize>(axes: &[Axis<K>], counters: &mut [usize], offsets: &mut [usize; K]) -> bool {
    for (axis, counter) in axes.iter().zip(counters).rev() {
        *counter += 1;
        if *counter < axis.length {
            (0..K).for_each(|k| offsets[k] = offsets[k].wrapping_add(axis.strides[k]));
            return true;
        }
        *counter = 0;
        let back = |k: usize| axis.strides[k].wrapping_mul(axis.length - 1);
        (0..K).for_each(|k| offsets[k] = offsets[k].wrapping_sub(back(k)));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contiguous_axes_are_one_run_and_others_are_walked_in_order() {
        let mut runs = Vec::new();
        for_each_run(&[2, 3, 4], [&[12, 4, 1]], |offsets, steps, length| runs.push((offsets[0], steps[0], length)));
        assert_eq!(runs, [(0, 1, 24)]);
        runs.clear();
        for_each_run(&[2, 3], [&[1, 2], &[3, 1]], |offsets, _, length| runs.push((offsets[0], offsets[1], length)));
        assert_eq!(runs, [(0, 0, 3), (1, 3, 3)]);
        runs.clear();
        let back = 1usize.wrapping_neg();
        for_each_run(&[2, 3], [&[3, back]], |offsets, steps, length| runs.push((offsets[0], steps[0], length)));
        assert_eq!(runs, [(0, back, 3), (3, back, 3)]);
        runs.clear();
        for_each_run(&[2, 0], [&[0, 1]], |_, _, _| runs.push((0, 0, 0)));
        assert!(runs.is_empty());
        for_each_run(&[], [&[]], |_, _, length| runs.push((0, 0, length)));
        assert_eq!(runs, [(0, 0, 1)]);
    }
}
