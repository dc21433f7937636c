//! What an index with arrays and masks selects: where each element of the result lies, and in which order.
//!
//! Arrays are walked together over their common shape, and each combination of positions is one offset into storage.
//! The offsets are found first, so that a position out of range is an error before anything is written; slices are
//! walked inside and outside of them.

use kronograph_graph::{BuildError, Dim, Inputs, OpError, OpFailure, OpResult, OpState, Result, Shape, Variable};

use super::axis::{AxisIndex, check_inputs};
use super::part::{Part, Reading, check_rank, position_on, slice_dim, static_length};
use crate::broadcasting::{align, common_dims_of, spread};
use crate::kernels::runs::for_each_run;
use crate::tensor::{Element, Extents, Strided, Tensor, shape_text, tensor_type};

/// How many axes of the result are slices that come before the arrays' axes: those before the first array, unless a
/// slice stands between two arrays; then none.
pub(super) fn leading_slices(axes: &[AxisIndex]) -> usize {
    let first = axes.iter().position(|axis| !axis.is_slice()).unwrap_or(0);
    let last = axes.iter().rposition(|axis| !axis.is_slice()).unwrap_or(0);
    let apart = axes.get(first..last).unwrap_or_default().iter().any(|axis| axis.is_slice());
    if apart { 0 } else { first }
}

/// A checked index: the inputs with arrays of one rank, and the static lengths of arrays and slices.
pub(super) struct Checked {
    pub(super) inputs: Vec<Variable>,
    pub(super) spots: Vec<Option<usize>>,
    pub(super) slices: Vec<Option<usize>>,
}

impl Checked {
    pub(super) fn new(op: &'static str, inputs: &[Variable], axes: &[AxisIndex], tensors: usize) -> Result<Self> {
        check_inputs(op, inputs, axes, tensors)?;
        let x = &inputs[0];
        tensor_type(op, x)?;
        check_rank(op, x, indexed_axes(axes, inputs, tensors))?;
        let (mut arrays, mut slices) = (Vec::new(), Vec::new());
        for (axis, index, input) in Walk::new(axes, inputs, tensors) {
            match index {
                Some(AxisIndex::Array) => arrays.push(input),
                Some(AxisIndex::Mask) => check_mask(op, x, &inputs[input], axis)?,
                index => slices.extend(static_length(op, x, axis, index)?),
            }
        }
        let has_mask = axes.contains(&AxisIndex::Mask);
        let (mut inputs, mut spots) = (inputs.to_vec(), Vec::new());
        if !arrays.is_empty() {
            let own: Vec<Variable> = arrays.iter().map(|&input| inputs[input].clone()).collect();
            let aligned = align(op, &own)?;
            arrays.iter().zip(aligned.inputs).for_each(|(&input, array)| inputs[input] = array);
            spots = aligned.lengths.to_vec();
        }
        match spots.last_mut() {
            Some(last @ Some(1)) if has_mask => *last = None,
            None if has_mask => spots.push(None),
            _ => {}
        }
        Ok(Self { inputs, spots, slices })
    }

    /// The static lengths of what is selected.
    pub(super) fn lengths(&self, axes: &[AxisIndex]) -> Vec<Option<usize>> {
        let (before, after) = self.slices.split_at(leading_slices(axes));
        [before, &self.spots, after].concat()
    }
}

fn check_mask(op: &'static str, x: &Variable, mask: &Variable, axis: usize) -> Result<()> {
    let own = mask.ty().extents();
    let over = x.ty().extents().iter().skip(axis);
    if own.iter().zip(over).all(|(a, b)| a.is_none() || b.is_none() || a == b) {
        return Ok(());
    }
    Err(BuildError::inputs(op, &[x.clone(), mask.clone()], "a mask has the lengths of the axes that it is over"))
}

fn indexed_axes(axes: &[AxisIndex], inputs: &[Variable], tensors: usize) -> usize {
    let mut next = tensors;
    let mut count = |axis: &AxisIndex| {
        next += axis.inputs();
        if *axis == AxisIndex::Mask { inputs[next - 1].ty().extents().len() } else { 1 }
    };
    axes.iter().map(&mut count).sum()
}

/// Goes over the axes of x: the first axis that an index is of, the index, and the first input that it reads.
struct Walk<'a> {
    axes: &'a [AxisIndex],
    inputs: &'a [Variable],
    axis: usize,
    input: usize,
}

impl<'a> Walk<'a> {
    fn new(axes: &'a [AxisIndex], inputs: &'a [Variable], tensors: usize) -> Self {
        Self { axes, inputs, axis: 0, input: tensors }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = (usize, Option<&'a AxisIndex>, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let (axis, input) = (self.axis, self.input);
        if axis >= self.inputs[0].ty().extents().len() {
            return None;
        }
        let index = self.axes.split_first().map(|(first, rest)| {
            self.axes = rest;
            first
        });
        self.input += index.map_or(0, |index| index.inputs());
        let is_mask = index == Some(&AxisIndex::Mask);
        self.axis += if is_mask { self.inputs[input].ty().extents().len().max(1) } else { 1 };
        Some((axis, index, input))
    }
}

/// The lengths of what is selected, and those of the arrays alone.
pub(super) fn selected_dims(axes: &[AxisIndex], inputs: &[Variable], shapes: &[Shape], tensors: usize) -> [Shape; 2] {
    let (mut arrays, mut array_shapes, mut slices) = (Vec::new(), Vec::new(), Shape::new());
    for (axis, index, input) in Walk::new(axes, inputs, tensors) {
        match index {
            Some(AxisIndex::Array) => {
                arrays.push(inputs[input].clone());
                array_shapes.push(shapes[input].clone());
            }
            Some(AxisIndex::At(_) | AxisIndex::Mask) => {}
            index => slices.push(slice_dim(index, &shapes[0][axis])),
        }
    }
    let mut spots = common_dims_of(&arrays, &array_shapes);
    if axes.contains(&AxisIndex::Mask) {
        spots.pop();
        spots.push(Dim::UNKNOWN);
    }
    let (before, after) = slices.split_at(leading_slices(axes));
    [before.iter().chain(&spots).chain(after).cloned().collect(), spots]
}

/// Offsets of the last call, kept for their storage.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    pub(super) offsets: Vec<usize>,
    /// Those of each mask, one after the other.
    masked: Vec<usize>,
    /// Numbers of offsets, for sorting.
    pub(super) order: Vec<usize>,
}

impl OpState for Workspace {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}

/// What an index selects, at run time.
pub(super) struct Selection<'a> {
    pub(super) shape: Extents,
    /// The common shape of the arrays.
    pub(super) spots: Extents,
    lead: usize,
    slices: Part,
    offsets: &'a [usize],
}

impl<'a> Selection<'a> {
    /// Finds the offsets into storage of a shape and strides; `tensors` inputs come before those of the index.
    pub(super) fn new(
        axes: &[AxisIndex],
        (shape, strides): (&[usize], &[usize]),
        inputs: &Inputs<'_>,
        tensors: usize,
        workspace: &'a mut Workspace,
    ) -> Result<Self, Box<dyn OpError>> {
        workspace.masked.clear();
        let mut spots = Spots::default();
        let mut slices = Part::default();
        let mut reading = Reading::new(inputs, tensors);
        let (mut axis, mut indices) = (0, axes.iter());
        while axis < shape.len() {
            match indices.next() {
                Some(AxisIndex::At(at)) => {
                    slices.offset += position_on(axis, reading.place(*at)?, shape)? * strides[axis];
                }
                Some(AxisIndex::Array) => spots.meet_array(inputs, reading.next())?,
                Some(AxisIndex::Mask) => {
                    let mask = inputs.get::<Tensor>(reading.next())?;
                    axis += spots.meet_mask(mask, axis, (shape, strides), &mut workspace.masked)?;
                    continue;
                }
                index => slices.slice(index, (shape[axis], strides[axis]), &mut reading)?,
            }
            axis += 1;
        }
        let size: usize = spots.shape.iter().product();
        workspace.offsets.clear();
        workspace.offsets.resize(size, 0);
        spots.locate(axes, (shape, strides), inputs, tensors, workspace)?;
        let lead = leading_slices(axes);
        let (before, after) = slices.shape.split_at(lead);
        let shape = before.iter().chain(&spots.shape).chain(after).copied().collect();
        Ok(Self { shape, spots: spots.shape, lead, slices, offsets: &workspace.offsets })
    }

    /// Calls `run(offsets, steps, length)` for each run of the selection, in row-major order: offsets and steps in the
    /// storage that it selects from, and in another array of the selection's shape, whose strides are given. Those of
    /// the first may be negative, in two's complement.
    pub(super) fn for_each_run(&self, other: &[usize], mut run: impl FnMut([usize; 2], [usize; 2], usize)) {
        let (y_before, rest) = other.split_at(self.lead);
        let (y_spots, y_after) = rest.split_at(self.spots.len());
        let (before, after) = self.slices.shape.split_at(self.lead);
        let (x_before, x_after) = self.slices.steps.split_at(self.lead);
        let mut inner = |[x, y]: [usize; 2]| match after {
            [] => run([x, y], [0, 0], 1),
            [length] => run([x, y], [x_after[0], y_after[0]], *length),
            _ => for_each_run(after, [x_after, y_after], |at, steps, length| {
                run([x.wrapping_add(at[0]), y + at[1]], steps, length);
            }),
        };
        for_each_run(before, [x_before, y_before], |[x, y], [x_step, y_step], length| {
            for outer in 0..length {
                let x = self.slices.offset.wrapping_add(x).wrapping_add(outer.wrapping_mul(x_step));
                let (y, mut spot) = (y + outer * y_step, 0);
                for_each_run(&self.spots, [y_spots], |[at], [step], length| {
                    for k in 0..length {
                        inner([x.wrapping_add(self.offsets[spot]), y + at + k * step]);
                        spot += 1;
                    }
                });
            }
        });
    }
}

/// The common shape of arrays and masks, while they meet.
#[derive(Default)]
struct Spots {
    shape: Extents,
    /// Whether each axis has length 1 because all that met so far declare that.
    open: smallvec::SmallVec<[bool; 4]>,
}

impl Spots {
    /// Arrays of one rank, as the node has made them.
    fn meet_array(&mut self, inputs: &Inputs<'_>, input: usize) -> Result<(), OpFailure> {
        let array = inputs.get::<Tensor>(input)?;
        let declared = inputs.ty(input).map(|ty| ty.extents()).unwrap_or_default();
        self.widen(array.shape().len());
        let missing = self.shape.len() - array.shape().len();
        for (axis, &length) in array.shape().iter().enumerate() {
            let may_repeat = length == 1 && declared.get(axis) == Some(&Some(1));
            self.meet(missing + axis, length, may_repeat).map_err(|()| self.disagreement(array.shape()))?;
        }
        Ok(())
    }

    /// Keeps the offsets at which a mask is true, and returns how many axes it is over.
    fn meet_mask(
        &mut self,
        mask: &Tensor,
        axis: usize,
        (shape, strides): (&[usize], &[usize]),
        masked: &mut Vec<usize>,
    ) -> Result<usize, OpFailure> {
        let over = shape.get(axis..axis + mask.shape().len()).unwrap_or_default();
        if over != mask.shape() || over.is_empty() {
            let (a, b) = (shape_text(mask.shape()), shape_text(shape));
            let rule = format!("a mask of shape {a} is not one over the axes from {axis} on of shape {b}");
            return Err(OpFailure::Shapes(rule));
        }
        let values = bool::of(mask).ok_or(OpFailure::WrongValue(0))?;
        let before = masked.len();
        for_each_run(
            over,
            [values.strides(), &strides[axis..axis + over.len()]],
            |[m, x], [m_step, x_step], length| {
                let hits = (0..length).filter(|i| values.storage()[m + i * m_step]);
                masked.extend(hits.map(|i| x + i * x_step));
            },
        );
        self.widen(1);
        let count = masked.len() - before;
        self.meet(self.shape.len() - 1, count, false).map_err(|()| self.disagreement(&[count]))?;
        Ok(over.len())
    }

    fn widen(&mut self, rank: usize) {
        while self.shape.len() < rank {
            self.shape.insert(0, 1);
            self.open.insert(0, true);
        }
    }

    fn meet(&mut self, axis: usize, length: usize, may_repeat: bool) -> Result<(), ()> {
        if self.open[axis] {
            (self.shape[axis], self.open[axis]) = (length, may_repeat);
            return Ok(());
        }
        if may_repeat || self.shape[axis] == length { Ok(()) } else { Err(()) }
    }

    fn disagreement(&self, other: &[usize]) -> OpFailure {
        let (a, b) = (shape_text(&self.shape), shape_text(other));
        OpFailure::Shapes(format!(
            "index arrays of shapes {a} and {b} do not fit; an axis broadcasts only if its type says that its length is 1"
        ))
    }

    /// Adds up the offsets of all arrays and masks.
    fn locate(
        &self,
        axes: &[AxisIndex],
        (shape, strides): (&[usize], &[usize]),
        inputs: &Inputs<'_>,
        tensors: usize,
        Workspace { offsets, masked, .. }: &mut Workspace,
    ) -> Result<(), Box<dyn OpError>> {
        let (mut axis, mut input, mut masked) = (0, tensors, &masked[..]);
        let last = self.shape.last().copied().unwrap_or(1);
        for index in axes {
            match index {
                AxisIndex::Array => self.add_positions(inputs.get(input)?, axis, (shape, strides), offsets)?,
                AxisIndex::Mask => {
                    let (mine, rest) = masked.split_at(last);
                    masked = rest;
                    offsets.iter_mut().enumerate().for_each(|(at, offset)| *offset += mine[at % last]);
                    axis += inputs.get::<Tensor>(input)?.shape().len() - 1;
                }
                AxisIndex::At(_) | AxisIndex::Slice { .. } => {}
            }
            axis += 1;
            input += index.inputs();
        }
        Ok(())
    }

    /// Adds the offsets of an array's positions along an axis.
    fn add_positions(
        &self,
        array: &Tensor,
        axis: usize,
        (shape, strides): (&[usize], &[usize]),
        offsets: &mut [usize],
    ) -> OpResult {
        let missing = self.shape.len() - array.shape().len();
        let mut steps: Extents = smallvec::SmallVec::from_elem(0, missing);
        steps.extend(spread(array, &self.shape[missing..]));
        let mut failure = None;
        let mut place = |spot: usize, index: i64| match position_on(axis, index, shape) {
            Ok(position) => offsets[spot] += position * strides[axis],
            Err(error) => drop(failure.get_or_insert(error)),
        };
        match array {
            Tensor::U8(array) => each_spot(&self.shape, array, &steps, &mut place),
            Tensor::I8(array) => each_spot(&self.shape, array, &steps, &mut place),
            Tensor::I32(array) => each_spot(&self.shape, array, &steps, &mut place),
            Tensor::I64(array) => each_spot(&self.shape, array, &steps, &mut place),
            Tensor::Bool(_) | Tensor::F32(_) | Tensor::F64(_) => return Err(OpFailure::WrongValue(axis).into()),
        }
        failure.map_or(Ok(()), Err)
    }
}

/// Calls `place(spot, position)` for each spot of a shape, in order.
fn each_spot<T: Element + Into<i64>>(
    shape: &[usize],
    array: &Strided<T>,
    steps: &[usize],
    place: &mut impl FnMut(usize, i64),
) {
    let mut spot = 0;
    for_each_run(shape, [steps], |[from], [step], length| {
        (0..length).for_each(|i| place(spot + i, array.storage()[from + i * step].into()));
        spot += length;
    });
}
