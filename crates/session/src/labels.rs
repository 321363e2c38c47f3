//! Which labels a run has: those of the rows it trains on, else those of the model.

use tunesmith::data::{DataError, Dataset, Dtype, Feature, LabelEncoder};
use tunesmith::metrics::GlueTask;

/// Classes beyond which a column is more likely one of numbers than one of classes.
const MANY: usize = 50;

/// The labels of the rows that are trained on, all of them, before any are left out; and what a person
/// should know of them.
pub(crate) fn of_training(
    rows: &Dataset,
    label: &str,
    task: Option<GlueTask>,
) -> Result<(LabelEncoder, Vec<String>), DataError> {
    let encoder = LabelEncoder::of_rows(rows, label, task.map(GlueTask::num_labels))?;
    let mut notes = Vec::new();
    let names = encoder.names();
    let feature = rows.column(label)?.feature();
    let are_numbers = matches!(feature, Feature::Value(dtype) if dtype.is_integer());
    if !encoder.is_regression() && are_numbers {
        if names.iter().any(|name| name == "-1") {
            notes.push(format!(
                "column '{label}': the label -1 is taken as a class, as the others are. Where it marks \
                 rows without a label, remove those rows"
            ));
        }
        if names.len() > MANY && names.len() > rows.num_rows() / 2 {
            notes.push(format!(
                "column '{label}': {} different whole numbers in {} rows are taken as so many classes. To \
                 predict numbers, write them as fractions (3.0 for 3)",
                names.len(),
                rows.num_rows()
            ));
        }
    }
    Ok((encoder, notes))
}

/// The labels of a trained model, of which `rows` are to be evaluated.
///
/// Where the model's classes have no names and the rows have words for as many, the words in their
/// order are taken for the classes, with a warning.
pub(crate) fn of_model(
    names: Vec<String>,
    rows: &Dataset,
    label: &str,
) -> Result<(LabelEncoder, Option<String>), DataError> {
    let encoder = LabelEncoder::named(names);
    let Ok(view) = rows.column(label) else {
        return Ok((encoder, None));
    };
    let is_text = *view.feature() == Feature::Value(Dtype::String);
    if encoder.is_regression() || !encoder.is_numbered() || !is_text {
        return Ok((encoder, None));
    }
    if encoder.encode(rows, label).is_ok() {
        return Ok((encoder, None));
    }
    let count = encoder.names().len();
    let words = LabelEncoder::of_rows(rows, label, None)?;
    if words.names().len() != count {
        return Err(DataError::ColumnType {
            column: label.to_owned(),
            dtype: format!("text with {} different labels", words.names().len()),
            reason: format!(
                "the model has {count} classes without names: write their ids, 0 to {}, or name the \
                 classes in id2label of its config.json",
                count.saturating_sub(1)
            ),
        });
    }
    let pairs: Vec<String> = words
        .names()
        .iter()
        .zip(encoder.names())
        .map(|(word, class)| format!("{word} for {class}"))
        .collect();
    let warning = format!(
        "the model's classes have no names: {} is taken. Name them in id2label of its config.json where \
         they are others",
        pairs.join(", ")
    );
    Ok((words, Some(warning)))
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
    fn what_may_not_be_meant_as_classes_is_told() {
        let of = |csv: &str| of_training(&dataset(csv), "label", None).unwrap();
        assert!(of("text,label\na,0\nb,1\n").1.is_empty());
        let (encoder, notes) = of("text,label\na,-1\nb,1\n");
        assert_eq!(encoder.names(), ["-1", "1"]);
        assert!(notes[0].contains("-1 is taken as a class"), "{notes:?}");
        let scores: String = (0..60).map(|i| format!("t,{}\n", 3 * i)).collect();
        let (encoder, notes) = of(&format!("text,label\n{scores}"));
        assert_eq!(encoder.names().len(), 60);
        assert!(notes[0].contains("60 different whole numbers"), "{notes:?}");
        let task = Some(GlueTask::Stsb);
        let rows = dataset("text,label\na,0\nb,5\n");
        assert!(of_training(&rows, "label", task).unwrap().0.is_regression());
    }

    #[test]
    fn words_stand_for_classes_without_names_where_there_are_as_many() {
        let unnamed = |count: usize| (0..count).map(|id| format!("LABEL_{id}")).collect();
        let words = dataset("text,label\na,yes\nb,no\n");
        let (encoder, warning) = of_model(unnamed(2), &words, "label").unwrap();
        assert_eq!(encoder.names(), ["no", "yes"]);
        let warning = warning.unwrap();
        assert!(
            warning.contains("no for LABEL_0, yes for LABEL_1"),
            "{warning}"
        );
        let message = of_model(unnamed(3), &words, "label")
            .unwrap_err()
            .to_string();
        assert!(message.contains("3 classes without names"), "{message}");
        let numbers = dataset("text,label\na,1\nb,0\n");
        let (encoder, warning) = of_model(unnamed(2), &numbers, "label").unwrap();
        assert_eq!((encoder.names().len(), warning), (2, None));
        assert!(encoder.is_numbered());
    }
}
