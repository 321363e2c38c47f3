//! Plots as SVG, in the page's colours.

use std::fmt::Write;

use crate::html::escaped;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 40.0;

/// More points than this of a line can't be told apart.
const MOST_POINTS: usize = 1000;

/// A line of a plot, or single points.
#[derive(Debug)]
pub(crate) struct Series<'a> {
    pub(crate) name: &'a str,
    /// Which of the page's four colours, from 1.
    pub(crate) colour: usize,
    pub(crate) points: Vec<[f64; 2]>,
    pub(crate) mark: Mark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Line,
    /// A thin line under others.
    Faint,
    /// A line with its points.
    Dots,
    /// Points alone.
    Scatter,
}

/// What is along the axes. A range that isn't given is that of the points.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Axes<'a> {
    pub(crate) x: &'a str,
    pub(crate) y: &'a str,
    pub(crate) x_range: Option<[f64; 2]>,
    pub(crate) y_range: Option<[f64; 2]>,
    /// The line on which x and y are the same.
    pub(crate) diagonal: bool,
}

/// A plot with its legend, or nothing where no series has a point.
pub(crate) fn plot(title: &str, axes: Axes<'_>, series: &[Series<'_>]) -> String {
    let finite = |at: usize| {
        let points = series.iter().flat_map(|one| &one.points);
        points.map(move |point| point[at]).filter(|x| x.is_finite())
    };
    if finite(0).next().is_none() || finite(1).next().is_none() {
        return String::new();
    }
    let x = Scale::new(
        axes.x_range.unwrap_or_else(|| range(finite(0))),
        [LEFT, WIDTH - RIGHT],
    );
    let y = Scale::new(
        axes.y_range.unwrap_or_else(|| range(finite(1))),
        [HEIGHT - BOTTOM, TOP],
    );
    let mut svg = begin(title, &axes, &x, &y);
    if axes.diagonal {
        let from = x.range[0].max(y.range[0]);
        let to = x.range[1].min(y.range[1]);
        let _ = write!(
            svg,
            "<line class=\"diagonal\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
            x.place(from),
            y.place(from),
            x.place(to),
            y.place(to)
        );
    }
    for one in series {
        draw(&mut svg, one, &x, &y);
    }
    svg.push_str("</svg>");
    legend(&mut svg, series);
    figure(title, &svg)
}

/// Columns over a range from 0 to 1, each in two parts.
pub(crate) fn columns(title: &str, axes: Axes<'_>, bins: &[[f64; 2]], names: [&str; 2]) -> String {
    let most = bins.iter().map(|[a, b]| a + b).fold(0.0, f64::max);
    if most == 0.0 {
        return String::new();
    }
    let x = Scale::new([0.0, 1.0], [LEFT, WIDTH - RIGHT]);
    let y = Scale::new([0.0, most], [HEIGHT - BOTTOM, TOP]);
    let mut svg = begin(title, &axes, &x, &y);
    let width = 1.0 / bins.len() as f64;
    for (place, [lower, upper]) in bins.iter().enumerate() {
        let left = x.place(place as f64 * width) + 1.0;
        let right = x.place((place + 1) as f64 * width) - 1.0;
        for (colour, from, to) in [(1, 0.0, *lower), (2, *lower, lower + upper)] {
            let _ = write!(
                svg,
                "<rect class=\"f{colour}\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                y.place(to),
                right - left,
                y.place(from) - y.place(to)
            );
        }
    }
    svg.push_str("</svg>");
    let key = |name, colour| Series {
        name,
        colour,
        points: Vec::new(),
        mark: Mark::Scatter,
    };
    legend(&mut svg, &[key(names[0], 1), key(names[1], 2)]);
    figure(title, &svg)
}

fn figure(title: &str, inner: &str) -> String {
    format!(
        "<figure><figcaption>{}</figcaption>{inner}</figure>",
        escaped(title)
    )
}

fn begin(title: &str, axes: &Axes<'_>, x: &Scale, y: &Scale) -> String {
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
        escaped(title)
    );
    let bottom = HEIGHT - BOTTOM;
    for tick in x.ticks() {
        let at = x.place(tick);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{bottom}\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 16.0,
            x.label(tick)
        );
    }
    for tick in y.ticks() {
        let at = y.place(tick);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0,
            y.label(tick)
        );
    }
    let _ = write!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
         <text transform=\"translate(12 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 6.0,
        escaped(axes.x),
        (TOP + bottom) / 2.0,
        escaped(axes.y)
    );
    svg
}

fn draw(svg: &mut String, series: &Series<'_>, x: &Scale, y: &Scale) {
    let points = thinned(&series.points);
    let places: Vec<[f64; 2]> = points
        .iter()
        .filter(|point| point.iter().all(|value| value.is_finite()))
        .map(|[a, b]| [x.place(*a), y.place(*b)])
        .collect();
    let colour = series.colour;
    if series.mark != Mark::Scatter {
        let faint = if series.mark == Mark::Faint {
            " faint"
        } else {
            ""
        };
        let _ = write!(svg, "<polyline class=\"s{colour}{faint}\" points=\"");
        for [left, top] in &places {
            let _ = write!(svg, "{left:.1},{top:.1} ");
        }
        svg.push_str("\"/>");
    }
    if matches!(series.mark, Mark::Dots | Mark::Scatter) {
        for [left, top] in &places {
            let _ = write!(
                svg,
                "<circle class=\"f{colour}\" cx=\"{left:.1}\" cy=\"{top:.1}\" r=\"3\"/>"
            );
        }
    }
}

/// Every n-th point, and the last.
fn thinned(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let every = points.len().div_ceil(MOST_POINTS).max(1);
    let mut kept: Vec<[f64; 2]> = points.iter().copied().step_by(every).collect();
    if let Some(last) = points.last().filter(|last| kept.last() != Some(*last)) {
        kept.push(*last);
    }
    kept
}

fn legend(svg: &mut String, series: &[Series<'_>]) {
    if series.len() < 2 {
        return;
    }
    svg.push_str("<p class=\"legend\">");
    for one in series {
        let _ = write!(
            svg,
            "<span><i class=\"b{}\"></i>{}</span> ",
            one.colour,
            escaped(one.name)
        );
    }
    svg.push_str("</p>");
}

fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| {
        [low.min(value), high.max(value)]
    })
}

/// From values to places.
#[derive(Debug)]
struct Scale {
    range: [f64; 2],
    places: [f64; 2],
    step: f64,
}

impl Scale {
    /// Widens the range to whole steps of 1, 2 or 5 times a power of ten; where all values are equal, by a tenth of
    /// theirs.
    fn new([low, high]: [f64; 2], places: [f64; 2]) -> Self {
        let (low, high) = if low < high {
            (low, high)
        } else {
            let room = (low.abs() * 0.1).max(0.1);
            (low - room, high + room)
        };
        let raw = (high - low) / 5.0;
        let power = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|factor| factor * power)
            .into_iter()
            .find(|step| *step >= raw * 0.999)
            .unwrap_or(10.0 * power);
        let even = |value: f64| (value / step).round();
        let first = if (even(low) * step - low).abs() < step * 1e-6 {
            even(low)
        } else {
            (low / step).floor()
        };
        let last = if (even(high) * step - high).abs() < step * 1e-6 {
            even(high)
        } else {
            (high / step).ceil()
        };
        Self {
            range: [first * step, last * step],
            places,
            step,
        }
    }

    fn place(&self, value: f64) -> f64 {
        let share = (value - self.range[0]) / (self.range[1] - self.range[0]);
        self.places[0] + share * (self.places[1] - self.places[0])
    }

    fn ticks(&self) -> Vec<f64> {
        let count = ((self.range[1] - self.range[0]) / self.step).round() as usize;
        (0..=count.min(20))
            .map(|tick| self.range[0] + tick as f64 * self.step)
            .collect()
    }

    /// With as many digits as tell the ticks apart.
    fn label(&self, tick: f64) -> String {
        if self.step < 1e-3 {
            return if tick.abs() < self.step * 1e-6 {
                "0".to_owned()
            } else {
                format!("{tick:.0e}")
            };
        }
        let digits = (-self.step.log10().floor()).max(0.0) as usize;
        // No -0.
        format!(
            "{:.digits$}",
            if tick.abs() < self.step * 1e-6 {
                0.0
            } else {
                tick
            }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_all_values() {
        let scale = Scale::new([0.13, 0.87], [0.0, 100.0]);
        assert_eq!(scale.range, [0.0, 1.0]);
        let labels: Vec<String> = scale
            .ticks()
            .iter()
            .map(|tick| scale.label(*tick))
            .collect();
        assert_eq!(labels, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert!((scale.place(0.5) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn equal_values_have_an_axis() {
        let scale = Scale::new([1.0, 1.0], [0.0, 1.0]);
        assert!(
            scale.range[0] < 1.0 && scale.range[1] > 1.0 && scale.range[1] < 1.3,
            "{scale:?}"
        );
        let small = Scale::new([0.0, 5e-5], [0.0, 1.0]);
        assert_eq!(small.label(1e-5), "1e-5");
    }

    #[test]
    fn long_lines_are_thinned_and_keep_their_ends() {
        let points: Vec<[f64; 2]> = (0..2501).map(|step| [f64::from(step), 0.0]).collect();
        let kept = thinned(&points);
        assert!(kept.len() <= MOST_POINTS + 1);
        assert_eq!((kept[0][0], kept[kept.len() - 1][0]), (0.0, 2500.0));
    }

    #[test]
    fn a_plot_of_nothing_is_nothing() {
        assert_eq!(plot("Loss", Axes::default(), &[]), "");
        let none = Series {
            name: "loss",
            colour: 1,
            points: vec![[1.0, f64::NAN]],
            mark: Mark::Line,
        };
        assert_eq!(plot("Loss", Axes::default(), &[none]), "");
    }
}
