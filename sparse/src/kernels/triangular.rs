//! Triangular solves with sparse factors for a row-major panel of right-hand sides.
//!
//! L has a unit diagonal that is not stored; U's diagonal is given inverted. The width of the panel is a constant in
//! the common cases, so that a row of the panel is a few registers.

/// One triangle of a factor, column by column, without its diagonal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    pub(crate) start: Vec<u32>,
    pub(crate) index: Vec<u32>,
    pub(crate) value: Vec<f64>,
}

impl Columns {
    fn column(&self, j: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let span = self.start[j] as usize..self.start[j + 1] as usize;
        self.index[span.clone()].iter().zip(&self.value[span]).map(|(&i, &v)| (i as usize, v))
    }
}

/// Calls the constant-width form where there is one, else the general form.
macro_rules! with_width {
    ($width:expr, $x:expr, $fixed:ident($($arg:expr),+), $wide:ident($($wide_arg:expr),+)) => {
        match $width {
            1 => $fixed::<1>($($arg),+, $x.as_chunks_mut().0),
            2 => $fixed::<2>($($arg),+, $x.as_chunks_mut().0),
            4 => $fixed::<4>($($arg),+, $x.as_chunks_mut().0),
            8 => $fixed::<8>($($arg),+, $x.as_chunks_mut().0),
            16 => $fixed::<16>($($arg),+, $x.as_chunks_mut().0),
            32 => $fixed::<32>($($arg),+, $x.as_chunks_mut().0),
            64 => $fixed::<64>($($arg),+, $x.as_chunks_mut().0),
            width => $wide($($wide_arg),+, $x, width),
        }
    };
}
/// `x <- U⁻¹ L⁻¹ x`.
pub(crate) fn solve(l: &Columns, u: &Columns, inverse_diagonal: &[f64], x: &mut [f64], width: usize) {
    with_width!(width, x, solve_panel(l, u, inverse_diagonal), solve_wide(l, u, inverse_diagonal));
}

/// `x <- L⁻ᵀ U⁻ᵀ x`.
pub(crate) fn solve_transposed(l: &Columns, u: &Columns, inverse_diagonal: &[f64], x: &mut [f64], width: usize) {
    with_width!(
        width,
        x,
        solve_transposed_panel(l, u, inverse_diagonal),
        solve_transposed_wide(l, u, inverse_diagonal)
    );
}

fn solve_panel<const P: usize>(l: &Columns, u: &Columns, inverse_diagonal: &[f64], x: &mut [[f64; P]]) {
    for j in 0..x.len() {
        let xj = x[j];
        l.column(j).for_each(|(i, v)| (0..P).for_each(|c| x[i][c] -= v * xj[c]));
    }
    for j in (0..x.len()).rev() {
        x[j].iter_mut().for_each(|x| *x *= inverse_diagonal[j]);
        let xj = x[j];
        u.column(j).for_each(|(i, v)| (0..P).for_each(|c| x[i][c] -= v * xj[c]));
    }
}

fn solve_transposed_panel<const P: usize>(l: &Columns, u: &Columns, inverse_diagonal: &[f64], x: &mut [[f64; P]]) {
    for j in 0..x.len() {
        let mut xj = x[j];
        u.column(j).for_each(|(i, v)| (0..P).for_each(|c| xj[c] -= v * x[i][c]));
        xj.iter_mut().for_each(|x| *x *= inverse_diagonal[j]);
        x[j] = xj;
    }
    for j in (0..x.len()).rev() {
        let mut xj = x[j];
        l.column(j).for_each(|(i, v)| (0..P).for_each(|c| xj[c] -= v * x[i][c]));
        x[j] = xj;
    }
}

/// Row `to` minus `v` times row `from`; the rows are different ones.
fn subtract_row(x: &mut [f64], width: usize, to: usize, from: usize, v: f64) {
    let (low, high) = x.split_at_mut(to.max(from) * width);
    let (low, high) = (&mut low[to.min(from) * width..][..width], &mut high[..width]);
    let (to, from) = if to < from { (low, &*high) } else { (high, &*low) };
    to.iter_mut().zip(from).for_each(|(to, from)| *to -= v * from);
}

fn solve_wide(l: &Columns, u: &Columns, inverse_diagonal: &[f64], x: &mut [f64], width: usize) {
    for j in 0..inverse_diagonal.len() {
        l.column(j).for_each(|(i, v)| subtract_row(x, width, i, j, v));
    }
    for j in (0..inverse_diagonal.len()).rev() {
        x[j * width..][..width].iter_mut().for_each(|x| *x *= inverse_diagonal[j]);
        u.column(j).for_each(|(i, v)| subtract_row(x, width, i, j, v));
    }
}

fn solve_transposed_wide(l: &Columns, u: &Columns, inverse_diagonal: &[f64], x: &mut [f64], width: usize) {
    for j in 0..inverse_diagonal.len() {
        u.column(j).for_each(|(i, v)| subtract_row(x, width, j, i, v));
        x[j * width..][..width].iter_mut().for_each(|x| *x *= inverse_diagonal[j]);
    }
    for j in (0..inverse_diagonal.len()).rev() {
        l.column(j).for_each(|(i, v)| subtract_row(x, width, j, i, v));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_solves_both_ways() {
        // L = [[1, 0], [3, 1]], U = [[2, 5], [0, 4]], so A = L U = [[2, 5], [6, 19]].
        let l = Columns { start: vec![0, 1, 1], index: vec![1], value: vec![3.0] };
        let u = Columns { start: vec![0, 0, 1], index: vec![0], value: vec![5.0] };
        let inverse = [0.5, 0.25];
        for width in [1, 2, 3, 4, 5, 8, 16, 32, 64, 65] {
            let column = |a: f64, b: f64| [vec![a; width], vec![b; width]].concat();
            let mut x = column(7.0, 25.0);
            solve(&l, &u, &inverse, &mut x, width);
            assert_eq!(x, column(1.0, 1.0), "A x = b, width {width}");
            let mut x = column(8.0, 24.0);
            solve_transposed(&l, &u, &inverse, &mut x, width);
            assert_eq!(x, column(1.0, 1.0), "Aᵀ x = b, width {width}");
        }
    }
}
