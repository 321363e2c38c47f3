//! Curves: smoothed, thinned, hovered.

use egui::{Color32, RichText, Sense, Stroke, Ui, vec2};
use egui_plot::{AxisHints, HoverPosition, Line, MarkerShape, Plot, Points};

use crate::format::figure;
use crate::theme::Palette;
use crate::widgets;

/// Points along a curve that are drawn at most: twice as many as a wide plot has columns.
const MOST: usize = 1500;

/// A point: a step, and a value.
pub(crate) type Point = [f64; 2];

/// How a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Faintly, behind the others.
    Raw,
    Line,
    /// With a mark on every point.
    Dots,
}

/// A curve.
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) points: Vec<Point>,
    pub(crate) look: Look,
    /// Which of the palette's colours.
    pub(crate) colour: usize,
}

impl Curve {
    fn color(&self, palette: &Palette) -> Color32 {
        let color = palette.series[self.colour % palette.series.len()];
        match self.look {
            Look::Raw => color.gamma_multiply(0.35),
            Look::Line | Look::Dots => color,
        }
    }
}

/// A stroke of a curve's colour, before its name.
fn key(ui: &mut Ui, color: Color32) {
    let (place, _) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::hover());
    let stroke = Stroke::new(3.0, color);
    ui.painter()
        .hline(place.x_range(), place.center().y, stroke);
}

/// An exponential moving average, as TensorBoard smooths: its start is corrected for the missing past.
/// `weight` is that of the past, 0 to less than 1.
pub(crate) fn smooth(points: &[Point], weight: f64) -> Vec<Point> {
    let (mut mean, mut seen) = (0.0, 0.0);
    let averaged = points.iter().map(|[x, y]| {
        mean = weight * mean + (1.0 - weight) * y;
        seen = weight * seen + (1.0 - weight);
        [*x, mean / seen]
    });
    averaged.collect()
}

/// Of more points than are drawn, the least and the greatest of each bucket.
pub(crate) fn thin(points: Vec<Point>, most: usize) -> Vec<Point> {
    if points.len() <= most {
        return points;
    }
    let size = points.len().div_ceil(most / 2);
    let buckets = points.chunks(size).flat_map(|bucket| {
        let by = |a: &&Point, b: &&Point| a[1].total_cmp(&b[1]);
        let least = bucket.iter().min_by(by).copied();
        let greatest = bucket.iter().max_by(by).copied();
        let mut kept: Vec<Point> = least.into_iter().chain(greatest).collect();
        kept.sort_by(|a, b| a[0].total_cmp(&b[0]));
        kept.dedup();
        kept
    });
    buckets.collect()
}

/// A tenth below and above values that are all equal: an axis of no length would have no marks to read.
fn around<'a>(points: impl IntoIterator<Item = &'a Point>) -> Option<[f64; 2]> {
    let mut values = points.into_iter().map(|[_, y]| *y);
    let value = values.next()?;
    if values.any(|other| other != value) {
        return None;
    }
    let tenth = match value.abs() / 10.0 {
        0.0 => 1.0,
        tenth => tenth,
    };
    Some([value - tenth, value + tenth])
}

/// A plot that stays as it is: scrolling over it scrolls the panel.
fn still<'a>(title: &str, height: f32, palette: &Palette) -> Plot<'a> {
    Plot::new(title)
        .height(height)
        .allow_scroll(false)
        .allow_zoom(false)
        .allow_drag(false)
        .allow_boxed_zoom(false)
        .show_background(false)
        .grid_color(palette.line_strong)
}

/// Draws curves over the steps, with a title; `empty` is said while there is nothing to draw.
pub(crate) fn show(ui: &mut Ui, title: &str, empty: &str, curves: Vec<Curve>) {
    let palette = Palette::of(ui);
    let shown = || curves.iter().filter(|curve| !curve.points.is_empty());
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(title).strong());
        let last = shown().rfind(|curve| curve.look != Look::Raw);
        if let Some([step, value]) = last.and_then(|curve| curve.points.last()) {
            widgets::note(ui, format!("{} at step {}", figure(*value), figure(*step)));
        }
    });
    if shown().next().is_none() {
        widgets::note(ui, empty);
        return;
    }
    // Above the plot: inside, it would lie on the curves.
    if shown().count() > 1 {
        ui.horizontal_wrapped(|ui| {
            for curve in shown() {
                key(ui, curve.color(palette));
                widgets::note(ui, &curve.name);
            }
        });
    }
    let label = |position: &HoverPosition<'_>| match position {
        HoverPosition::NearDataPoint {
            plot_name,
            position,
            ..
        } => Some(format!(
            "{plot_name}\nstep {}: {}",
            figure(position.x),
            figure(position.y)
        )),
        HoverPosition::Elsewhere { .. } => None,
    };
    let plot = still(title, 210.0, palette)
        .label_formatter(label)
        // Steps are short numbers: they are read well where the grid is narrow, too.
        .custom_x_axes(vec![
            AxisHints::new_x()
                .formatter(|mark, _| figure(mark.value))
                .label_spacing(24.0..=32.0),
        ])
        .y_axis_formatter(|mark, _| figure(mark.value))
        .include_x(0.0);
    let plot = match around(shown().flat_map(|curve| &curve.points)) {
        Some([low, high]) => plot.include_y(low).include_y(high),
        None => plot,
    };
    plot.show(ui, |ui| {
        for curve in curves {
            let color = curve.color(palette);
            let points = thin(curve.points, MOST);
            if curve.look == Look::Dots {
                let dots = Points::new(curve.name.clone(), points.clone());
                ui.points(
                    dots.color(color)
                        .radius(4.0)
                        .shape(MarkerShape::Circle)
                        .name(&curve.name),
                );
            }
            let line = Line::new(curve.name.clone(), points);
            ui.line(match curve.look {
                Look::Raw => line.color(color).width(1.0),
                Look::Line | Look::Dots => line.color(color).width(2.0),
            });
        }
    });
}

/// Draws points, and the line through 0 of this slope, on which a perfect prediction would lie.
pub(crate) fn scatter(ui: &mut Ui, title: &str, axes: [&str; 2], points: &[Point], slope: f64) {
    let palette = Palette::of(ui);
    ui.label(RichText::new(title).strong());
    let [x, y] = axes;
    let plot = still(title, 240.0, palette).x_axis_label(x).y_axis_label(y);
    let ends = points
        .iter()
        .fold([f64::MAX, f64::MIN], |[low, high], [x, _]| {
            [low.min(*x), high.max(*x)]
        });
    plot.show(ui, |ui| {
        let line = Line::new("perfect", ends.map(|x| [x, slope * x]).to_vec());
        ui.line(line.color(palette.series[1]).width(1.5));
        let dots = Points::new("rows", points.to_vec());
        let color = palette.series[0].gamma_multiply(0.6);
        ui.points(dots.color(color).radius(3.0).shape(MarkerShape::Circle));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_begins_at_the_first_point_and_keeps_a_constant() {
        let points: Vec<Point> = (0..5).map(|x| [f64::from(x), 2.0]).collect();
        for ([_, y], _) in smooth(&points, 0.9).iter().zip(&points) {
            assert!((y - 2.0).abs() < 1e-12);
        }
        let falling = [[1.0, 1.0], [2.0, 0.0]];
        assert_eq!(smooth(&falling, 0.0), falling);
        let half = smooth(&falling, 0.5);
        assert!((half[1][1] - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn equal_values_have_an_axis_around_them() {
        assert_eq!(around(&[[1.0, 1.0], [2.0, 1.0]]), Some([0.9, 1.1]));
        assert_eq!(around(&[[1.0, 0.0]]), Some([-1.0, 1.0]));
        assert_eq!(around(&[[1.0, 1.0], [2.0, 1.5]]), None);
        assert_eq!(around(&[]), None);
    }

    #[test]
    fn thinning_keeps_the_extremes_in_order() {
        let mut points: Vec<Point> = (0..10_000).map(|x| [f64::from(x), 0.0]).collect();
        points[5000][1] = 9.0;
        points[7777][1] = -9.0;
        let thinned = thin(points, 200);
        assert!(thinned.len() <= 200);
        assert!(thinned.contains(&[5000.0, 9.0]) && thinned.contains(&[7777.0, -9.0]));
        assert!(thinned.windows(2).all(|pair| pair[0][0] < pair[1][0]));
    }
}
