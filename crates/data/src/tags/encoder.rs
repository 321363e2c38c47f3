//! Classes for tags. They are made once, of the training rows, and every split is asked for the same ones.

use std::collections::{BTreeMap, BTreeSet};

use super::align::{self, IGNORED, Place, Span};
use super::columns::TagColumns;
use crate::labels::{listed, null_label};
use crate::{DataError, Dataset, Feature, List, PlacedTokens, TokenizeOptions, Tokenizer, Value};

/// What a token outside of all entities is called.
const OUTSIDE: &str = "O";

/// The tags that a model is trained on, and how rows get them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagEncoder {
    names: Vec<String>,
    ids: BTreeMap<String, i32>,
    continued: Vec<i32>,
    columns: TagColumns,
    label_all_tokens: bool,
}

impl TagEncoder {
    /// Classes of these names, in the order of their ids.
    #[must_use]
    pub fn named(names: Vec<String>, columns: TagColumns, label_all_tokens: bool) -> Self {
        let ids = names.iter().cloned().zip(0..).collect();
        Self {
            ids,
            continued: align::continuations(&names),
            names,
            columns,
            label_all_tokens,
        }
    }

    /// The tags of the rows that a model is trained on: those of a class label, else the distinct ones,
    /// sorted. Spans become IOB2: `O`, then `B-` and `I-` of each type, sorted.
    ///
    /// # Errors
    /// Where there is no such column, and where its values leave nothing to tell apart.
    pub fn of_rows(
        dataset: &Dataset,
        columns: TagColumns,
        label_all_tokens: bool,
    ) -> Result<Self, DataError> {
        let names = match &columns {
            TagColumns::Words { tags, .. } => names_of(dataset, tags)?,
            TagColumns::Spans { spans, kind, .. } => {
                let kinds = names_of(dataset, &format!("{spans}.{kind}"))?;
                let both = |kind: &String| [format!("B-{kind}"), format!("I-{kind}")];
                let tags = kinds.iter().flat_map(both);
                [OUTSIDE.to_owned()].into_iter().chain(tags).collect()
            }
        };
        if let [] | [_] = names.as_slice() {
            return Err(DataError::OneClass {
                column: columns.label().to_owned(),
                num_rows: dataset.num_rows(),
                label: names.first().map_or("none", String::as_str).to_owned(),
            });
        }
        Ok(Self::named(names, columns, label_all_tokens))
    }

    /// The classes' names in the order of their ids.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The columns that are read.
    #[must_use]
    pub fn columns(&self) -> &TagColumns {
        &self.columns
    }

    /// Whether all tokens of a word are labelled, and not its first alone.
    #[must_use]
    pub fn label_all_tokens(&self) -> bool {
        self.label_all_tokens
    }

    /// Checks the labels of every row of a split to be trained or evaluated on, and counts the words (or
    /// spans) of each class: `[names]`.
    ///
    /// # Errors
    /// The first row whose tags are missing, unknown, or don't fit its words or its text.
    pub fn check(&self, dataset: &Dataset) -> Result<Vec<usize>, DataError> {
        let mut counts = vec![0; self.names.len()];
        for row in 0..dataset.num_rows() {
            for class in self.classes(dataset, row)? {
                let count = usize::try_from(class).ok();
                if let Some(count) = count.and_then(|class| counts.get_mut(class)) {
                    *count += 1;
                }
            }
        }
        Ok(counts)
    }

    /// The tokens of a row, and the class of each where the rows have labels; [`IGNORED`] where a token
    /// counts for nothing.
    ///
    /// # Errors
    /// As [`TagEncoder::check`], and where the tokenizer refuses the text.
    pub fn tokenize(
        &self,
        dataset: &Dataset,
        row: usize,
        tokenizer: &Tokenizer,
        options: &TokenizeOptions,
    ) -> Result<(PlacedTokens, Option<Vec<i32>>), DataError> {
        let is_labelled = self.columns.are_labelled(dataset);
        match &self.columns {
            TagColumns::Words { words, tags } => {
                let words = texts(dataset, words, row)?;
                let tokens = tokenizer.encode_words(&words, options)?;
                if !is_labelled {
                    return Ok((tokens, None));
                }
                let classes = self.classes_of(dataset, tags, row, words.len())?;
                let continued = self.label_all_tokens.then_some(self.continued.as_slice());
                let labels = align::of_words(&tokens, &classes, continued);
                Ok((tokens, Some(labels)))
            }
            TagColumns::Spans { text, .. } => {
                let text = string(dataset, text, row)?;
                let tokens = tokenizer.encode_with_offsets(text, options)?;
                if !is_labelled {
                    return Ok((tokens, None));
                }
                let spans = self.spans_of(dataset, row, text.chars().count())?;
                let places = align::of_spans(&tokens, &spans, self.label_all_tokens);
                let labels = places
                    .into_iter()
                    .map(|place| self.class_of(place))
                    .collect();
                Ok((tokens, Some(labels)))
            }
        }
    }

    /// The same with the text of the row, in which the offsets of the tokens are counted; words are put
    /// together with a space between.
    ///
    /// # Errors
    /// As [`TagEncoder::tokenize`].
    pub fn tokenize_text(
        &self,
        dataset: &Dataset,
        row: usize,
        tokenizer: &Tokenizer,
        options: &TokenizeOptions,
    ) -> Result<(String, PlacedTokens, Option<Vec<i32>>), DataError> {
        let (mut tokens, labels) = self.tokenize(dataset, row, tokenizer, options)?;
        let text = match &self.columns {
            TagColumns::Spans { text, .. } => string(dataset, text, row)?.to_owned(),
            TagColumns::Words { words, .. } => {
                let words = texts(dataset, words, row)?;
                let mut starts = Vec::with_capacity(words.len());
                let mut next = 0;
                for word in &words {
                    starts.push(next);
                    next += word.chars().count() + 1;
                }
                for (offsets, word) in tokens.offsets.iter_mut().zip(&tokens.word_ids) {
                    let start = word.and_then(|word| starts.get(word as usize));
                    let start = start.copied().unwrap_or_default();
                    *offsets = (offsets.0 + start, offsets.1 + start);
                }
                words.join(" ")
            }
        };
        Ok((text, tokens, labels))
    }

    /// The classes of a row as its columns have them: of each word, [`IGNORED`] where it has none, or the
    /// one that each span begins with.
    ///
    /// # Errors
    /// As [`TagEncoder::check`].
    pub fn classes(&self, dataset: &Dataset, row: usize) -> Result<Vec<i32>, DataError> {
        match &self.columns {
            TagColumns::Words { words, tags } => {
                let count = list(dataset, words, row)?.len();
                self.classes_of(dataset, tags, row, count)
            }
            TagColumns::Spans { text, .. } => {
                let length = string(dataset, text, row)?.chars().count();
                let spans = self.spans_of(dataset, row, length)?;
                let classes = spans
                    .into_iter()
                    .filter_map(|span| span.kind.try_into().ok());
                Ok(classes.collect())
            }
        }
    }

    /// A span's kind is the class of its `B-`.
    fn class_of(&self, place: Option<Place>) -> i32 {
        match place {
            None => IGNORED,
            Some(Place::Outside) => self.ids.get(OUTSIDE).copied().unwrap_or(IGNORED),
            Some(Place::Begins(class)) => i32::try_from(class).unwrap_or(IGNORED),
            Some(Place::Inside(class)) => self.continued.get(class).copied().unwrap_or(IGNORED),
        }
    }

    /// The classes of a row's words.
    fn classes_of(
        &self,
        dataset: &Dataset,
        column: &str,
        row: usize,
        words: usize,
    ) -> Result<Vec<i32>, DataError> {
        let feature = dataset.column(column)?.feature();
        let tags = list(dataset, column, row)?;
        if tags.len() != words {
            return Err(DataError::Value {
                row,
                column: column.to_owned(),
                found: format!("{} tags", tags.len()),
                expected: format!("there are {words} words: give each word one tag"),
            });
        }
        let classes = tags.iter().map(|tag| {
            let class = match (tag, feature.item()) {
                (Value::Int(-100), _) => Some(IGNORED),
                (Value::Int(id), Some(Feature::ClassLabel(own))) => {
                    own.int2str(id).and_then(|name| self.id(name))
                }
                (Value::Str(name), _) => self.id(name),
                (Value::Int(id), _) => self.id(&id.to_string()).or_else(|| self.numbered(id)),
                _ => None,
            };
            class.ok_or_else(|| self.unknown(row, column, tag))
        });
        classes.collect()
    }

    fn id(&self, name: &str) -> Option<i32> {
        self.ids.get(name).copied()
    }

    /// The class that a number is, where classes have no numbers for names.
    fn numbered(&self, id: i64) -> Option<i32> {
        let are_numbers = self.names.iter().any(|name| name.parse::<i64>().is_ok());
        let place = usize::try_from(id).ok().filter(|_| !are_numbers)?;
        (place < self.names.len()).then(|| i32::try_from(place).ok())?
    }

    /// The spans of a row in order; `kind` is the class of their `B-`.
    fn spans_of(
        &self,
        dataset: &Dataset,
        row: usize,
        length: usize,
    ) -> Result<Vec<Span>, DataError> {
        let [starts, ends, kinds] = match self.columns.labels().as_slice() {
            [starts, ends, kinds] => [starts.clone(), ends.clone(), kinds.clone()],
            _ => return Ok(Vec::new()),
        };
        let kind_feature = dataset.column(&kinds)?.feature();
        let lists = [
            list(dataset, &starts, row)?,
            list(dataset, &ends, row)?,
            list(dataset, &kinds, row)?,
        ];
        let mut spans = Vec::with_capacity(lists[0].len());
        for ((start, end), kind) in lists[0].iter().zip(lists[1].iter()).zip(lists[2].iter()) {
            let wrong = |found: String, expected: String| DataError::Value {
                row,
                column: self.columns.label().to_owned(),
                found,
                expected,
            };
            let place = |value: Value<'_>| value.as_i64().and_then(|i| usize::try_from(i).ok());
            let (Some(first), Some(last)) = (place(start), place(end)) else {
                return Err(wrong(
                    format!("a span from {start} to {end}"),
                    "start and end must be numbers of characters, counted from 0".to_owned(),
                ));
            };
            if first >= last || last > length {
                return Err(wrong(
                    format!("a span from {first} to {last}"),
                    format!(
                        "the text has {length} characters: a span begins before it ends, and ends after its last character"
                    ),
                ));
            }
            let name = match (kind, kind_feature.item()) {
                (Value::Int(id), Some(Feature::ClassLabel(own))) => {
                    own.int2str(id).map(str::to_owned)
                }
                (Value::Null, _) => None,
                (value, _) => crate::ops::class_name(value),
            };
            let class = name
                .as_deref()
                .and_then(|name| self.id(&format!("B-{name}")));
            let class = class.and_then(|class| usize::try_from(class).ok());
            let Some(kind) = class else {
                return Err(self.unknown(row, self.columns.label(), kind));
            };
            spans.push(Span {
                start: first,
                end: last,
                kind,
            });
        }
        spans.sort_by_key(|span| span.start);
        match spans.windows(2).find(|pair| pair[0].end > pair[1].start) {
            None => Ok(spans),
            Some(pair) => Err(DataError::Value {
                row,
                column: self.columns.label().to_owned(),
                found: format!(
                    "the spans from {} to {} and from {} to {} overlap",
                    pair[0].start, pair[0].end, pair[1].start, pair[1].end
                ),
                expected: "a token has one label: remove one of them".to_owned(),
            }),
        }
    }

    fn unknown(&self, row: usize, column: &str, tag: Value<'_>) -> DataError {
        if tag.is_null() {
            return null_label(row, column);
        }
        DataError::Value {
            row,
            column: column.to_owned(),
            found: tag.to_string(),
            expected: format!(
                "the tags are {}; correct the tag, remove the row, or add such rows to those trained on",
                listed(&self.names)
            ),
        }
    }
}

/// The names of the items of a column of lists.
fn names_of(dataset: &Dataset, column: &str) -> Result<Vec<String>, DataError> {
    let view = dataset.column(column)?;
    if let Some(Feature::ClassLabel(label)) = view.feature().item() {
        return Ok(label.names.clone());
    }
    let items = || {
        view.iter()
            .filter_map(|cell| cell.as_list())
            .flat_map(|list| list.iter())
    };
    let numbers: BTreeSet<i64> = items().filter_map(|item| item.as_i64()).collect();
    if !numbers.is_empty() {
        let known: Vec<i64> = numbers
            .into_iter()
            .filter(|id| *id != i64::from(IGNORED))
            .collect();
        let are_ids = known.iter().zip(0..).all(|(number, id)| *number == id);
        return Ok(match are_ids {
            true => known.iter().map(|id| format!("LABEL_{id}")).collect(),
            false => known.iter().map(i64::to_string).collect(),
        });
    }
    let names: BTreeSet<String> = items().filter_map(crate::ops::class_name).collect();
    Ok(names.into_iter().collect())
}

fn list<'a>(dataset: &'a Dataset, column: &str, row: usize) -> Result<List<'a>, DataError> {
    let view = dataset.column(column)?;
    let value = view.get(row).unwrap_or(Value::Null);
    match value {
        Value::List(list) => Ok(list),
        Value::Null => Err(null_label(row, column)),
        _ => Err(DataError::ColumnType {
            column: column.to_owned(),
            dtype: view.feature().to_string(),
            reason: "a column of lists is needed".to_owned(),
        }),
    }
}

/// The words of a row.
fn texts<'a>(dataset: &'a Dataset, column: &str, row: usize) -> Result<Vec<&'a str>, DataError> {
    let words = list(dataset, column, row)?;
    let words = words.iter().enumerate().map(|(place, word)| {
        word.as_str().ok_or_else(|| DataError::Value {
            row,
            column: column.to_owned(),
            found: format!("word {place} is {word}"),
            expected: "each word must be text".to_owned(),
        })
    });
    words.collect()
}

fn string<'a>(dataset: &'a Dataset, column: &str, row: usize) -> Result<&'a str, DataError> {
    let view = dataset.column(column)?;
    let value = view.get(row).unwrap_or(Value::Null);
    value.as_str().ok_or_else(|| DataError::Value {
        row,
        column: column.to_owned(),
        found: value.to_string(),
        expected: "a text is needed: fill it in, or filter such rows out".to_owned(),
    })
}
