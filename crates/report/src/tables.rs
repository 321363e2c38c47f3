//! The tables of a review.

use tunesmith_protocol::Review;

/// A table, to be written to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What the file is called.
    pub name: &'static str,
    /// Its rows of cells, the head first.
    pub rows: Vec<Vec<String>>,
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
    let head = head.iter().map(|name| (*name).to_owned()).collect();
    let rows = std::iter::once(head).chain(rows).collect();
    Some(Table { name, rows })
}

/// A number as a table has it: empty where there is none.
#[must_use]
pub fn cell(number: f64) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_missing_is_an_empty_cell() {
        assert_eq!(cell(f64::NAN), "");
        assert_eq!(cell(0.5), "0.5");
    }
}
