//! The numbers of a sparse LU factorisation, through faer's ordering and numeric factorisation, with panel solves of our
//! own.
//!
//! The ordering (AMD) is found once per pattern and function. faer says nothing of a vanishing pivot, so pivots are
//! checked here.

use std::sync::Arc;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::perm::PermRef;
use faer::sparse::linalg::lu::simplicial::{
    SimplicialLu, factorize_simplicial_numeric_lu, factorize_simplicial_numeric_lu_scratch,
};
use faer::sparse::linalg::{LuError, amd};
use faer::sparse::{SparseColMatRef, SymbolicSparseColMatRef};
use kronograph_graph::{OpError, OpFailure, OpResult, OpState};
use kronograph_ops::{Factor, LinalgError, Trans, permutation_sign, slogdet_of_pivots};

use crate::convert::PatternOf;
use crate::kept::same_pattern;
use crate::kernels::triangular::{Columns, solve_lower, solve_upper};
use crate::matrix::{Format, SparseMatrix};
use crate::pattern::Pattern;

/// The factorisation of a square matrix, outside of any function.
pub(crate) fn factorisation(a: &SparseMatrix) -> Result<LuFactorization, Box<dyn OpError>> {
    let (mut state, mut factor) = (LuState::default(), LuFactorization::default());
    state.analyse(a)?;
    state.factorise(a, &mut factor)?;
    Ok(factor)
}

/// What depends on the pattern alone, shared by forks.
#[derive(Debug)]
struct Symbolic {
    pattern: Arc<Pattern>,
    order: Vec<u32>,
    inverse: Vec<u32>,
}

/// The symbolic part, the workspace, and how often each was made.
#[derive(Default)]
pub(crate) struct LuState {
    symbolic: Option<Arc<Symbolic>>,
    numeric: SimplicialLu<u32, f64>,
    memory: Option<MemBuffer>,
    row_inverse: Vec<u32>,
    row_scale: Vec<f64>,
    column_scale: Vec<f64>,
    symbolic_count: u64,
    numeric_count: u64,
}

impl std::fmt::Debug for LuState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sparse LU, {} symbolic and {} numeric", self.symbolic_count, self.numeric_count)
    }
}

impl OpState for LuState {
    fn fork(&self) -> Box<dyn OpState> {
        Box::new(Self { symbolic: self.symbolic.clone(), ..Self::default() })
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        vec![("symbolic", self.symbolic_count), ("numeric", self.numeric_count)]
    }
}

/// The slices of a pattern as faer's columns: for CSR this is the transpose.
fn as_columns(pattern: &Pattern) -> SymbolicSparseColMatRef<'_, u32> {
    let (major, minor) = (pattern.major(), pattern.minor());
    SymbolicSparseColMatRef::new_unsorted_checked(minor, major, pattern.indptr(), None, pattern.indices())
}

impl LuState {
    /// Finds a fill-reducing ordering, unless the pattern is the one of the last call.
    pub(crate) fn analyse(&mut self, a: &SparseMatrix) -> OpResult {
        let [rows, columns] = a.shape();
        if rows != columns {
            return Err(LinalgError::NotSquare { rows, columns }.into());
        }
        if self.symbolic.as_ref().is_some_and(|symbolic| same_pattern(&symbolic.pattern, a.pattern())) {
            return Ok(());
        }
        let (pattern, n) = (a.pattern(), a.pattern().major());
        let (mut order, mut inverse) = (vec![0u32; n], vec![0u32; n]);
        let mut memory = MemBuffer::new(amd::order_maybe_unsorted_scratch::<u32>(n, pattern.nnz()));
        let columns = as_columns(pattern);
        amd::order_maybe_unsorted(&mut order, &mut inverse, columns, Default::default(), MemStack::new(&mut memory))
            .map_err(|_| OpFailure::Shapes("the matrix is too large to be ordered".to_owned()))?;
        self.symbolic = Some(Arc::new(Symbolic { pattern: pattern.clone(), order, inverse }));
        self.memory = Some(MemBuffer::new(factorize_simplicial_numeric_lu_scratch::<u32, f64>(n, n)));
        self.numeric = SimplicialLu::default(); // faer's grows to the order of the matrix, but does not shrink to it.
        self.symbolic_count += 1;
        Ok(())
    }

    pub(crate) fn factorise(&mut self, a: &SparseMatrix, factor: &mut LuFactorization) -> OpResult {
        let symbolic = self.symbolic.clone().ok_or(OpFailure::NoState)?;
        let values = a.values().ok_or(OpFailure::WrongValue(0))?;
        let n = a.pattern().major();
        if let Some(slot) = values.iter().position(|value| !value.is_finite()) {
            return Err(LinalgError::NotFinite { pivot: a.pattern().indices()[slot] as usize }.into());
        }
        self.numeric_count += 1;
        self.row_inverse.resize(n, 0);
        factor.start(a, &symbolic);
        let memory = match &mut self.memory {
            Some(memory) => memory,
            None => self.memory.insert(MemBuffer::new(factorize_simplicial_numeric_lu_scratch::<u32, f64>(n, n))),
        };
        let result = factorize_simplicial_numeric_lu(
            &mut factor.row_perm,
            &mut self.row_inverse,
            &mut self.numeric,
            SparseColMatRef::new(as_columns(a.pattern()), values),
            PermRef::new_checked(&symbolic.order, &symbolic.inverse, n),
            MemStack::new(memory),
        );
        match result {
            Ok(()) => factor.finish(&self.numeric),
            Err(LuError::SymbolicSingular { index }) => {
                factor.status = Some(LinalgError::Singular { pivot: index });
                return Ok(());
            }
            Err(LuError::Generic(error)) => return Err(OpFailure::Shapes(format!("faer: {error}")).into()),
        }
        self.check_pivots(a, values, factor);
        Ok(())
    }

    /// Keeps the first pivot that is none.
    fn check_pivots(&mut self, a: &SparseMatrix, values: &[f64], factor: &mut LuFactorization) {
        let n = factor.order;
        for scale in [&mut self.row_scale, &mut self.column_scale] {
            scale.clear();
            scale.resize(n, 0.0);
        }
        let pattern = a.pattern();
        for slice in 0..n {
            for slot in pattern.range(slice) {
                let (size, index) = (values[slot].abs(), pattern.indices()[slot] as usize);
                self.column_scale[slice] = self.column_scale[slice].max(size);
                self.row_scale[index] = self.row_scale[index].max(size);
            }
        }
        factor.status = (0..n).find_map(|pivot| {
            let row = self.row_scale[factor.row_perm[pivot] as usize];
            let column = self.column_scale[factor.column_perm[pivot] as usize];
            LinalgError::of_pivot(pivot, factor.diagonal[pivot], n, [row, column])
        });
    }
}

/// `P M Q = L U` of M, which is A for CSC and its transpose for CSR.
#[derive(Clone, Debug, Default)]
pub(crate) struct LuFactorization {
    order: usize,
    format: Option<Format>,
    pattern: Option<Arc<Pattern>>,
    row_perm: Vec<u32>,
    column_perm: Vec<u32>,
    lower: Columns,
    upper: Columns,
    lower_rows: Columns,
    upper_rows: Columns,
    diagonal: Vec<f64>,
    inverse_diagonal: Vec<f64>,
    sign: f64,
    seen: Vec<bool>,
    status: Option<LinalgError>,
}

impl LuFactorization {
    /// The pattern of the matrix that was factorised.
    pub(crate) fn pattern_of_matrix(&self) -> Option<PatternOf<'_>> {
        Some(PatternOf { format: self.format?, shape: [self.order; 2], pattern: self.pattern.as_ref()? })
    }

    fn start(&mut self, a: &SparseMatrix, symbolic: &Symbolic) {
        self.order = a.pattern().major();
        self.format = Some(a.format());
        self.pattern = Some(a.pattern().clone());
        self.row_perm.resize(self.order, 0);
        self.column_perm.clear();
        self.column_perm.extend(&symbolic.order);
        self.status = None;
    }

    /// Copies the factors out, without their diagonals: faer stores L's first and U's last in each column.
    fn finish(&mut self, numeric: &SimplicialLu<u32, f64>) {
        let (l, u) = (numeric.l_factor_unsorted(), numeric.u_factor_unsorted());
        let n = self.order;
        self.diagonal.clear();
        for columns in [&mut self.lower, &mut self.upper] {
            columns.start.clear();
            columns.start.push(0);
            columns.index.clear();
            columns.value.clear();
        }
        for j in 0..n {
            let (index, value) = (l.row_idx_of_col_raw(j), l.val_of_col(j));
            self.lower.index.extend(&index[1..]);
            self.lower.value.extend(&value[1..]);
            self.lower.start.push(self.lower.index.len() as u32);
            let (index, value) = (u.row_idx_of_col_raw(j), u.val_of_col(j));
            let last = index.len() - 1;
            self.upper.index.extend(&index[..last]);
            self.upper.value.extend(&value[..last]);
            self.upper.start.push(self.upper.index.len() as u32);
            self.diagonal.push(value[last]);
        }
        self.lower_rows.transpose_of(&self.lower);
        self.upper_rows.transpose_of(&self.upper);
        self.inverse_diagonal.clear();
        self.inverse_diagonal.extend(self.diagonal.iter().map(|pivot| 1.0 / pivot));
        let row_sign = permutation_sign(&self.row_perm, &mut self.seen);
        self.sign = row_sign * permutation_sign(&self.column_perm, &mut self.seen);
    }

    /// Which way M is to be solved with.
    fn direction(&self, trans: Trans) -> Trans {
        if self.format == Some(Format::Csr) { trans.flip() } else { trans }
    }
}

impl Factor for LuFactorization {
    fn boxed_clone(&self) -> Box<dyn Factor> {
        Box::new(self.clone())
    }

    fn order(&self) -> usize {
        self.order
    }

    fn status(&self) -> Result<(), LinalgError> {
        self.status.clone().map_or(Ok(()), Err)
    }

    fn row_in(&self, trans: Trans, i: usize) -> usize {
        let perm = if self.direction(trans) == Trans::No { &self.row_perm } else { &self.column_perm };
        perm[i] as usize
    }

    fn row_out(&self, trans: Trans, i: usize) -> usize {
        self.row_in(trans.flip(), i)
    }

    fn panel_width(&self) -> usize {
        64
    }

    fn solve_panel(&self, trans: Trans, panel: &mut [f64], width: usize) {
        let inverse = Some(&self.inverse_diagonal[..]);
        // The columns of a triangle are the rows of its transpose.
        let (first, last) = match self.direction(trans) {
            Trans::No => ((&self.lower_rows, None), (&self.upper_rows, inverse)),
            Trans::Yes => ((&self.upper, inverse), (&self.lower, None)),
        };
        solve_lower(first.0, first.1, panel, width);
        solve_upper(last.0, last.1, panel, width);
    }

    fn slogdet(&self) -> Result<(f64, f64), LinalgError> {
        slogdet_of_pivots(self.status.as_ref(), self.sign, self.diagonal.iter().copied())
    }

    fn bytes(&self) -> usize {
        24 * (self.lower.index.len() + self.upper.index.len()) + 48 * self.order
    }
}
