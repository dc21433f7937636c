//! Indexing: any mix of integers, slices, arrays and masks against a plain walk over positions; what must be refused.

#![allow(clippy::unwrap_used, reason = "tests")]

use kronograph::graph::Result as Built;
use kronograph::ops::samples::Stream;
use kronograph::ops::{compress, inc_subtensor, nonzero, segment_sum, set_subtensor, subtensor, take, take_along_axis};
use kronograph::prelude::*;

fn call(inputs: &[&Variable], output: &Variable, values: &[&dyn Value]) -> Result<(Vec<usize>, Vec<f64>), String> {
    let inputs: Vec<Variable> = inputs.iter().map(|input| (*input).clone()).collect();
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let mut function = compile(&inputs, std::slice::from_ref(output), &Mode::run()).map_err(|error| text(&error))?;
    let outputs = function.call(values).map_err(|error| text(&error))?;
    let tensor = outputs.get::<Tensor>(0).map_err(|error| text(&error))?;
    Ok((tensor.shape().to_vec(), tensor.to_vec().map_err(|error| text(&error))?))
}

/// How one axis is taken: the positions along it, and which axis of the result they run along (none for an integer).
enum Taken {
    Slice(Vec<usize>),
    /// By an array of one shape for all arrays, or by one number.
    Spots(Vec<usize>),
}

/// A random index of a tensor of three axes: as the library has it, as values of its inputs, and as positions.
fn random_index(shape: &[usize], random: &mut Stream) -> (Vec<Index>, Vec<(Variable, Tensor)>, Vec<Taken>) {
    let count = random.below(4);
    let (mut index, mut inputs, mut taken) = (Vec::new(), Vec::new(), Vec::new());
    for &length in shape {
        let signed = |position: usize, random: &mut Stream| {
            if random.below(2) == 0 { position as i64 } else { position as i64 - length as i64 }
        };
        match random.below(4) {
            0 => {
                let at = random.below(length);
                index.push(Index::at(signed(at, random)));
                taken.push(Taken::Spots(vec![at; count]));
            }
            1 => {
                let all: Vec<usize> = (0..length).collect();
                let (start, step) = (random.below(length), random.below(2) + 1);
                index.push(Index::slice(start as i64, None, step as i64));
                taken.push(Taken::Slice(all[start..].iter().copied().step_by(step).collect()));
            }
            2 => {
                index.push(Index::slice(None, None, -1));
                taken.push(Taken::Slice((0..length).rev().collect()));
            }
            _ => {
                let at: Vec<usize> = (0..count).map(|_| random.below(length)).collect();
                let values: Vec<i64> = at.iter().map(|&at| signed(at, random)).collect();
                let variable = tensor("i", DType::I64, &[None]);
                index.push(Index::array(&variable));
                inputs.push((variable, Tensor::vector(values)));
                taken.push(Taken::Spots(at));
            }
        }
    }
    (index, inputs, taken)
}

/// NumPy's rule, one element at a time: for each element of the result, its place in x.
fn places(shape: &[usize], taken: &[Taken], arrays: bool) -> (Vec<usize>, Vec<usize>) {
    let spot_axes: Vec<usize> = (0..taken.len()).filter(|&k| matches!(taken[k], Taken::Spots(_))).collect();
    let count = taken.iter().find_map(|t| if let Taken::Spots(at) = t { Some(at.len()) } else { None });
    let apart = spot_axes.windows(2).any(|pair| pair[1] != pair[0] + 1);
    let first = if apart { 0 } else { spot_axes.first().copied().unwrap_or(0) };
    // The axes of the result: of slices by their axis, and that of the arrays.
    let mut axes: Vec<(Option<usize>, usize)> = Vec::new();
    for (k, t) in taken.iter().enumerate() {
        if let Taken::Slice(at) = t {
            axes.push((Some(k), at.len()));
        }
    }
    if arrays {
        axes.insert(first.min(axes.len()), (None, count.unwrap()));
    }
    let out_shape: Vec<usize> = axes.iter().map(|axis| axis.1).collect();
    let mut places = Vec::new();
    for number in 0..out_shape.iter().product() {
        let (mut rest, mut at) = (number, vec![0; axes.len()]);
        for k in (0..axes.len()).rev() {
            at[k] = rest % out_shape[k];
            rest /= out_shape[k];
        }
        let along = |axis: Option<usize>| axes.iter().position(|have| have.0 == axis).map_or(0, |k| at[k]);
        let position = |k: usize| match &taken[k] {
            Taken::Slice(positions) => positions[along(Some(k))],
            Taken::Spots(positions) => positions[along(None)],
        };
        places.push((0..shape.len()).fold(0, |place, k| place * shape[k] + position(k)));
    }
    (out_shape, places)
}

#[test]
fn any_mix_of_indices_reads_adds_and_replaces_as_a_walk_over_positions_does() {
    let (shape, random) = ([3, 4, 2], &mut Stream::new(5));
    let mut mixed = 0;
    for _ in 0..200 {
        let (index, inputs, taken) = random_index(&shape, random);
        let arrays = !inputs.is_empty();
        if !arrays && taken.iter().any(|t| matches!(t, Taken::Spots(at) if at.is_empty())) {
            continue;
        }
        mixed += usize::from(arrays);
        let taken: Vec<Taken> = match arrays {
            true => taken,
            false => taken
                .into_iter()
                .map(|t| if let Taken::Spots(at) = t { Taken::Spots(at[..1].to_vec()) } else { t })
                .collect(),
        };
        let (part, places) = places(&shape, &taken, arrays);
        let data: Vec<f64> = (0..24).map(|k| f64::from(k) * 1.5).collect();
        let (x, y) = (tensor("x", DType::F64, &[None; 3]), tensor("y", DType::F64, &vec![None; part.len()]));
        let x_value = Tensor::new(&shape, data.clone()).unwrap();
        let y_data: Vec<f64> = (0..places.len()).map(|k| 100.0 + k as f64).collect();
        let y_value = Tensor::new(&part, y_data.clone()).unwrap();
        let all: Vec<&Variable> = [&x, &y].into_iter().chain(inputs.iter().map(|input| &input.0)).collect();
        let mut values: Vec<&dyn Value> = vec![&x_value, &y_value];
        values.extend(inputs.iter().map(|input| &input.1 as &dyn Value));
        let read: Vec<f64> = places.iter().map(|&place| data[place]).collect();
        assert_eq!(call(&all, &subtensor(&x, &index).unwrap(), &values), Ok((part.clone(), read)), "{index:?}");
        let (mut added, mut replaced) = (data.clone(), data);
        for (&place, &y) in places.iter().zip(&y_data) {
            added[place] += y;
            replaced[place] = y;
        }
        let whole = shape.to_vec();
        assert_eq!(call(&all, &inc_subtensor(&x, &y, &index).unwrap(), &values), Ok((whole.clone(), added)));
        assert_eq!(call(&all, &set_subtensor(&x, &y, &index).unwrap(), &values), Ok((whole, replaced)));
    }
    assert!(mixed > 50, "only {mixed} indices had arrays");
}

#[test]
fn a_position_may_be_a_variable() {
    let (x, i) = (matrix("x"), tensor("i", DType::I32, &[]));
    let value = Tensor::new(&[2, 3], (0..6).map(f64::from).collect()).unwrap();
    let column = subtensor(&x, &[Index::ALL, Index::at(&i)]).unwrap();
    let tail = subtensor(&x, &[Index::at(0), Index::between(&i, Dim::axis(&x, 1))]).unwrap();
    let at = |position: i32| Tensor::scalar(position);
    assert_eq!(call(&[&x, &i], &column, &[&value, &at(-1)]), Ok((vec![2], vec![2.0, 5.0])));
    assert_eq!(call(&[&x, &i], &tail, &[&value, &at(1)]), Ok((vec![2], vec![1.0, 2.0])));
    let error = call(&[&x, &i], &column, &[&value, &at(3)]).unwrap_err();
    assert!(error.contains("index 3 is out of range on axis 1 of shape (2, 3)"), "{error}");
}

#[test]
fn what_is_refused_while_building() {
    let (x, ints) = (tensor("x", DType::F64, &[Some(3), Some(2)]), |n| tensor("i", DType::I64, &[Some(n)]));
    let mask = tensor("m", DType::Bool, &[Some(2)]);
    let counts = tensor("n", DType::I64, &[Some(3)]);
    let at = |variable: &Variable| [Index::array(variable)];
    let refused: Vec<(Built<Variable>, &[&str])> = vec![
        (subtensor(&x, &at(&vector("f"))), &["advanced_subtensor", "`f` is f64", "integers"]),
        (subtensor(&x, &at(&mask)), &["`m` is bool (2,)", "lengths of the axes"]),
        (subtensor(&x, &[Index::array(&ints(2)), Index::array(&ints(3))]), &["2 and 3 long"]),
        (subtensor(&x, &[Index::array(&ints(2)), Index::ALL, Index::at(0)]), &["3 indices are too many for 2 axes"]),
        (subtensor(&x, &[Index::array(&ints(2)), Index::at(2)]), &["index 2 is out of range on axis 1"]),
        (subtensor(&x, &[Index::at(&vector("f"))]), &["`f` is f64", "a position is an integer"]),
        (set_subtensor(&x, &vector("y"), &[Index::slice(0, 0, 0)]), &["the step of a slice cannot be zero"]),
        (set_subtensor(&x, &tensor("y", DType::F64, &[Some(3)]), &at(&ints(2))), &["must broadcast to the part"]),
        (set_subtensor(&counts, &scalar("y"), &[Index::at(0)]), &["set_subtensor", "`n` is i64", "without loss"]),
        (inc_subtensor(&mask, &mask, &[]), &["inc_subtensor", "something that is added"]),
        (take(&x, &ints(2), 2), &["take", "there is no axis 2"]),
        (take_along_axis(&x, &ints(2), 0), &["take_along_axis", "as many axes"]),
        (compress(&x, &x, 0), &["compress", "the condition is a vector"]),
        (segment_sum(&x, &x, 3), &["segment_sum", "a vector of groups"]),
        (nonzero(&scalar("s")).map(|mut all| all.remove(0)), &["nonzero", "a scalar has no positions"]),
    ];
    for (result, words) in refused {
        let text = result.unwrap_err().to_string();
        assert!(words.iter().all(|word| text.contains(word)), "{words:?}: {text}");
        assert!(text.contains("tests/indexing.rs"), "{text}");
    }
}

#[test]
fn what_is_refused_at_run_time() {
    let (x, y, i) = (matrix("x"), vector("y"), tensor("i", DType::I64, &[None]));
    let (j, mask) = (tensor("j", DType::I64, &[None]), tensor("m", DType::Bool, &[None]));
    let ones = |shape: &[usize]| Tensor::new(shape, vec![1.0; shape.iter().product()]).unwrap();
    let ints = |values: &[i64]| Tensor::vector(values.to_vec());
    let rows = subtensor(&x, &[Index::array(&i)]).unwrap();
    let error = call(&[&x, &i], &rows, &[&ones(&[2, 2]), &ints(&[0, -3])]).unwrap_err();
    assert!(error.contains("index -3 is out of range on axis 0 of shape (2, 2)") && error.contains("`i`"), "{error}");
    let pairs = subtensor(&x, &[Index::array(&i), Index::array(&j)]).unwrap();
    let error = call(&[&x, &i, &j], &pairs, &[&ones(&[2, 2]), &ints(&[0]), &ints(&[0, 1])]).unwrap_err();
    assert!(error.contains("index arrays of shapes (1,) and (2,) do not fit"), "{error}");
    let masked = subtensor(&x, &[Index::array(&mask)]).unwrap();
    let error = call(&[&x, &mask], &masked, &[&ones(&[3, 2]), &Tensor::vector(vec![true; 2])]).unwrap_err();
    assert!(error.contains("a mask of shape (2,) is not one over the axes from 0 on of shape (3, 2)"), "{error}");
    let written = set_subtensor(&x, &y, &[Index::at(0)]).unwrap();
    let error = call(&[&x, &y], &written, &[&ones(&[2, 2]), &ones(&[1])]).unwrap_err();
    assert!(error.contains("the part has shape (2,), what is written to it has (1,)"), "{error}");
    let sums = segment_sum(&y, &i, 2).unwrap();
    let error = call(&[&y, &i], &sums, &[&ones(&[2]), &ints(&[0, 2])]).unwrap_err();
    assert!(error.contains("index 2 is out of range on axis 0 of shape (2,)"), "{error}");
}
