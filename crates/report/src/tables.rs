//! Tables as CSV (RFC 4180): those of a review, and a training's log.

use tunesmith_protocol::Review;

/// A table, ready to be written to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What the file is called.
    pub name: &'static str,
    /// Its lines, the head first.
    pub csv: String,
}

/// The tables of a split; those that have nothing to say are left out.
#[must_use]
pub fn tables(review: &Review) -> Vec<Table> {
    let tables = [
        metrics(review),
        per_class(review),
        confusion(review),
        calibration(review),
        numbers(review),
        most_wrong(review),
    ];
    tables.into_iter().flatten().collect()
}

/// Rows of cells under a head; nothing where there are none.
fn table(name: &'static str, head: &[&str], rows: Vec<Vec<String>>) -> Option<Table> {
    if rows.is_empty() {
        return None;
    }
    let mut csv = String::new();
    line(&mut csv, head.iter().copied());
    for row in &rows {
        line(&mut csv, row.iter().map(String::as_str));
    }
    Some(Table { name, csv })
}

fn line<'a>(csv: &mut String, cells: impl Iterator<Item = &'a str>) {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            csv.push(',');
        }
        if cell.contains(['"', ',', '\n', '\r']) {
            csv.push('"');
            csv.push_str(&cell.replace('"', "\"\""));
            csv.push('"');
        } else {
            csv.push_str(cell);
        }
    }
    csv.push('\n');
}

/// A number as a table has it: empty where there is none.
fn cell(number: f64) -> String {
    if number.is_nan() {
        String::new()
    } else {
        number.to_string()
    }
}

fn metrics(review: &Review) -> Option<Table> {
    let rows = review.metrics.iter();
    let rows = rows.map(|(name, value)| vec![name.to_owned(), cell(value)]);
    table("metrics.csv", &["metric", "value"], rows.collect())
}

fn per_class(review: &Review) -> Option<Table> {
    let rows = review.per_class.iter().map(|class| {
        vec![
            class.label.clone(),
            cell(class.precision),
            cell(class.recall),
            cell(class.f1),
            class.support.to_string(),
        ]
    });
    let head = ["label", "precision", "recall", "f1", "support"];
    table("per_class.csv", &head, rows.collect())
}

fn confusion(review: &Review) -> Option<Table> {
    let rows = review.labels.iter().zip(&review.confusion);
    let rows = rows.map(|(label, counts)| {
        let counts = counts.iter().map(u64::to_string);
        std::iter::once(label.clone()).chain(counts).collect()
    });
    let mut head = vec!["label"];
    head.extend(review.labels.iter().map(String::as_str));
    table("confusion_matrix.csv", &head, rows.collect())
}

fn calibration(review: &Review) -> Option<Table> {
    let rows = review.calibration.iter().map(|bin| {
        vec![
            cell(bin.from),
            cell(bin.to),
            bin.count.to_string(),
            bin.right.to_string(),
            cell(bin.mean_score),
            cell(bin.share()),
        ]
    });
    let head = ["from", "to", "count", "right", "mean_score", "share_right"];
    table("calibration.csv", &head, rows.collect())
}

fn numbers(review: &Review) -> Option<Table> {
    let rows = review.numbers.iter();
    let rows = rows.map(|pair| pair.iter().copied().map(cell).collect());
    table("numbers.csv", &["true", "predicted"], rows.collect())
}

fn most_wrong(review: &Review) -> Option<Table> {
    let rows = review.most_wrong.iter().map(|row| {
        vec![
            row.row.to_string(),
            row.text.clone(),
            row.text_pair.clone().unwrap_or_default(),
            row.label.clone(),
            row.predicted.clone(),
            cell(row.confidence),
            cell(row.loss),
            row.doubts_label().to_string(),
        ]
    });
    let head = [
        "row",
        "text",
        "text_pair",
        "label",
        "predicted",
        "confidence",
        "loss",
        "label_looks_wrong",
    ];
    table("most_wrong.csv", &head, rows.collect())
}

/// A training's log with a column for each name, in the order in which they come up.
#[derive(Debug, Default)]
pub struct MetricsCsv {
    columns: Vec<String>,
    rows: Vec<Vec<(String, f64)>>,
}

impl MetricsCsv {
    /// Takes in one more entry. Gives what is to be written: its line behind those that are there, or the whole table
    /// anew where it has columns that weren't there.
    pub fn add(&mut self, entry: Vec<(String, f64)>) -> Written {
        let mut is_new = self.rows.is_empty();
        for (name, _) in &entry {
            if !self.columns.contains(name) {
                self.columns.push(name.clone());
                is_new = true;
            }
        }
        let text = self.row(&entry);
        self.rows.push(entry);
        if is_new {
            Written::Anew(self.whole())
        } else {
            Written::Behind(text)
        }
    }

    fn row(&self, entry: &[(String, f64)]) -> String {
        let value = |column: &String| {
            let found = entry.iter().find(|(name, _)| name == column);
            found.map_or_else(String::new, |(_, value)| cell(*value))
        };
        let cells: Vec<String> = self.columns.iter().map(value).collect();
        let mut csv = String::new();
        line(&mut csv, cells.iter().map(String::as_str));
        csv
    }

    fn whole(&self) -> String {
        let mut csv = String::new();
        line(&mut csv, self.columns.iter().map(String::as_str));
        csv.extend(self.rows.iter().map(|entry| self.row(entry)));
        csv
    }
}

/// What is to be written of a [`MetricsCsv`].
#[derive(Debug, PartialEq, Eq)]
pub enum Written {
    /// A line, behind those that are there.
    Behind(String),
    /// Everything, in place of what is there.
    Anew(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let mut csv = String::new();
        line(
            &mut csv,
            ["a", "b,c", "say \"x\"", "two\nlines", ""].into_iter(),
        );
        assert_eq!(csv, "a,\"b,c\",\"say \"\"x\"\"\",\"two\nlines\",\n");
    }

    #[test]
    fn a_log_gets_columns_as_they_come_up() {
        let entry = |values: &[(&str, f64)]| -> Vec<(String, f64)> {
            values
                .iter()
                .map(|(name, value)| ((*name).to_owned(), *value))
                .collect()
        };
        let mut csv = MetricsCsv::default();
        let first = csv.add(entry(&[("step", 1.0), ("loss", 0.5)]));
        assert_eq!(first, Written::Anew("step,loss\n1,0.5\n".to_owned()));
        let second = csv.add(entry(&[("step", 2.0), ("loss", f64::NAN)]));
        assert_eq!(second, Written::Behind("2,\n".to_owned()));
        let third = csv.add(entry(&[("step", 2.0), ("eval_loss", 0.25)]));
        let whole = "step,loss,eval_loss\n1,0.5,\n2,,\n2,,0.25\n";
        assert_eq!(third, Written::Anew(whole.to_owned()));
    }

    #[test]
    fn a_number_that_is_missing_is_an_empty_cell() {
        assert_eq!(cell(f64::NAN), "");
        assert_eq!(cell(0.5), "0.5");
    }
}
