//! The page.

use std::fmt::Write;

use tunesmith_protocol::{DeviceInfo, ProblemType, Review, RunView, WrongRow};

use crate::Report;
use crate::plot::{Axes, Mark, Series, columns, plot};

const STYLE: &str = include_str!("style.css");

/// Rows that are shown; the table beside the page has more.
const MOST_WRONG: usize = 50;

/// A matrix of more classes can't be read: the pairs most often taken for each other are listed instead.
const MOST_CLASSES: usize = 25;

/// Those pairs.
const MOST_PAIRS: usize = 30;

/// Letters of a text that are shown.
const MOST_LETTERS: usize = 600;

/// What HTML reads as itself.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            _ => safe.push(letter),
        }
    }
    safe
}

pub(crate) fn page(report: &Report<'_>) -> String {
    let title = title(report.view);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    run(&mut page, report);
    curves(&mut page, report.view);
    for review in report.reviews {
        split(&mut page, review);
    }
    if report
        .reviews
        .iter()
        .any(|review| !review.most_wrong.is_empty())
    {
        page.push_str("<p class=\"soft\">This file has texts of your data in it.</p>\n");
    }
    let _ = write!(
        page,
        "<p class=\"soft\">Made by Tunesmith {}.</p>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    );
    page
}

fn title(view: &RunView) -> String {
    match (&view.run, &view.done) {
        (Some(run), _) => format!("{} on {}", escaped(&run.model), escaped(&run.dataset)),
        (None, Some(done)) => escaped(&done.output_dir),
        (None, None) => "Evaluation".to_owned(),
    }
}

/// A list of names and what they are.
fn facts<'a>(page: &mut String, class: &str, facts: impl Iterator<Item = (&'a str, String)>) {
    let _ = write!(page, "<dl class=\"{class}\">");
    for (name, value) in facts {
        let _ = write!(
            page,
            "<div><dt>{}</dt><dd>{}</dd></div>",
            escaped(name),
            escaped(&value)
        );
    }
    page.push_str("</dl>\n");
}

/// A number as a person reads it: four decimals, or fewer where it is large.
fn number(value: f64) -> String {
    if !value.is_finite() {
        "–".to_owned()
    } else if value.abs() >= 1000.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.4}")
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn device(device: &DeviceInfo) -> String {
    format!("{} ({})", device.name, device.backend)
}

/// What was done, on what, with what.
fn run(page: &mut String, report: &Report<'_>) {
    let view = report.view;
    page.push_str("<section>\n");
    let mut known: Vec<(&str, String)> = Vec::new();
    if let Some(run) = &view.run {
        let devices = std::iter::once(&run.device).chain(&run.other_devices);
        let devices: Vec<String> = devices.map(device).collect();
        known.push(("Device", devices.join(", ")));
        known.push((
            "Parameters trained",
            format!("{:.1} million", run.trainable_parameters as f64 / 1e6),
        ));
        known.push(("Training rows", run.num_examples.to_string()));
    }
    if let Some(data) = &view.dataset {
        let splits = data.splits.iter().filter(|split| split.name != "train");
        let splits: Vec<String> = splits
            .map(|split| format!("{} {}", split.num_rows, split.name))
            .collect();
        if !splits.is_empty() {
            known.push(("Other rows", splits.join(", ")));
        }
    }
    if let Some(run) = &view.run {
        known.push(("Rows a step", run.rows_of_a_step().to_string()));
    }
    if let Some(done) = view.done.as_ref().filter(|done| done.step > 0) {
        known.push(("Steps", done.step.to_string()));
        known.push(("Epochs", format!("{:.2}", done.epoch)));
        known.push(("Training took", format!("{:.1} s", done.train_runtime)));
        known.push((
            "Rows a second",
            format!("{:.1}", done.train_samples_per_second),
        ));
        if let Some(best) = done.best_metric {
            known.push(("Best", number(best)));
        }
    }
    facts(page, "", known.into_iter());
    if !report.arguments.is_empty() {
        page.push_str("<h3>Arguments</h3>\n");
        let arguments = report.arguments.iter();
        facts(
            page,
            "",
            arguments.map(|(name, value)| (name.as_str(), value.clone())),
        );
    }
    for warning in &view.warnings {
        let _ = writeln!(page, "<p class=\"note\">{}</p>", escaped(warning));
    }
    page.push_str("</section>\n");
}

fn curves(page: &mut String, view: &RunView) {
    let steps: Vec<[f64; 2]> = view
        .losses
        .iter()
        .map(|point| [point.step as f64, point.loss])
        .collect();
    let logged: Vec<[f64; 2]> = view
        .logs
        .iter()
        .map(|log| [log.step as f64, log.loss])
        .collect();
    let rates: Vec<[f64; 2]> = view
        .losses
        .iter()
        .map(|point| [point.step as f64, point.learning_rate])
        .collect();
    let mut names: Vec<&str> = Vec::new();
    for eval in &view.evals {
        if !names.contains(&eval.split.as_str()) {
            names.push(&eval.split);
        }
    }
    let evals =
        |name: &str, value: &dyn Fn(&tunesmith_protocol::Eval) -> Option<f64>| -> Vec<[f64; 2]> {
            let evals = view.evals.iter().filter(|eval| eval.split == name);
            evals
                .filter_map(|eval| Some([eval.step as f64, value(eval)?]))
                .collect()
        };
    let mut losses = vec![
        Series {
            name: "each step",
            colour: 1,
            points: steps,
            mark: Mark::Faint,
        },
        Series {
            name: "mean since the last entry",
            colour: 1,
            points: logged,
            mark: Mark::Line,
        },
    ];
    for (place, name) in names.iter().enumerate() {
        losses.push(Series {
            name,
            colour: 2 + place % 3,
            points: evals(name, &|eval| Some(eval.loss)),
            mark: Mark::Dots,
        });
    }
    losses.retain(|series| !series.points.is_empty());
    let axes = |y| Axes {
        x: "step",
        y,
        ..Axes::default()
    };
    let mut plots = plot("Loss", axes("loss"), &losses);
    let mut metrics: Vec<&str> = Vec::new();
    for (metric, _) in view.evals.iter().flat_map(|eval| eval.metrics.iter()) {
        if !metrics.contains(&metric) {
            metrics.push(metric);
        }
    }
    // One evaluation is no curve.
    if view.evals.len() > 1 {
        for metric in metrics {
            let series: Vec<Series<'_>> = names
                .iter()
                .enumerate()
                .map(|(place, name)| Series {
                    name,
                    colour: 2 + place % 3,
                    points: evals(name, &|eval| eval.metrics.get(metric)),
                    mark: Mark::Dots,
                })
                .filter(|series| !series.points.is_empty())
                .collect();
            plots.push_str(&plot(metric, axes(metric), &series));
        }
    }
    let rates = Series {
        name: "learning rate",
        colour: 4,
        points: rates,
        mark: Mark::Line,
    };
    plots.push_str(&plot("Learning rate", axes("learning rate"), &[rates]));
    if !plots.is_empty() {
        let _ = writeln!(
            page,
            "<h2>Training</h2>\n<section class=\"plots\">{plots}</section>"
        );
    }
}

/// What the model gets right and wrong on a split.
fn split(page: &mut String, review: &Review) {
    let _ = writeln!(
        page,
        "<h2>Results on {}</h2>\n<section>",
        escaped(&review.split)
    );
    facts(
        page,
        "figures",
        review
            .metrics
            .iter()
            .map(|(name, value)| (name, number(value))),
    );
    let rows = review.num_rows;
    let said = match review.problem_type {
        ProblemType::Regression => format!("{rows} rows."),
        ProblemType::SingleLabel => format!("{} of {rows} rows are right.", review.num_right),
        ProblemType::MultiLabel | ProblemType::Tokens => {
            format!("{} of {rows} rows are wholly right.", review.num_right)
        }
    };
    let _ = writeln!(page, "<p>{said}</p>");
    if review.is_no_better()
        && let Some((label, share)) = review.most_frequent()
    {
        let _ = writeln!(
            page,
            "<p class=\"note\">No better than always answering {} ({}).</p>",
            escaped(label),
            percent(share)
        );
    }
    page.push_str("</section>\n");
    per_class(page, review);
    confusion(page, review);
    probabilities(page, review);
    numbers(page, review);
    most_wrong(page, review);
}

/// A table; `numbers` are the columns that are set to the right.
fn table(page: &mut String, head: &[&str], numbers: std::ops::Range<usize>, rows: &[Vec<String>]) {
    page.push_str("<div class=\"wide\"><table><thead><tr>");
    let class = |column: usize| {
        if numbers.contains(&column) {
            " class=\"number\""
        } else {
            ""
        }
    };
    for (column, name) in head.iter().enumerate() {
        let _ = write!(page, "<th{}>{}</th>", class(column), escaped(name));
    }
    page.push_str("</tr></thead><tbody>");
    for row in rows {
        page.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            let _ = write!(page, "<td{}>{}</td>", class(column), escaped(cell));
        }
        page.push_str("</tr>");
    }
    page.push_str("</tbody></table></div>\n");
}

fn per_class(page: &mut String, review: &Review) {
    if review.per_class.is_empty() {
        return;
    }
    let what = match review.problem_type {
        ProblemType::Tokens => "type of entity",
        _ => "label",
    };
    let _ = writeln!(page, "<section><h3>Each {what}</h3>");
    let rows = review.per_class.iter().map(|class| {
        vec![
            class.label.clone(),
            number(class.precision),
            number(class.recall),
            number(class.f1),
            class.support.to_string(),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    table(
        page,
        &[what, "precision", "recall", "F1", "rows"],
        1..5,
        &rows,
    );
    page.push_str("</section>\n");
}

fn confusion(page: &mut String, review: &Review) {
    let labels = &review.labels;
    if review.confusion.is_empty() {
        return;
    }
    page.push_str("<section><h3>Labelled and predicted</h3>\n");
    if labels.len() > MOST_CLASSES {
        let _ = writeln!(
            page,
            "<p class=\"soft\">There are {} labels; these are most often taken for each other.</p>",
            labels.len()
        );
        table(
            page,
            &["labelled", "predicted", "rows"],
            2..3,
            &confused(review),
        );
    } else {
        matrix(page, review);
    }
    page.push_str("</section>\n");
}

fn confused(review: &Review) -> Vec<Vec<String>> {
    let mut pairs: Vec<(u64, &str, &str)> = Vec::new();
    for (label, counts) in review.labels.iter().zip(&review.confusion) {
        for (predicted, count) in review.labels.iter().zip(counts) {
            if label != predicted && *count > 0 {
                pairs.push((*count, label, predicted));
            }
        }
    }
    pairs.sort_by_key(|(count, ..)| std::cmp::Reverse(*count));
    let pairs = pairs.into_iter().take(MOST_PAIRS);
    pairs
        .map(|(count, label, predicted)| {
            vec![label.to_owned(), predicted.to_owned(), count.to_string()]
        })
        .collect()
}

/// A row for each true class, a column for each predicted one; the shade is the share of the row.
fn matrix(page: &mut String, review: &Review) {
    page.push_str(
        "<div class=\"wide\"><table class=\"matrix\"><thead><tr><th>labelled ↓ predicted →</th>",
    );
    for label in &review.labels {
        let _ = write!(page, "<th class=\"number\">{}</th>", escaped(label));
    }
    page.push_str("</tr></thead><tbody>");
    for (row, (label, counts)) in review.labels.iter().zip(&review.confusion).enumerate() {
        let all = counts.iter().sum::<u64>().max(1);
        let _ = write!(page, "<tr><th scope=\"row\">{}</th>", escaped(label));
        for (column, count) in counts.iter().enumerate() {
            let class = if row == column { "right" } else { "wrong" };
            let share = *count as f64 / all as f64;
            let _ = write!(
                page,
                "<td class=\"{class}\" style=\"--share: {share:.3}\">{count}</td>"
            );
        }
        page.push_str("</tr>");
    }
    page.push_str("</tbody></table></div>\n");
}

/// Whether probabilities can be believed, and how they are spread.
fn probabilities(page: &mut String, review: &Review) {
    let bins = &review.calibration;
    let Some(error) = review.calibration_error() else {
        return;
    };
    let (of, right, wrong, share) = match review.problem_type {
        ProblemType::MultiLabel => (
            "of a label",
            "have the label",
            "don't have it",
            "share that have the label",
        ),
        _ => ("of the answer", "right", "wrong", "share that is right"),
    };
    let points = bins.iter().filter(|bin| bin.count > 0);
    let reliability = Series {
        name: "",
        colour: 1,
        points: points.map(|bin| [bin.mean_score, bin.share()]).collect(),
        mark: Mark::Dots,
    };
    let unit = Some([0.0, 1.0]);
    let x = format!("probability {of}");
    let axes = Axes {
        x: &x,
        y: share,
        x_range: unit,
        y_range: unit,
        diagonal: true,
    };
    let counts: Vec<[f64; 2]> = bins
        .iter()
        .map(|bin| [bin.right as f64, (bin.count - bin.right) as f64])
        .collect();
    let spread = Axes {
        y: "count",
        x_range: unit,
        ..axes
    };
    let _ = writeln!(
        page,
        "<section><h3>Probabilities</h3>\n<p>On the dashed line a probability means what it says: of all answers with \
         80 %, 80 % are right. Points below it are too sure of themselves. The expected calibration error is {}.</p>\n\
         <div class=\"plots\">{}{}</div></section>",
        number(error),
        plot("Calibration", axes, &[reliability]),
        columns("How sure the model is", spread, &counts, [right, wrong])
    );
}

fn numbers(page: &mut String, review: &Review) {
    if review.numbers.is_empty() {
        return;
    }
    let scatter = |points| Series {
        name: "",
        colour: 1,
        points,
        mark: Mark::Scatter,
    };
    let residuals = review.numbers.iter().map(|[is, said]| [*said, said - is]);
    let axes = |y, diagonal| Axes {
        x: if diagonal { "true" } else { "predicted" },
        y,
        diagonal,
        ..Axes::default()
    };
    let _ = writeln!(
        page,
        "<section><h3>Numbers</h3><div class=\"plots\">{}{}</div></section>",
        plot(
            "Predicted against true",
            axes("predicted", true),
            &[scatter(review.numbers.clone())]
        ),
        plot(
            "What is left over",
            axes("predicted less true", false),
            &[scatter(residuals.collect())]
        )
    );
}

fn most_wrong(page: &mut String, review: &Review) {
    if review.most_wrong.is_empty() {
        return;
    }
    let heading = match review.problem_type {
        ProblemType::Regression => "Rows farthest off",
        _ => "Rows it got most wrong",
    };
    let _ = writeln!(page, "<section><h3>{heading}</h3>");
    if review.most_wrong.iter().any(WrongRow::doubts_label) {
        page.push_str(
            "<p>Where the model is sure of another answer, look at the label first: it may be the label that is wrong.</p>\n",
        );
    }
    page.push_str(
        "<div class=\"wide\"><table><thead><tr><th class=\"number\">row</th><th>text</th><th>labelled</th>\
         <th>predicted</th><th class=\"number\">how sure</th></tr></thead><tbody>",
    );
    for row in review.most_wrong.iter().take(MOST_WRONG) {
        let texts = std::iter::once(&row.text).chain(&row.text_pair);
        let texts: Vec<String> = texts.map(|text| escaped(&shortened(text))).collect();
        let doubt = if row.doubts_label() {
            " <span class=\"tag\">check the label</span>"
        } else {
            ""
        };
        let sure = if row.confidence.is_nan() {
            "–".to_owned()
        } else {
            percent(row.confidence)
        };
        let _ = write!(
            page,
            "<tr><td class=\"number\">{}</td><td class=\"text\">{}</td><td>{}{doubt}</td><td>{}</td>\
             <td class=\"number\">{sure}</td></tr>",
            row.row,
            texts.join("<br>"),
            escaped(&shortened(&row.label)),
            escaped(&shortened(&row.predicted))
        );
    }
    page.push_str("</tbody></table></div></section>\n");
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MOST_LETTERS) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}
