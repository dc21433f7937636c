//! A picture with logarithmic axes, as SVG text that is readable on light and on dark ground.

use std::fmt::Write;

/// Lines over logarithmic axes; times are in seconds.
#[derive(Clone, Debug)]
pub struct Plot {
    /// Above the picture.
    pub title: &'static str,
    /// Below the horizontal axis.
    pub x: &'static str,
    /// Beside the vertical axis.
    pub y: &'static str,
    /// The lines.
    pub series: Vec<Series>,
}

/// A line and its name.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name.
    pub name: &'static str,
    /// Its points, positive both ways.
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
/// Left, right, top and bottom of the frame.
const FRAME: [f64; 4] = [84.0, 616.0, 44.0, 304.0];
/// Middle tones, which stand out from white and from black.
const COLOURS: [&str; 3] = ["#2f81f7", "#d9822b", "#3fa45b"];
const TEXT: &str = "#808890";

impl Plot {
    /// The picture.
    pub fn svg(&self) -> String {
        let all = || self.series.iter().flat_map(|series| &series.points);
        let (x, y) = (Axis::over(all().map(|point| point.0)), Axis::over(all().map(|point| point.1)));
        let [left, right, top, bottom] = FRAME;
        let place = |(a, b): (f64, f64)| (left + x.at(a) * (right - left), bottom - y.at(b) * (bottom - top));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             font-family=\"sans-serif\" font-size=\"13\" fill=\"{TEXT}\">\n<title>{}</title>\n",
            self.title
        );
        text(&mut svg, (left, 24.0), "start", self.title);
        text(&mut svg, ((left + right) / 2.0, HEIGHT - 12.0), "middle", self.x);
        text(&mut svg, (left - 8.0, top - 12.0), "end", self.y);
        for power in x.powers() {
            let (at, _) = place((10f64.powi(power), 10f64.powi(y.low)));
            line(&mut svg, (at, top), (at, bottom));
            text(&mut svg, (at, bottom + 20.0), "middle", &count(power));
        }
        for power in y.powers() {
            let (_, at) = place((10f64.powi(x.low), 10f64.powi(power)));
            line(&mut svg, (left, at), (right, at));
            text(&mut svg, (left - 8.0, at + 4.0), "end", &seconds(power));
        }
        for (k, (series, colour)) in self.series.iter().zip(COLOURS).enumerate() {
            let points: Vec<String> = series.points.iter().map(|&point| pair(place(point))).collect();
            let _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                points.join(" ")
            );
            for &point in &series.points {
                let (a, b) = place(point);
                let _ = writeln!(svg, "<circle cx=\"{a:.1}\" cy=\"{b:.1}\" r=\"3\" fill=\"{colour}\"/>");
            }
            let name = (left + 12.0, top + 20.0 + 18.0 * k as f64);
            let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\" fill=\"{colour}\">{}</text>", name.0, name.1, series.name);
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// Whole powers of ten around some numbers.
struct Axis {
    low: i32,
    high: i32,
}

impl Axis {
    fn over(numbers: impl Iterator<Item = f64>) -> Self {
        let logs: Vec<f64> = numbers.map(f64::log10).filter(|log| log.is_finite()).collect();
        let low = logs.iter().copied().fold(f64::INFINITY, f64::min).min(1e9).floor() as i32;
        let high = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max).ceil() as i32;
        Self { low, high: high.max(low.saturating_add(1)) }
    }

    /// From 0 at the low end to 1 at the high one.
    fn at(&self, number: f64) -> f64 {
        (number.log10() - f64::from(self.low)) / f64::from(self.high - self.low)
    }

    fn powers(&self) -> std::ops::RangeInclusive<i32> {
        self.low..=self.high
    }
}

fn pair((a, b): (f64, f64)) -> String {
    format!("{a:.1},{b:.1}")
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, words: &str) {
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>");
}

fn line(svg: &mut String, (a, b): (f64, f64), (c, d): (f64, f64)) {
    let _ = writeln!(
        svg,
        "<line x1=\"{a:.1}\" y1=\"{b:.1}\" x2=\"{c:.1}\" y2=\"{d:.1}\" stroke=\"{TEXT}\" stroke-opacity=\"0.3\"/>"
    );
}

/// `10`, `1,000`.
fn count(power: i32) -> String {
    let zeros = power.max(0) as usize;
    let digits = format!("1{}", "0".repeat(zeros));
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// `10 µs`, `1 s`.
fn seconds(power: i32) -> String {
    let (unit, base) = match power {
        ..-6 => ("ns", -9),
        -6..-3 => ("µs", -6),
        -3..0 => ("ms", -3),
        _ => ("s", 0),
    };
    format!("{} {unit}", count(power - base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_as_one_says_them() {
        assert_eq!([1, 3, 5].map(count), ["10", "1,000", "100,000"]);
        assert_eq!([-5, -3, -1, 0, 1].map(seconds), ["10 µs", "1 ms", "100 ms", "1 s", "10 s"]);
    }

    #[test]
    fn the_first_point_is_at_the_corner_and_the_last_opposite() {
        let series = vec![Series { name: "line", points: vec![(10.0, 1e-3), (1000.0, 0.1)] }];
        let svg = Plot { title: "t", x: "x", y: "y", series }.svg();
        let [left, right, top, bottom] = FRAME;
        assert!(svg.contains(&format!("points=\"{left:.1},{bottom:.1} {right:.1},{top:.1}\"")), "{svg}");
    }
}
