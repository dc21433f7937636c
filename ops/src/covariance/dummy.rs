//! Which row belongs to which combination of labels, as a matrix of zeros and ones.

use std::collections::{BTreeMap, BTreeSet};

use kronograph_graph::{BuildError, Result, Variable};

use super::built::Covariance;
use super::kind::StructureKind;
use super::structure::Structure;
use crate::index::take;
use crate::linalg::Assume;
use crate::tensor::{Tensor, constant};

/// The labels of the rows, by one factor or several, and which columns their combinations get.
///
/// ```
/// use kronograph_ops::covariance::{Dummy, Structure};
///
/// let plots = Dummy::of(["b", "a", "b"]).and(["x", "x", "y"]);
/// assert_eq!(plots.column_names()?, ["b.x", "b.y", "a.x", "a.y"]);
/// let seen = plots.drop_empty_columns().lexicographic();
/// assert_eq!(seen.column_names()?, ["a.x", "b.x", "b.y"]);
/// assert_eq!(Structure::dummy(&seen)?.shape(), [3, 3]);
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dummy {
    /// For each factor the label of each row.
    labels: Vec<Vec<String>>,
    /// For each factor its levels, where they are given.
    levels: Vec<Option<Vec<String>>>,
    lexicographic: bool,
    drop_first: bool,
    drop_empty: bool,
}

impl Dummy {
    /// One factor, with a label for each row. Its levels are the labels, in the order in which they appear.
    pub fn of(labels: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let none = Self { labels: vec![], levels: vec![], lexicographic: false, drop_first: false, drop_empty: false };
        none.and(labels)
    }

    /// One more factor: the columns are the combinations of levels, of which the last one varies fastest.
    pub fn and(mut self, labels: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.labels.push(labels.into_iter().map(Into::into).collect());
        self.levels.push(None);
        self
    }

    /// The levels of the factor that was named last. A row of another label is zero.
    pub fn levels(mut self, levels: impl IntoIterator<Item = impl Into<String>>) -> Self {
        if let Some(last) = self.levels.last_mut() {
            *last = Some(levels.into_iter().map(Into::into).collect());
        }
        self
    }

    /// With the levels of each factor in alphabetical order.
    pub fn lexicographic(self) -> Self {
        Self { lexicographic: true, ..self }
    }

    /// Without the first column.
    pub fn drop_first(self) -> Self {
        Self { drop_first: true, ..self }
    }

    /// Without columns that no row belongs to.
    pub fn drop_empty_columns(self) -> Self {
        Self { drop_empty: true, ..self }
    }

    /// The combinations that have columns, joined by dots.
    ///
    /// # Errors
    ///
    /// When the factors have different numbers of labels, or a level is there twice.
    #[track_caller]
    pub fn column_names(&self) -> Result<Vec<String>> {
        Ok(self.combinations()?.into_iter().map(|levels| levels.join(".")).collect())
    }

    /// The column of each row; `None` for a combination that has none.
    ///
    /// # Errors
    ///
    /// As [`column_names`](Self::column_names).
    #[track_caller]
    pub fn columns(&self) -> Result<Vec<Option<usize>>> {
        let columns: BTreeMap<_, _> = self.combinations()?.into_iter().zip(0..).collect();
        Ok((0..self.rows()).map(|row| columns.get(&self.combination(row)).copied()).collect())
    }

    /// The levels of each factor for every column.
    #[track_caller]
    fn combinations(&self) -> Result<Vec<Vec<String>>> {
        let mut columns = vec![Vec::new()];
        for factor in &self.ordered_levels()? {
            let with = |column: &Vec<String>| {
                let longer = factor.iter().map(|level| [&column[..], std::slice::from_ref(level)].concat());
                longer.collect::<Vec<_>>()
            };
            columns = columns.iter().flat_map(with).collect();
        }
        if self.drop_empty {
            let seen: BTreeSet<Vec<String>> = (0..self.rows()).map(|row| self.combination(row)).collect();
            columns.retain(|column| seen.contains(column));
        }
        if self.drop_first && !columns.is_empty() {
            columns.remove(0);
        }
        Ok(columns)
    }

    fn rows(&self) -> usize {
        self.labels.first().map_or(0, Vec::len)
    }

    fn combination(&self, row: usize) -> Vec<String> {
        self.labels.iter().map(|labels| labels[row].clone()).collect()
    }

    #[track_caller]
    fn ordered_levels(&self) -> Result<Vec<Vec<String>>> {
        if self.labels.iter().any(|labels| labels.len() != self.rows()) {
            return Err(BuildError::parameter("dummy", "each factor must have a label for each row"));
        }
        let mut all = Vec::with_capacity(self.labels.len());
        for (labels, given) in self.labels.iter().zip(&self.levels) {
            let mut distinct: Vec<String> = Vec::new();
            for level in given.as_ref().unwrap_or(labels) {
                match distinct.contains(level) {
                    false => distinct.push(level.clone()),
                    true if given.is_none() => {}
                    true => return Err(BuildError::parameter("dummy", format!("the level `{level}` is there twice"))),
                }
            }
            if self.lexicographic {
                distinct.sort();
            }
            all.push(distinct);
        }
        Ok(all)
    }
}

/// A matrix of zeros and ones.
#[derive(Debug)]
struct Indicator {
    columns: Vec<Option<usize>>,
    width: usize,
}

impl Structure {
    /// The matrix that has a 1 where the row belongs to the combination of labels of the column; no parameters.
    ///
    /// A row of an unknown combination is zero. A product with it picks rows.
    ///
    /// # Errors
    ///
    /// As [`Dummy::column_names`]; also when there is no row or no column.
    #[track_caller]
    pub fn dummy(dummy: &Dummy) -> Result<Self> {
        let (columns, width) = (dummy.columns()?, dummy.column_names()?.len());
        if columns.is_empty() || width == 0 {
            return Err(BuildError::parameter("dummy", "there must be a row and a column at least"));
        }
        Self::leaf(Indicator { columns, width })
    }
}

impl StructureKind for Indicator {
    fn name(&self) -> &'static str {
        "dummy"
    }

    fn shape(&self) -> [usize; 2] {
        [self.columns.len(), self.width]
    }

    fn assume(&self, _v: &Covariance) -> Assume {
        Assume::General
    }

    fn matrix(&self, _v: &Covariance) -> Result<Variable> {
        let entry = |column: Option<usize>| (0..self.width).map(move |j| f64::from(u8::from(column == Some(j))));
        let entries = self.columns.iter().flat_map(|column| entry(*column)).collect();
        Ok(constant(Tensor::new(&self.shape(), entries).expect("as many entries as the shape asks for")))
    }

    fn matmul(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Variable> {
        let known: Option<Vec<i64>> = self.columns.iter().map(|column| column.map(|j| j as i64)).collect();
        match known {
            Some(rows) => take(x, &constant(rows), axis),
            None => super::dense::matmul(v, x, axis),
        }
    }
}
