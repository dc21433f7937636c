//! What an index selects of the axes of a matrix, and where stored positions go by it.

use std::sync::Arc;

use kronograph_graph::{Inputs, OpFailure};
use kronograph_ops::axes::{AxisIndex, Range, Reading, position_on};
use kronograph_ops::{Tensor, check_size};

use crate::integers::all_integers;
use crate::number::Number;
use crate::pattern::{Moved, Pattern};

/// What is asked of one axis when an op runs.
pub(super) enum Asked<'a> {
    Range(Range),
    List(&'a Tensor),
}

/// What that has selected.
#[derive(Debug)]
pub(super) enum Picked {
    Range(Range),
    List(Vec<u32>),
}

impl<'a> Asked<'a> {
    /// Of rows and columns, by inputs from one on.
    pub(super) fn of(
        axes: &[AxisIndex],
        inputs: &Inputs<'a>,
        from: usize,
        shape: [usize; 2],
    ) -> Result<[Self; 2], OpFailure> {
        let mut reading = Reading::new(inputs, from);
        let mut ask = |axis: usize| match &axes[axis] {
            AxisIndex::Array => Ok(Asked::List(inputs.get(reading.next())?)),
            index => Ok(Asked::Range(reading.range(Some(index), shape[axis])?)),
        };
        Ok([ask(0)?, ask(1)?])
    }

    /// Whether it is what was picked from an axis of this length.
    fn is(&self, picked: &Picked, length: usize) -> bool {
        match (self, picked) {
            (Asked::Range(range), Picked::Range(known)) => range == known,
            (Asked::List(list), Picked::List(known)) => {
                let from_start = |at: i64| if at < 0 { at.saturating_add(length as i64) } else { at };
                let same = |k: usize, at: i64| from_start(at) == i64::from(known[k]);
                list.len() == known.len() && all_integers(list, same) == Ok(true)
            }
            _ => false,
        }
    }

    fn pick(&self, axis: usize, shape: [usize; 2]) -> Result<Picked, OpFailure> {
        let list = match self {
            Asked::Range(range) => return Ok(Picked::Range(*range)),
            Asked::List(list) => list,
        };
        let (mut places, mut wrong) = (Vec::with_capacity(list.len()), None);
        all_integers(list, |_, at| {
            let place = position_on(axis, at, &shape).map_err(|error| OpFailure::Shapes(error.to_string()));
            place.map(|place| places.push(place as u32)).map_err(|error| wrong = Some(error)).is_ok()
        })?;
        wrong.map_or(Ok(Picked::List(places)), Err)
    }
}

/// Whether both axes are asked for what was picked.
pub(super) fn are(asked: &[Asked<'_>; 2], picked: &[Picked; 2], shape: [usize; 2]) -> bool {
    (0..2).all(|axis| asked[axis].is(&picked[axis], shape[axis]))
}

/// What both axes are asked for.
///
/// # Errors
///
/// When a position is out of range.
pub(super) fn pick(asked: &[Asked<'_>; 2], shape: [usize; 2]) -> Result<[Picked; 2], OpFailure> {
    Ok([asked[0].pick(0, shape)?, asked[1].pick(1, shape)?])
}

impl Picked {
    pub(super) fn len(&self) -> usize {
        match self {
            Picked::Range(range) => range.count,
            Picked::List(list) => list.len(),
        }
    }

    /// The position that the k-th one is.
    pub(super) fn at(&self, k: usize) -> usize {
        match self {
            Picked::Range(range) => (range.first as i64 + range.step * k as i64) as usize,
            Picked::List(list) => list[k] as usize,
        }
    }

    fn is_backwards(&self) -> bool {
        matches!(self, Picked::Range(range) if range.step < 0)
    }

    /// For each position of an axis, which of those picked it is.
    fn inverse(&self, length: usize) -> Inverse {
        match self {
            Picked::Range(range) => Inverse::Range(*range),
            Picked::List(list) => {
                let mut starts = vec![0; length + 1];
                list.iter().for_each(|&at| starts[at as usize + 1] += 1);
                (0..length).for_each(|at| starts[at + 1] += starts[at]);
                let (mut next, mut places) = (starts.clone(), vec![0; list.len()]);
                for (k, &at) in list.iter().enumerate() {
                    places[next[at as usize] as usize] = k as u32;
                    next[at as usize] += 1;
                }
                Inverse::List { starts, places }
            }
        }
    }
}

enum Inverse {
    Range(Range),
    List { starts: Vec<u32>, places: Vec<u32> },
}

impl Inverse {
    fn for_each(&self, at: u32, mut visit: impl FnMut(u32)) {
        match self {
            Inverse::Range(range) => {
                let away = i64::from(at) - range.first as i64;
                let k = away / range.step;
                if away % range.step == 0 && (0..range.count as i64).contains(&k) {
                    visit(k as u32);
                }
            }
            Inverse::List { starts, places } => {
                let (from, to) = (starts[at as usize], starts[at as usize + 1]);
                places[from as usize..to as usize].iter().for_each(|&k| visit(k));
            }
        }
    }
}

/// What is picked of the slices and within the slices of a pattern. Slots of a slice keep their order, turned round
/// where the index goes backwards; those that a list picks are sorted.
pub(super) fn gathered(from: &Pattern, slices: &Picked, within: &Picked) -> Result<Moved, OpFailure> {
    // A list is turned round by a place for each index.
    check_size(&[from.minor(), 2])?;
    let inverse = within.inverse(from.minor());
    let (mut indptr, mut entries) = (vec![0], Vec::<(u32, u32)>::new());
    for k in 0..slices.len() {
        let (range, start) = (from.range(slices.at(k)), entries.len());
        let mut take = |slot: usize| inverse.for_each(from.indices()[slot], |at| entries.push((at, slot as u32)));
        match within.is_backwards() {
            true => range.rev().for_each(&mut take),
            false => range.for_each(&mut take),
        }
        if matches!(within, Picked::List(_)) {
            entries[start..].sort_unstable();
        }
        indptr.push(u32::try_from(entries.len()).map_err(|_| OpFailure::Shapes("it has too many entries".into()))?);
    }
    let (indices, slots) = entries.into_iter().unzip();
    let pattern = Pattern::of_narrow(within.len(), indptr, indices);
    let pattern = pattern.map_err(|error| OpFailure::Shapes(error.to_string()))?;
    Ok(Moved { pattern: Arc::new(pattern), slots })
}

/// Entries put at positions of a larger pattern, where those of one position are summed.
#[derive(Debug)]
pub(crate) struct Scattered {
    pub(crate) pattern: Arc<Pattern>,
    /// The entries in the order of the slots that they go to, and these slots.
    from: Vec<u32>,
    to: Vec<u32>,
}

impl Scattered {
    /// Entries at (slice, index), each inside of the lengths.
    pub(crate) fn of(
        (major, minor): (usize, usize),
        positions: impl Iterator<Item = (usize, usize)> + Clone,
    ) -> Result<Self, OpFailure> {
        let mut indptr = vec![0u32; major + 1];
        positions.clone().for_each(|(slice, _)| indptr[slice + 1] += 1);
        (0..major).for_each(|slice| indptr[slice + 1] += indptr[slice]);
        let count = indptr[major] as usize;
        let (mut next, mut from, mut indices) = (indptr.clone(), vec![0; count], vec![0; count]);
        for (k, (slice, index)) in positions.enumerate() {
            let at = next[slice] as usize;
            (from[at], indices[at]) = (k as u32, index as u32);
            next[slice] += 1;
        }
        let merged = Pattern::merged(minor, indptr, indices).map_err(|error| OpFailure::Shapes(error.to_string()));
        let (pattern, slots) = merged?;
        let to = slots.unwrap_or_else(|| (0..count as u32).collect());
        Ok(Self { pattern: Arc::new(pattern), from, to })
    }

    /// The stored entries of a pattern, at the positions that were picked of larger axes.
    pub(super) fn of_pattern(
        of: &Pattern,
        (slices, within): (&Picked, &Picked),
        lengths: (usize, usize),
    ) -> Result<Self, OpFailure> {
        let slice = |k: usize| of.slice(k).iter().map(move |&at| (slices.at(k), within.at(at as usize)));
        Self::of(lengths, (0..of.major()).flat_map(slice))
    }

    /// The sums.
    pub(crate) fn write<T: Number>(&self, out: &mut [T], value: impl Fn(usize) -> T) {
        out.fill(T::default());
        for (&from, &to) in self.from.iter().zip(&self.to) {
            out[to as usize] = out[to as usize].plus(value(from as usize));
        }
    }
}

/// The slots of positions (slice, index); `u32::MAX` where nothing is stored.
pub(crate) fn slots_of(pattern: &Pattern, positions: impl Iterator<Item = (usize, usize)>) -> Vec<u32> {
    let sorted = (!pattern.is_sorted()).then(|| pattern.sorted());
    let (sorted, slots) = match &sorted {
        Some(sorted) => (&*sorted.pattern, Some(&sorted.slots)),
        None => (pattern, None),
    };
    let find = |(slice, index): (usize, usize)| match sorted.slice(slice).binary_search(&(index as u32)) {
        Ok(at) => {
            let slot = sorted.range(slice).start + at;
            slots.map_or(slot as u32, |slots| slots[slot])
        }
        Err(_) => u32::MAX,
    };
    positions.map(find).collect()
}
