//! Slopes by central differences, extrapolated to a step of zero.

/// A measured slope and an estimate of its error, which is right to within a factor of ten or so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slope {
    pub(super) value: f64,
    pub(super) error: f64,
}

/// Steps that are tried, each half the one before; the last is 1/256 of the first.
const LEVELS: usize = 9;

/// The slope at zero of a function, from steps around `first` (Ridders 1982): of the extrapolations, the one that
/// differs least from its neighbours, which is where truncation and rounding are both small.
///
/// A step at which the function fails or is not finite is left out, with all larger ones. `noise` is the rounding
/// error of one evaluation.
pub(super) fn slope<E>(
    first: f64,
    noise: f64,
    mut function: impl FnMut(f64) -> Result<f64, E>,
) -> Result<Option<Slope>, E> {
    let mut rows: Vec<Vec<f64>> = Vec::new();
    let mut best: Option<Slope> = None;
    let mut failure = None;
    for level in 0..LEVELS {
        let step = first * 0.5f64.powi(level as i32);
        let sides = function(step).and_then(|after| Ok((after, function(-step)?)));
        let change = match sides {
            Ok((after, before)) => (after - before) / (2.0 * step),
            Err(error) => {
                failure = Some(error);
                rows.clear();
                continue;
            }
        };
        if !change.is_finite() {
            rows.clear();
            continue;
        }
        let row = extrapolate(change, rows.last(), noise / step, &mut best);
        rows.push(row);
    }
    match (best, failure) {
        (None, Some(error)) => Err(error),
        (best, _) => Ok(best),
    }
}

/// A row of the tableau: the difference itself, then its extrapolations with the row of the step twice as large.
fn extrapolate(change: f64, above: Option<&Vec<f64>>, rounding: f64, best: &mut Option<Slope>) -> Vec<f64> {
    let (mut row, mut power) = (vec![change], 1.0);
    for (column, coarse) in above.into_iter().flatten().enumerate() {
        power *= 4.0;
        let fine = row[column];
        let value = fine + (fine - coarse) / (power - 1.0);
        let error = (value - fine).abs().max((value - coarse).abs()).max(rounding);
        if best.is_none_or(|best| error <= best.error) {
            *best = Some(Slope { value, error });
        }
        row.push(value);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(function: impl Fn(f64) -> f64) -> Slope {
        slope::<()>(0.05, 1e-16, |t| Ok(function(t))).ok().flatten().expect("a slope")
    }

    #[test]
    fn ten_estimates_cover_the_error() {
        let exp = of(|t| (1.0 + t).exp());
        assert!((exp.value - 1f64.exp()).abs() <= 10.0 * exp.error && exp.error < 1e-10, "{exp:?}");
        let steep = of(|t| (50.0 * (0.3 + t)).sin());
        assert!((steep.value - 50.0 * 15f64.cos()).abs() <= 10.0 * steep.error && steep.error < 1e-6, "{steep:?}");
    }

    #[test]
    fn steps_that_leave_the_domain_are_left_out() {
        let log = of(|t| (0.02 + t).ln());
        assert!((log.value - 50.0).abs() <= 10.0 * log.error && log.error < 1e-5, "{log:?}");
    }

    #[test]
    fn a_kink_is_inconclusive_and_one_nearby_is_not() {
        let kink = of(|t| if t < 0.0 { 0.0 } else { t.sqrt() });
        assert!(kink.error > 1e-3 * kink.value.abs(), "{kink:?}");
        let nearby = of(|t| (t + 0.004f64).abs());
        assert!((nearby.value - 1.0).abs() <= 1e-9, "{nearby:?}");
    }
}
