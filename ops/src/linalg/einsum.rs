//! Sums of products in index notation: parsed here, and contracted two tensors at a time.
//!
//! Everything becomes products of matrices, elementwise products, sums, diagonals and orders of axes, so every
//! derivative follows from theirs.

use std::collections::BTreeMap;

use kronograph_graph::{BuildError, Dim, Result, Variable, origin, shape_of};

use super::contract::{Label, Labelled, contract};
use super::diag::diagonal;
use crate::layout::specify_shape;
use crate::tensor::tensor_type;

/// A sum of products in index notation (NumPy: `einsum`), such as `"ij,jk->ik"`, `"ii"`, `"...i,...i->..."`.
///
/// Each letter names an axis; letters of one name have one length. Without `->`, the result has the letters that occur
/// once, in the order of the alphabet, behind the axes of `...`. A letter that occurs twice in one operand takes a
/// diagonal. Two tensors are contracted at a time, in the order of least operations where lengths are known.
///
/// ```
/// use kronograph_ops::{einsum, matrix, vector};
/// let y = einsum("i,ij,j->", &[vector("x"), matrix("a"), vector("x")])?;
/// assert_eq!(y.ty().to_string(), "f64 ()");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When the subscripts cannot be read, do not fit the operands, or a letter has two lengths.
#[track_caller]
pub fn einsum(subscripts: &str, operands: &[Variable]) -> Result<Variable> {
    let _scope = origin::here();
    let wrong = |rule: String| BuildError::inputs("einsum", operands, format!("`{subscripts}`: {rule}"));
    let mut ranks = Vec::new();
    for operand in operands {
        ranks.push(tensor_type("einsum", operand)?.rank());
    }
    let Terms { inputs, output } = Terms::parse(subscripts, &ranks).map_err(wrong)?;
    let lengths = known_lengths(operands, &inputs).map_err(wrong)?;
    let mut terms = Vec::new();
    for (operand, labels) in operands.iter().zip(inputs) {
        let elsewhere = |label: Label| lengths.get(&label).copied() != Some(1);
        terms.push(with_distinct_labels(operand.clone(), labels)?.without_repeated(elsewhere)?);
    }
    let result = contract_all(terms, &output, &lengths)?.summed(|label| output.contains(&label))?;
    result.arranged(&output)
}

/// The labels of the operands and of the result. Axes of an ellipsis have labels behind all letters, from the right.
struct Terms {
    inputs: Vec<Vec<Label>>,
    output: Vec<Label>,
}

const ELLIPSIS: Label = 1 << 24;

impl Terms {
    fn parse(subscripts: &str, ranks: &[usize]) -> Result<Self, String> {
        let text: String = subscripts.chars().filter(|letter| !letter.is_whitespace()).collect();
        let (left, right) = match text.split_once("->") {
            Some((left, right)) => (left, Some(right)),
            None => (&text[..], None),
        };
        let parts: Vec<&str> = left.split(',').collect();
        if parts.len() != ranks.len() {
            return Err(format!("it names {} operand(s), there are {}", parts.len(), ranks.len()));
        }
        let mut inputs = Vec::new();
        for (part, &rank) in parts.iter().zip(ranks) {
            let letters = part.replace("...", "").chars().count();
            if letters > rank || (letters < rank && !part.contains("...")) {
                return Err(format!("`{part}` does not fit an operand of {rank} axes"));
            }
            inputs.push(labels(part, rank - letters)?);
        }
        let most = inputs.iter().flatten().filter(|label| **label >= ELLIPSIS).map(|label| label - ELLIPSIS + 1).max();
        let most = most.unwrap_or(0) as usize;
        let output = match right {
            Some(right) => labels(right, most)?,
            None => implicit(&inputs, most),
        };
        for (k, label) in output.iter().enumerate() {
            if output[..k].contains(label) || !inputs.iter().any(|input| input.contains(label)) {
                return Err("a letter of the result occurs there twice, or in no operand".to_owned());
            }
        }
        if let Some(lost) = (0..most as Label).find(|axis| !output.contains(&(ELLIPSIS + axis))) {
            return Err(format!("the result lacks the {} axes of the ellipsis", lost + 1));
        }
        Ok(Self { inputs, output })
    }
}

/// The labels of one operand, whose ellipsis stands for so many axes.
fn labels(part: &str, hidden: usize) -> Result<Vec<Label>, String> {
    let (before, after) = match part.split_once("...") {
        Some((before, after)) => (before, Some(after)),
        None => (part, None),
    };
    let letters = |text: &str| -> Result<Vec<Label>, String> {
        let label = |letter: char| match letter.is_ascii_alphabetic() {
            true => Ok(letter as Label),
            false => Err(format!("`{letter}` names no axis")),
        };
        text.chars().map(label).collect()
    };
    let mut all = letters(before)?;
    if let Some(after) = after {
        all.extend((0..hidden as Label).rev().map(|axis| ELLIPSIS + axis));
        all.extend(letters(after)?);
    }
    Ok(all)
}

/// The axes of the ellipsis, then the letters that occur once.
fn implicit(inputs: &[Vec<Label>], ellipsis: usize) -> Vec<Label> {
    let mut counts: BTreeMap<Label, usize> = BTreeMap::new();
    for label in inputs.iter().flatten().filter(|label| **label < ELLIPSIS) {
        *counts.entry(*label).or_default() += 1;
    }
    let once = counts.into_iter().filter(|(_, count)| *count == 1).map(|(label, _)| label);
    (0..ellipsis as Label).rev().map(|axis| ELLIPSIS + axis).chain(once).collect()
}

/// The length of each label, 1 only where it is that in every operand; missing where it is not known.
fn known_lengths(operands: &[Variable], inputs: &[Vec<Label>]) -> Result<BTreeMap<Label, usize>, String> {
    let (mut lengths, mut open) = (BTreeMap::new(), Vec::new());
    for (operand, labels) in operands.iter().zip(inputs) {
        for (&label, length) in labels.iter().zip(operand.ty().extents()) {
            let Some(length) = *length else {
                open.push(label);
                continue;
            };
            let known = lengths.entry(label).or_insert(length);
            if *known != 1 && length != 1 && *known != length {
                return Err(format!("{} has the lengths {known} and {length}", name(label)));
            }
            *known = if *known == 1 { length } else { *known };
        }
    }
    lengths.retain(|label, length| *length != 1 || !open.contains(label));
    Ok(lengths)
}

fn name(label: Label) -> String {
    char::from_u32(label)
        .filter(char::is_ascii_alphabetic)
        .map_or("the ellipsis".to_owned(), |letter| format!("`{letter}`"))
}

/// A diagonal for each letter that occurs again. Its axes must have one length.
fn with_distinct_labels(mut variable: Variable, mut labels: Vec<Label>) -> Result<Labelled> {
    while let Some(again) = (0..labels.len()).find(|&k| labels[..k].contains(&labels[k])) {
        let first = labels.iter().position(|label| *label == labels[again]).unwrap_or(again);
        let own = shape_of(&variable);
        if own[first] != own[again] {
            let common = if own[again].known().is_some() { own[again].clone() } else { own[first].clone() };
            let wanted = |axis: usize| if axis == first || axis == again { common.clone() } else { Dim::UNKNOWN };
            variable = specify_shape(&variable, (0..own.len()).map(wanted))?;
        }
        variable = diagonal(&variable, 0, first, again)?;
        let label = labels.remove(again);
        labels.remove(first);
        labels.push(label);
    }
    Ok(Labelled { variable, labels })
}

/// Contracts two tensors at a time until one is left.
fn contract_all(mut terms: Vec<Labelled>, output: &[Label], lengths: &BTreeMap<Label, usize>) -> Result<Labelled> {
    while terms.len() > MOST {
        let (i, j) = cheapest_pair(&terms, lengths);
        let (b, a) = (terms.remove(j), terms.remove(i));
        let others: Vec<Label> = terms.iter().flat_map(|term| term.labels.iter().copied()).collect();
        let kept = |label: Label| output.contains(&label) || others.contains(&label);
        terms.push(contract("einsum", a, b, &kept)?);
    }
    let order = Order::cheapest(&terms, output, lengths);
    order.run(&terms, (1 << terms.len()) - 1)
}

/// The best order is looked for among all, for as many tensors.
const MOST: usize = 8;

/// What a length counts that is not known.
const TYPICAL: usize = 16;

/// The multiplications that a contraction takes: the product of the lengths of all its labels.
fn cost<'a>(labels: impl Iterator<Item = &'a Label>, lengths: &BTreeMap<Label, usize>) -> f64 {
    let mut all: Vec<Label> = labels.copied().collect();
    all.sort_unstable();
    all.dedup();
    all.iter().map(|label| *lengths.get(label).unwrap_or(&TYPICAL) as f64).product()
}

fn cheapest_pair(terms: &[Labelled], lengths: &BTreeMap<Label, usize>) -> (usize, usize) {
    let pairs = (1..terms.len()).flat_map(|j| (0..j).map(move |i| (i, j)));
    let pair_cost = |(i, j): &(usize, usize)| cost(terms[*i].labels.iter().chain(&terms[*j].labels), lengths);
    pairs.min_by(|a, b| pair_cost(a).total_cmp(&pair_cost(b))).expect("there are at least two terms")
}

/// The order of contractions with the least multiplications. A set of terms is a number, one bit for each.
struct Order<'a> {
    output: &'a [Label],
    /// For each set, the labels that its result keeps, the multiplications it takes, and the part that is its left
    /// operand.
    sets: Vec<(Vec<Label>, f64, usize)>,
}

impl<'a> Order<'a> {
    fn cheapest(terms: &[Labelled], output: &'a [Label], lengths: &BTreeMap<Label, usize>) -> Self {
        let mut order = Self { output, sets: Vec::new() };
        for set in 0usize..1 << terms.len() {
            let labels = order.kept(terms, set);
            if set.count_ones() < 2 {
                order.sets.push((labels, 0.0, set));
                continue;
            }
            let total = |part: usize| {
                let ((a, cost_a, _), (b, cost_b, _)) = (&order.sets[part], &order.sets[set & !part]);
                cost_a + cost_b + cost(a.iter().chain(b), lengths)
            };
            // The part with the lowest term, so that each split is looked at once.
            let lowest = set & set.wrapping_neg();
            let parts = (1..set).filter(|part| part & set == *part && part & lowest != 0);
            let best = parts.min_by(|a, b| total(*a).total_cmp(&total(*b))).unwrap_or(lowest);
            let least = total(best);
            order.sets.push((labels, least, best));
        }
        order
    }

    /// The labels of a set that occur in the result or outside of the set.
    fn kept(&self, terms: &[Labelled], set: usize) -> Vec<Label> {
        let within = |inside: bool| terms.iter().enumerate().filter(move |(k, _)| (set >> k & 1 == 1) == inside);
        let outside: Vec<Label> = within(false).flat_map(|(_, term)| term.labels.iter().copied()).collect();
        let mut labels: Vec<Label> = within(true).flat_map(|(_, term)| term.labels.iter().copied()).collect();
        labels.sort_unstable();
        labels.dedup();
        labels.retain(|label| self.output.contains(label) || outside.contains(label));
        labels
    }

    fn run(&self, terms: &[Labelled], set: usize) -> Result<Labelled> {
        let (labels, _, left) = &self.sets[set];
        if set.count_ones() == 1 {
            return Ok(terms[set.trailing_zeros() as usize].clone());
        }
        let (a, b) = (self.run(terms, *left)?, self.run(terms, set & !left)?);
        contract("einsum", a, b, &|label| labels.contains(&label))
    }
}
