//! A look at data before a training, for what makes its results worse than they seem or than they could be.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, RandomState};

use crate::column::ColumnView;
use crate::{DataError, Dataset, DatasetDict, Dtype, Feature, TokenizeOptions, Tokenizer};

/// Rows of a class below which it is too small to be learned or measured.
const FEW_ROWS: usize = 10;

/// Small classes, and rows, that a message names.
const NAMED: usize = 5;

/// The share of unknown tokens from which on a tokenizer doesn't know the texts' script.
const UNKNOWN_SHARE: f64 = 0.02;

/// What is looked at.
#[derive(Debug, Clone)]
pub struct CheckColumns {
    /// The columns of text: one, or a pair.
    pub texts: Vec<String>,
    /// The label's column, where there is one.
    pub label: Option<String>,
}

/// Something that should be known of the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was found.
    pub kind: FindingKind,
    /// The split that it is about.
    pub split: String,
    /// Rows, or for small classes classes, that it is about.
    pub count: usize,
    /// The finding in a sentence, with rows counted from 0, and what to do.
    pub message: String,
}

/// The kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FindingKind {
    /// Rows without text.
    Empty,
    /// Rows that repeat an earlier one of their split, with its label.
    Duplicate,
    /// Rows that repeat an earlier one's text with another label.
    Conflict,
    /// Rows for measuring that are also trained on.
    Leak,
    /// Classes with very few rows to train on.
    SmallClass,
    /// Texts that the tokenizer has no pieces for.
    Unknown,
    /// Texts that are longer than what the model reads.
    Cut,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Looks at all splits, for texts and labels. Words with tags are not looked at.
///
/// # Errors
/// A column that isn't there.
pub fn check(splits: &DatasetDict, columns: &CheckColumns) -> Result<Vec<Finding>, DataError> {
    let mut findings = Vec::new();
    let splits: Vec<Split<'_>> = splits
        .iter()
        .map(|(name, rows)| Split::new(name, rows, columns))
        .collect::<Result<_, _>>()?;
    if !splits.iter().all(Split::has_texts) {
        return Ok(findings);
    }
    let hasher = RandomState::new();
    let texts: Vec<Texts> = splits.iter().map(|split| split.distinct(&hasher)).collect();
    let mut read = splits.iter().zip(&texts);
    let trained = read.find(|(split, _)| split.name == "train");
    for (split, texts) in splits.iter().zip(&texts) {
        findings.extend(split.empty());
        findings.extend(split.repeated(&texts.repeats));
        if let Some((train, texts)) = trained.filter(|(train, _)| train.name != split.name) {
            findings.extend(split.leaked(train, &texts.firsts, &hasher));
        }
    }
    let learned = trained.map(|(train, _)| train).or(splits.first());
    findings.extend(learned.and_then(Split::small_classes));
    Ok(findings)
}

/// Tokenizes all rows, and looks for texts that the tokenizer doesn't know and for those that are longer
/// than `options` allow.
///
/// # Errors
/// A column that isn't there, or a text that can't be tokenized.
pub fn check_tokens(
    splits: &DatasetDict,
    columns: &CheckColumns,
    tokenizer: &Tokenizer,
    options: &TokenizeOptions,
) -> Result<Vec<Finding>, DataError> {
    let mut findings = Vec::new();
    let whole = TokenizeOptions {
        max_length: None,
        ..options.clone()
    };
    for (name, rows) in splits.iter() {
        let split = Split::new(name, rows, columns)?;
        if !split.has_texts() {
            continue;
        }
        let (mut cut, mut longest, mut tokens, mut unknown) = (0, 0, 0, 0);
        for row in 0..split.rows {
            let texts = split.texts(row);
            let first = texts.first().copied().flatten().unwrap_or_default();
            let encoding = tokenizer.encode(first, texts.get(1).copied().flatten(), &whole)?;
            let ids = &encoding.input_ids;
            longest = longest.max(ids.len());
            cut += usize::from(options.max_length.is_some_and(|most| ids.len() > most));
            tokens += ids.len();
            let unk = tokenizer.unk_token_id();
            unknown += ids.iter().filter(|id| Some(**id) == unk).count();
        }
        if let Some(most) = options.max_length.filter(|_| cut > 0) {
            findings.push(split.finding(
                FindingKind::Cut,
                cut,
                format!(
                    "{} {} cut to {most} tokens (the longest has {longest}): what comes after isn't read",
                    count(cut, "row"),
                    are(cut)
                ),
            ));
        }
        let share = unknown as f64 / tokens.max(1) as f64;
        if share >= UNKNOWN_SHARE {
            findings.push(split.finding(
                FindingKind::Unknown,
                unknown,
                format!(
                    "{:.0}% of the tokens are unknown to this tokenizer: take a model for the texts' language, such as a multilingual one",
                    100.0 * share
                ),
            ));
        }
    }
    Ok(findings)
}

/// A split's columns.
struct Split<'a> {
    name: &'a str,
    rows: usize,
    texts: Vec<ColumnView<'a>>,
    label: Option<ColumnView<'a>>,
}

/// The different texts of a split.
struct Texts {
    firsts: FirstRows,
    /// Each row that repeats a text, with the first that has it.
    repeats: Vec<(usize, usize)>,
}

/// The first row of each text, by the text's hash; rows of one hash and another text follow.
type FirstRows = HashMap<u64, Vec<usize>>;

impl<'a> Split<'a> {
    fn new(name: &'a str, rows: &'a Dataset, columns: &CheckColumns) -> Result<Self, DataError> {
        let texts = columns.texts.iter().map(|name| rows.column(name));
        let has_label = |label: &&String| rows.features().get(label).is_some();
        Ok(Self {
            name,
            rows: rows.num_rows(),
            texts: texts.collect::<Result<_, _>>()?,
            // A split to be predicted has none.
            label: columns
                .label
                .as_ref()
                .filter(has_label)
                .map(|label| rows.column(label))
                .transpose()?,
        })
    }

    fn has_texts(&self) -> bool {
        let mut columns = self.texts.iter();
        columns.all(|column| *column.feature() == Feature::Value(Dtype::String))
    }

    /// A row's texts without the space around them.
    fn texts(&self, row: usize) -> Vec<Option<&'a str>> {
        let texts = self.texts.iter();
        texts
            .map(|column| Some(column.get(row)?.as_str()?.trim()))
            .collect()
    }

    fn is_empty(&self, row: usize) -> bool {
        let mut texts = self.texts(row).into_iter();
        texts.all(|text| text.is_none_or(str::is_empty))
    }

    fn label(&self, row: usize) -> Option<String> {
        let column = self.label.as_ref()?;
        column.feature().text(column.get(row)?)
    }

    fn finding(&self, kind: FindingKind, count: usize, message: String) -> Finding {
        Finding {
            kind,
            split: self.name.to_owned(),
            count,
            message: format!("{}: {message}", self.name),
        }
    }

    fn distinct(&self, hasher: &RandomState) -> Texts {
        let (mut firsts, mut repeats) = (FirstRows::new(), Vec::new());
        for row in (0..self.rows).filter(|row| !self.is_empty(*row)) {
            let texts = self.texts(row);
            let rows = firsts.entry(hasher.hash_one(&texts)).or_default();
            let mut earlier = rows.iter().copied();
            match earlier.find(|first| self.texts(*first) == texts) {
                Some(first) => repeats.push((row, first)),
                None => rows.push(row),
            }
        }
        Texts { firsts, repeats }
    }

    fn empty(&self) -> Option<Finding> {
        let rows: Vec<usize> = (0..self.rows).filter(|row| self.is_empty(*row)).collect();
        (!rows.is_empty()).then(|| {
            let message = format!(
                "{} {} no text ({}): fill it in, or leave such rows out",
                count(rows.len(), "row"),
                if rows.len() == 1 { "has" } else { "have" },
                list(&rows)
            );
            self.finding(FindingKind::Empty, rows.len(), message)
        })
    }

    fn repeated(&self, repeats: &[(usize, usize)]) -> Vec<Finding> {
        let (same, other): (Vec<_>, Vec<_>) = repeats
            .iter()
            .partition(|(row, first)| self.label(*row) == self.label(*first));
        let mut findings = Vec::new();
        if let Some((row, first)) = same.first() {
            let message = format!(
                "{} {} an earlier one (row {row} is row {first} again): they count that much more",
                count(same.len(), "row"),
                if same.len() == 1 { "repeats" } else { "repeat" },
            );
            findings.push(self.finding(FindingKind::Duplicate, same.len(), message));
        }
        if let Some((row, first)) = other.first() {
            let label = |row: usize| self.label(row).unwrap_or_else(|| "none".to_owned());
            let message = format!(
                "{} {} the text of an earlier one with another label (row {row} says {}, row {first} {}): no model can be right about both",
                count(other.len(), "row"),
                if other.len() == 1 { "has" } else { "have" },
                label(*row),
                label(*first),
            );
            findings.push(self.finding(FindingKind::Conflict, other.len(), message));
        }
        findings
    }

    /// Rows whose text is among those that are trained on.
    fn leaked(
        &self,
        train: &Split<'_>,
        firsts: &FirstRows,
        hasher: &RandomState,
    ) -> Option<Finding> {
        let in_train = |row: &usize| {
            let texts = self.texts(*row);
            let rows = firsts.get(&hasher.hash_one(&texts))?;
            rows.iter()
                .copied()
                .find(|first| train.texts(*first) == texts)
        };
        let rows = (0..self.rows).filter(|row| !self.is_empty(*row));
        let leaked: Vec<(usize, usize)> = rows
            .filter_map(|row| Some((row, in_train(&row)?)))
            .collect();
        let (row, first) = leaked.first()?;
        let message = format!(
            "{} of {} {} also trained on (row {row} is row {first} of train), so results look better than they are: leave them out of one",
            leaked.len(),
            count(self.rows, "row"),
            are(leaked.len()),
        );
        Some(self.finding(FindingKind::Leak, leaked.len(), message))
    }

    /// Classes with few rows; fractions, and a column of mostly different values, are no classes.
    fn small_classes(&self) -> Option<Finding> {
        let label = self.label.as_ref()?;
        if matches!(label.feature(), Feature::Value(dtype) if dtype.is_float()) {
            return None;
        }
        let mut counts = BTreeMap::<String, usize>::new();
        for label in (0..self.rows).filter_map(|row| self.label(row)) {
            *counts.entry(label).or_default() += 1;
        }
        if counts.len() > self.rows / 2 {
            return None;
        }
        let mut small: Vec<(&String, &usize)> = counts
            .iter()
            .filter(|(_, rows)| **rows < FEW_ROWS)
            .collect();
        small.sort_by_key(|(_, rows)| **rows);
        let named: Vec<String> = small
            .iter()
            .take(NAMED)
            .map(|(label, rows)| format!("{label}: {rows}"))
            .collect();
        (!small.is_empty()).then(|| {
            let classes = if small.len() == 1 { "class has" } else { "classes have" };
            let more = small.len() - named.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let message = format!(
                "{} {classes} fewer than {FEW_ROWS} rows ({}{more}): add rows, or put classes together",
                small.len(),
                named.join(", ")
            );
            self.finding(FindingKind::SmallClass, small.len(), message)
        })
    }
}

fn count(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// `row 3`, or `rows 3, 7 and 12 more`.
fn list(rows: &[usize]) -> String {
    let named: Vec<String> = rows.iter().take(NAMED).map(usize::to_string).collect();
    let more = rows.len() - named.len();
    let rows = if rows.len() == 1 { "row" } else { "rows" };
    match more {
        0 => format!("{rows} {}", named.join(", ")),
        _ => format!("{rows} {} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::Format;

    fn splits(parts: &[(&str, &str)]) -> DatasetDict {
        let mut splits = DatasetDict::new();
        for (name, csv) in parts {
            let csv = format!("text,label\n{csv}");
            let rows = Dataset::from_bytes("rows.csv", Format::Csv, csv.into_bytes()).unwrap();
            splits.insert(*name, rows);
        }
        splits
    }

    fn columns() -> CheckColumns {
        CheckColumns {
            texts: vec!["text".to_owned()],
            label: Some("label".to_owned()),
        }
    }

    fn kinds(findings: &[Finding]) -> Vec<(FindingKind, usize)> {
        findings.iter().map(|one| (one.kind, one.count)).collect()
    }

    /// So many rows of a class, each with a text of its own.
    fn many(label: &str, rows: usize) -> String {
        (0..rows)
            .map(|i| format!("{label} {i},{label}\n"))
            .collect()
    }

    #[test]
    fn data_without_faults_has_no_findings() {
        let train = many("yes", 12) + &many("no", 12);
        let splits = splits(&[("train", &train), ("validation", "new,yes\nother,no\n")]);
        assert_eq!(check(&splits, &columns()).unwrap(), []);
    }

    #[test]
    fn every_fault_is_told_with_its_rows() {
        let train = many("yes", 12)
            + &many("no", 12)
            + "yes 0,yes\n yes 0 ,no\n,no\n\"  \",yes\nmaybe 0,maybe\n";
        let validation = "no 3,no\nno 3,no\nnew,yes\n";
        let splits = splits(&[("train", &train), ("validation", validation)]);
        let findings = check(&splits, &columns()).unwrap();
        assert_eq!(
            kinds(&findings),
            [
                (FindingKind::Empty, 2),
                (FindingKind::Duplicate, 1),
                (FindingKind::Conflict, 1),
                (FindingKind::Duplicate, 1),
                (FindingKind::Leak, 2),
                (FindingKind::SmallClass, 1),
            ]
        );
        let messages: Vec<String> = findings.iter().map(Finding::to_string).collect();
        for (message, part) in messages.iter().zip([
            "train: 2 rows have no text (rows 26, 27)",
            "row 24 is row 0 again",
            "row 25 says no, row 0 yes",
            "validation: 1 row repeats an earlier one (row 1 is row 0 again)",
            "2 of 3 rows are also trained on (row 0 is row 15 of train)",
            "1 class has fewer than 10 rows (maybe: 1)",
        ]) {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
    }

    #[test]
    fn numbers_to_be_predicted_are_no_small_classes() {
        for distinct in [40, 8] {
            let rows: String = (0..40)
                .map(|i| format!("text {i},{}\n", f64::from(i % distinct) / 7.0))
                .collect();
            let splits = splits(&[("train", &rows)]);
            assert_eq!(check(&splits, &columns()).unwrap(), []);
        }
    }

    #[test]
    fn words_with_tags_are_not_looked_at() {
        let rows = br#"{"text": ["a", "b"], "label": [0, 1]}"#.to_vec();
        let rows = Dataset::from_bytes("rows.jsonl", Format::JsonLines, rows).unwrap();
        let mut splits = DatasetDict::new();
        splits.insert("train", rows);
        assert_eq!(check(&splits, &columns()).unwrap(), []);
    }

    #[test]
    fn a_split_without_labels_is_looked_at_too() {
        let mut both = splits(&[("train", &(many("yes", 12) + &many("no", 12)))]);
        let test = Dataset::from_bytes("t.csv", Format::Csv, b"text\nyes 1\nnew\n".to_vec());
        both.insert("test", test.unwrap());
        assert_eq!(
            kinds(&check(&both, &columns()).unwrap()),
            [(FindingKind::Leak, 1)]
        );
    }
}
