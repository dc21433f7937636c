//! The pattern of blocks at offsets, and where their values go in it.

use std::sync::Arc;

use kronograph_graph::{Inputs, OpFailure};
use kronograph_ops::{Tensor, check_size};

use super::{AXES, Along, Stack};
use crate::kept::same_pattern;
use crate::matrix::{Format, SparseMatrix};
use crate::number::Number;
use crate::pattern::Pattern;

/// A block as it was when the pattern was made.
#[derive(Debug)]
enum Block {
    Sparse(Arc<Pattern>),
    Dense([usize; 2]),
}

/// A pattern made of blocks, and where each slice of each block starts in it.
#[derive(Debug)]
pub(super) struct Placed {
    blocks: Vec<Block>,
    pub(super) shape: [usize; 2],
    pub(super) pattern: Arc<Pattern>,
    starts: Vec<Vec<u32>>,
}

impl Placed {
    pub(super) fn serves(&self, inputs: &Inputs<'_>) -> bool {
        let same = |k: usize| match &self.blocks[k] {
            Block::Sparse(known) => inputs.get::<SparseMatrix>(k).is_ok_and(|x| same_pattern(known, x.pattern())),
            Block::Dense(known) => inputs.get::<Tensor>(k).is_ok_and(|x| x.shape() == known),
        };
        (0..self.blocks.len()).all(same)
    }

    pub(super) fn of(inputs: &Inputs<'_>, Stack { along, format }: Stack) -> Result<Self, OpFailure> {
        let (mut blocks, mut shapes) = (Vec::new(), Vec::<[usize; 2]>::new());
        for k in 0..inputs.len() {
            let shape = inputs.value(k)?.extents();
            shapes.push([shape[0], shape[1]]);
            blocks.push(match inputs.get::<SparseMatrix>(k) {
                Ok(x) => Block::Sparse(x.pattern().clone()),
                Err(_) => Block::Dense([shape[0], shape[1]]),
            });
        }
        let shape = total(along, &shapes)?;
        let (major, minor) = format.swap((shape[0], shape[1]));
        let grows = format.swap((along.grows()[0], along.grows()[1]));
        let too_large = || OpFailure::Shapes("the blocks are too large together".to_owned());
        check_size(&[major, 2])?;
        let mut indptr = vec![0u32; major.checked_add(1).ok_or_else(too_large)?];
        let slices: Vec<Slices<'_>> = slices(&blocks, &shapes, format, grows);
        for block in &slices {
            for slice in 0..block.major {
                let count = &mut indptr[block.first_slice + slice + 1];
                *count = count.checked_add(block.length(slice) as u32).ok_or_else(too_large)?;
            }
        }
        for slice in 0..major {
            indptr[slice + 1] = indptr[slice + 1].checked_add(indptr[slice]).ok_or_else(too_large)?;
        }
        let (mut next, mut indices) = (indptr.clone(), vec![0; indptr[major] as usize]);
        let starts = slices.iter().map(|block| block.put(&mut next, &mut indices)).collect();
        let pattern = Pattern::of_narrow(minor, indptr, indices);
        let pattern = Arc::new(pattern.map_err(|error| OpFailure::Shapes(error.to_string()))?);
        Ok(Self { blocks, shape, pattern, starts })
    }

    pub(super) fn write<T: Number>(&self, inputs: &Inputs<'_>, format: Format, out: &mut [T]) -> Result<(), OpFailure> {
        for (k, starts) in self.starts.iter().enumerate() {
            match &self.blocks[k] {
                Block::Sparse(pattern) => {
                    let values = inputs.get::<SparseMatrix>(k)?.slots::<T>()?;
                    for (slice, &start) in starts.iter().enumerate() {
                        let (range, start) = (pattern.range(slice), start as usize);
                        out[start..start + range.len()].copy_from_slice(&values[range]);
                    }
                }
                Block::Dense(shape) => {
                    let x = T::of(inputs.get(k)?).ok_or(OpFailure::WrongValue(k))?;
                    let (storage, minor) = (x.storage(), format.swap((shape[0], shape[1])).1);
                    let (along, within) = format.swap((x.strides()[0], x.strides()[1]));
                    for (slice, &start) in starts.iter().enumerate() {
                        let out = &mut out[start as usize..start as usize + minor];
                        out.iter_mut().enumerate().for_each(|(i, out)| *out = storage[slice * along + i * within]);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The slices of a block and where they go.
struct Slices<'a> {
    block: &'a Block,
    major: usize,
    minor: usize,
    first_slice: usize,
    first_index: usize,
}

fn slices<'a>(blocks: &'a [Block], shapes: &[[usize; 2]], format: Format, grows: (bool, bool)) -> Vec<Slices<'a>> {
    let (mut first_slice, mut first_index) = (0, 0);
    let place = |(block, shape): (&'a Block, &[usize; 2])| {
        let (major, minor) = format.swap((shape[0], shape[1]));
        let placed = Slices { block, major, minor, first_slice, first_index };
        first_slice += if grows.0 { major } else { 0 };
        first_index += if grows.1 { minor } else { 0 };
        placed
    };
    blocks.iter().zip(shapes).map(place).collect()
}

impl Slices<'_> {
    fn length(&self, slice: usize) -> usize {
        match self.block {
            Block::Sparse(pattern) => pattern.range(slice).len(),
            Block::Dense(_) => self.minor,
        }
    }

    /// Writes the indices of all slices from where the next one of each starts; the answer is these starts.
    fn put(&self, next: &mut [u32], indices: &mut [u32]) -> Vec<u32> {
        let mut put = |slice: usize| {
            let next = &mut next[self.first_slice + slice];
            let (start, length) = (*next, self.length(slice));
            let place = &mut indices[start as usize..start as usize + length];
            match self.block {
                Block::Sparse(pattern) => place.copy_from_slice(pattern.slice(slice)),
                Block::Dense(_) => place.iter_mut().enumerate().for_each(|(i, place)| *place = i as u32),
            }
            place.iter_mut().for_each(|index| *index += self.first_index as u32);
            *next += length as u32;
            start
        };
        (0..self.major).map(&mut put).collect()
    }
}

/// The shape of all blocks together.
fn total(along: Along, shapes: &[[usize; 2]]) -> Result<[usize; 2], OpFailure> {
    let mut total = shapes[0];
    for (k, shape) in shapes.iter().enumerate().skip(1) {
        for (axis, grows) in along.grows().into_iter().enumerate() {
            if grows {
                let sum = total[axis].checked_add(shape[axis]).filter(|&sum| u32::try_from(sum).is_ok());
                total[axis] = sum.ok_or_else(|| OpFailure::Shapes("the blocks are too large together".to_owned()))?;
            } else if total[axis] != shape[axis] {
                let (what, first, own) = (AXES[axis], total[axis], shape[axis]);
                return Err(OpFailure::Shapes(format!("block 0 has {first} {what}, block {k} has {own}")));
            }
        }
    }
    Ok(total)
}
