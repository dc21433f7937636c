//! Timing by wall clock and by the process's CPU clock.
//!
//! A machine that others use too makes wall time unreliable; the CPU time of a single thread is hardly disturbed.

use std::time::{Duration, Instant};

use cpu_time::ProcessTime;

/// How long a case may be measured.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// The wall time of a round.
    pub round: Duration,
    /// At least so many samples, whatever they take.
    pub least: usize,
    /// At most so many samples.
    pub most: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { round: Duration::from_millis(250), least: 5, most: 200 }
    }
}

/// Seconds per call, from the better of two rounds.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The median of the wall time.
    pub median: f64,
    /// The least wall time, over both rounds.
    pub least: f64,
    /// The median of the process's CPU time.
    pub cpu: f64,
    /// The samples of the round.
    pub samples: usize,
}

/// A batch lasts about as long, so that reading the clocks does not count.
const BATCH: Duration = Duration::from_millis(1);

/// Warms up, then measures two rounds; calls shorter than a millisecond are measured in batches.
pub fn bench(budget: Budget, mut call: impl FnMut()) -> Timing {
    call();
    let batch = batch_size(&mut call);
    let [a, b] = [(); 2].map(|()| round(budget, batch, &mut call));
    let better = if a.median <= b.median { a } else { b };
    Timing { least: a.least.min(b.least), ..better }
}

/// Measures something that is done once per sample, such as building and compiling: no warm-up, no batches.
pub fn once(samples: usize, call: impl FnMut()) -> Timing {
    round(Budget { round: Duration::ZERO, least: samples, most: samples }, 1, call)
}

/// How many calls fill a batch.
fn batch_size(call: &mut impl FnMut()) -> u32 {
    let mut calls = 1u32;
    loop {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        let elapsed = start.elapsed();
        if elapsed >= BATCH || calls >= 1 << 20 {
            let scale = BATCH.as_secs_f64() / elapsed.as_secs_f64().max(1e-9);
            return (f64::from(calls) * scale).round().max(1.0) as u32;
        }
        calls *= 2;
    }
}

fn round(budget: Budget, batch: u32, mut call: impl FnMut()) -> Timing {
    let (mut wall, mut cpu) = (Vec::new(), Vec::new());
    let begin = Instant::now();
    while wall.len() < budget.least || (wall.len() < budget.most && begin.elapsed() < budget.round) {
        let (start, start_cpu) = (Instant::now(), ProcessTime::now());
        (0..batch).for_each(|_| call());
        wall.push(start.elapsed().as_secs_f64() / f64::from(batch));
        cpu.push(start_cpu.elapsed().as_secs_f64() / f64::from(batch));
    }
    let least = wall.iter().copied().fold(f64::INFINITY, f64::min);
    Timing { samples: wall.len(), median: median(&mut wall), least, cpu: median(&mut cpu) }
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    match samples.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => samples[n / 2],
        n => (samples[n / 2 - 1] + samples[n / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_even_and_odd_counts() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn every_sample_is_counted() {
        let mut calls = 0;
        assert_eq!(once(3, || calls += 1).samples, 3);
        assert_eq!(calls, 3);
    }
}
