//! Which classes a run has: those of the rows it trains on, else those of the model, by their names.

use tunesmith::data::{
    ClassLabel, DataError, Dataset, Dtype, Feature, LabelInfo, check_labels, label_info,
};

/// The labels that rows have: the classes' names, or one for a regression.
pub(crate) fn of_rows(dataset: &Dataset, label: &str) -> Result<Vec<String>, DataError> {
    Ok(match label_info(dataset, label)? {
        LabelInfo::Regression => numbered(1),
        LabelInfo::Classes {
            names: Some(names), ..
        } => {
            // One name alone would make the head a regression: two classes are the least.
            if names.len() == 1 {
                check_labels(dataset, label, 2)?;
            }
            names
        }
        LabelInfo::Classes { num_labels, .. } => numbered(num_labels.max(2)),
    })
}

/// transformers' names of classes that have none.
fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|id| format!("LABEL_{id}")).collect()
}

/// Whether classes have no names of their own.
pub(crate) fn are_numbered(labels: &[String]) -> bool {
    labels == numbered(labels.len())
}

/// Gives the rows of a dataset the ids that a trained model has for their classes, by name.
///
/// Fails for a class that the model does not have, with the row.
pub(crate) fn align(
    dataset: &Dataset,
    label: &str,
    labels: &[String],
) -> Result<Dataset, DataError> {
    let has_names = match dataset.features().get(label) {
        Some(Feature::ClassLabel(classes)) => !are_numbered(&classes.names),
        Some(Feature::Value(dtype)) => *dtype == Dtype::String,
        None => false,
    };
    if !has_names || are_numbered(labels) {
        return Ok(dataset.clone());
    }
    dataset.cast_column(label, Feature::ClassLabel(ClassLabel::new(labels)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use tunesmith::data::Format;

    fn dataset(csv: &str) -> Dataset {
        Dataset::from_bytes("rows.csv", Format::Csv, csv.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn names_are_found_again_whatever_their_order() {
        let model = ["yes", "no"].map(str::to_owned);
        let rows = dataset("text,label\na,no\nb,yes\n");
        let encoded = rows.class_encode_column("label").unwrap();
        assert_eq!(of_rows(&encoded, "label").unwrap(), ["no", "yes"]);
        for rows in [rows, encoded] {
            let aligned = align(&rows, "label", &model).unwrap();
            let ids: Vec<_> = aligned
                .column("label")
                .unwrap()
                .iter()
                .map(|id| id.as_i64())
                .collect();
            assert_eq!(ids, [Some(1), Some(0)]);
        }
        let message = align(&dataset("text,label\na,maybe\n"), "label", &model)
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("maybe") && message.contains("yes, no"),
            "{message}"
        );
        let numbers = dataset("text,label\na,1\n");
        assert_eq!(
            align(&numbers, "label", &model).unwrap().digest().unwrap(),
            numbers.digest().unwrap()
        );
        assert_eq!(of_rows(&numbers, "label").unwrap(), ["LABEL_0", "LABEL_1"]);
    }
}
