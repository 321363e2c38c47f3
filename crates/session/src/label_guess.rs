//! Which column holds the labels, where nobody names one: by its name, else by what it holds.

use std::collections::BTreeSet;

use tunesmith::data::{ColumnView, Dataset, Dtype, Feature};

use crate::columns::is_text_name;

/// What columns with a class or a number a row are called, the likeliest first.
const NAMES: [&str; 24] = [
    "label",
    "labels",
    "class",
    "category",
    "target",
    "topic",
    "intent",
    "sentiment",
    "emotion",
    "stars",
    "rating",
    "score",
    "grade",
    "polarity",
    "tag",
    "type",
    "genre",
    "department",
    "queue",
    "outcome",
    "verdict",
    "priority",
    "answer",
    "y",
];

/// What columns that number the rows are called.
const IDS: [&str; 6] = ["id", "idx", "index", "guid", "uuid", "nr"];

/// Different values beyond which a column is no column of classes, where its name doesn't say so.
const MOST_CLASSES: usize = 500;

/// Rows that each class must have on average for a column to be taken for one of classes.
const ROWS_PER_CLASS: usize = 3;

/// Rows that are looked at: what a column is shows in its first ones.
const ROWS: usize = 10_000;

/// Characters of the longest class that is a word and not a text, where a column's name doesn't say so.
const LONGEST_CLASS: usize = 40;

/// The column of `dataset` that most likely holds the labels; `texts` are the columns that are named as
/// texts. The column "label" whatever it holds, else one with a name that labels have, else the last one
/// of few different short words, else the only one of few different whole numbers. Never a number of the
/// row.
pub(crate) fn label_column<'a>(dataset: &'a Dataset, texts: &[String]) -> Option<&'a str> {
    let mut features = dataset.features().iter();
    let plain = features.find(|(name, feature)| *name == NAMES[0] && kind(feature).is_some());
    if let Some((name, _)) = plain {
        return Some(name);
    }
    let columns: Vec<Candidate<'a>> = dataset
        .features()
        .iter()
        .filter(|(name, _)| !texts.iter().any(|text| text == name))
        .filter_map(|(name, feature)| Candidate::of(dataset, name, feature))
        .collect();
    let named = NAMES.iter().find_map(|wanted| {
        let mut found = columns.iter();
        found.find(|column| column.words.join(" ") == *wanted && column.can_be_label())
    });
    // "ticket_category" or "Issue type".
    let ends = || {
        NAMES.iter().find_map(|wanted| {
            let mut found = columns.iter();
            found.find(|column| {
                column.words.last().is_some_and(|word| word == wanted) && column.can_be_label()
            })
        })
    };
    let is_text = |(name, feature): (&str, &Feature), but: &Candidate<'_>| {
        *feature == Feature::Value(Dtype::String) && name != but.name
    };
    let holds = |kind: Kind| -> Vec<&Candidate<'a>> {
        let fits = |column: &&Candidate<'a>| {
            let mut features = dataset.features().iter();
            column.kind == kind
                && column.is_of_classes()
                && features.any(|feature| is_text(feature, column))
        };
        columns.iter().filter(fits).collect()
    };
    let by_content = || match (holds(Kind::Words).pop(), holds(Kind::Numbers).as_slice()) {
        (Some(words), _) => Some(words),
        // Several are rather labels of 0 and 1 each.
        (None, [only]) => Some(*only),
        (None, _) => None,
    };
    let found = named.or_else(ends).or_else(by_content);
    found.map(|column| column.name)
}

/// Whether a column of text holds few different short words, as one of classes does.
pub(crate) fn is_of_classes(dataset: &Dataset, name: &str) -> bool {
    let feature = dataset.features().get(name);
    let column = feature.and_then(|feature| Candidate::of(dataset, name, feature));
    column.is_some_and(|column| column.kind == Kind::Words && column.is_of_classes())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Words, yes and no, or classes by name.
    Words,
    /// Whole numbers.
    Numbers,
    /// Fractions.
    Fractions,
}

/// A column that could hold labels.
struct Candidate<'a> {
    name: &'a str,
    /// The words of its name, in lower case.
    words: Vec<String>,
    kind: Kind,
    rows: usize,
    /// Different values; one more than [`MOST_CLASSES`] where there are more.
    distinct: usize,
    /// Characters of the longest value.
    longest: usize,
}

impl<'a> Candidate<'a> {
    fn of(dataset: &'a Dataset, name: &'a str, feature: &Feature) -> Option<Self> {
        let kind = kind(feature)?;
        let view = dataset.column(name).ok()?;
        let (distinct, longest) = measure(&view);
        Some(Self {
            name,
            words: words(name),
            kind,
            rows: view.len().min(ROWS),
            distinct,
            longest,
        })
    }

    /// Whether a column with a label's name may be one: text that hardly repeats is rather read.
    fn can_be_label(&self) -> bool {
        self.kind != Kind::Words || self.longest <= LONGEST_CLASS || 2 * self.distinct <= self.rows
    }

    fn is_of_classes(&self) -> bool {
        let is_id = self
            .words
            .last()
            .is_some_and(|word| IDS.contains(&word.as_str()));
        !is_id
            && !is_text_name(&self.words.join("_"))
            && self.kind != Kind::Fractions
            && self.longest <= LONGEST_CLASS
            && (2..=MOST_CLASSES).contains(&self.distinct)
            && self.distinct * ROWS_PER_CLASS <= self.rows
    }
}

/// What a column of such a feature holds, where that can be a label.
fn kind(feature: &Feature) -> Option<Kind> {
    match feature {
        Feature::ClassLabel(_) | Feature::Value(Dtype::String | Dtype::Bool) => Some(Kind::Words),
        Feature::Value(dtype) if dtype.is_integer() => Some(Kind::Numbers),
        Feature::Value(dtype) if dtype.is_float() => Some(Kind::Fractions),
        _ => None,
    }
}

/// How many different values a column has, up to [`MOST_CLASSES`] + 1, and how long the longest is.
fn measure(view: &ColumnView<'_>) -> (usize, usize) {
    let mut values = BTreeSet::new();
    let mut longest = 0;
    for value in view.iter().take(ROWS).filter(|value| !value.is_null()) {
        let text = value.as_str();
        longest = longest.max(text.map_or(0, |text| text.chars().count()));
        if values.len() <= MOST_CLASSES {
            let text = text.map_or_else(|| value.to_string(), |text| text.trim().to_owned());
            values.insert(text);
        }
    }
    (values.len(), longest)
}

/// The words of a column's name, in lower case: `ticketCategory` has two, as `ticket_category` has.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        let starts = c.is_uppercase() && was_lower;
        if (starts || !c.is_alphanumeric()) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use tunesmith::data::Format;

    fn found(csv: &str) -> Option<String> {
        let rows = Dataset::from_bytes("rows.csv", Format::Csv, csv.as_bytes().to_vec()).unwrap();
        label_column(&rows, &[]).map(str::to_owned)
    }

    /// Rows of a header and of what each row holds by its number.
    fn rows(header: &str, row: impl Fn(usize) -> String) -> String {
        let rows: Vec<String> = (0..40).map(row).collect();
        format!("{header}\n{}\n", rows.join("\n"))
    }

    #[test]
    fn a_name_that_labels_have_is_enough() {
        for name in [
            "label",
            "category",
            "topic",
            "class",
            "target",
            "stars",
            "score",
            "sentiment",
            "intent",
            "Category",
            "ticket_category",
            "Issue Type",
            "starRating",
        ] {
            let csv = format!("id,text,{name}\n1,a long day,x\n2,a short one,y\n");
            assert_eq!(found(&csv).as_deref(), Some(name));
        }
        // The likelier name of two.
        let both = "text,score,label\na,1,x\nb,2,y\n";
        assert_eq!(found(both).as_deref(), Some("label"));
        assert_eq!(
            found("text,stars\na,1.5\nb,2.5\n").as_deref(),
            Some("stars")
        );
    }

    #[test]
    fn few_different_short_words_are_labels() {
        let csv = rows("text,kind_of_thing", |row| {
            format!("the text of row {row},{}", ["a", "b"][row % 2])
        });
        assert_eq!(found(&csv).as_deref(), Some("kind_of_thing"));
        let csv = rows("text,points", |row| {
            format!("the text of row {row},{}", row % 5)
        });
        assert_eq!(found(&csv).as_deref(), Some("points"));
    }

    #[test]
    fn a_number_of_the_row_and_a_second_text_are_no_labels() {
        let csv = rows("id,text,note", |row| {
            format!("{row},the text of row {row},a note about row {row}")
        });
        assert_eq!(found(&csv), None);
        let csv = rows("customer_id,text", |row| {
            format!("{},the text of {row}", row % 3)
        });
        assert_eq!(found(&csv), None);
        let csv = rows("text,late,dirty", |row| {
            format!("the text of row {row},{},0", row % 2)
        });
        assert_eq!(found(&csv.replace(",0\n", ",1\n")), Some("late".to_owned()));
        let csv = rows("text,late,dirty", |row| {
            format!("the text of row {row},{},{}", row % 2, row % 3 % 2)
        });
        assert_eq!(found(&csv), None, "each may be a label");
        let csv = rows("text", |row| ["yes", "no"][row % 2].to_owned());
        assert_eq!(found(&csv), None, "there is no other text");
        // What a sentence is to become is a text, whatever its column is called.
        let csv = rows("source,target", |row| {
            format!("the text of row {row},what it is to become once it is translated, {row}")
                .replace(", ", "; ")
        });
        assert_eq!(found(&csv), None);
    }
}
