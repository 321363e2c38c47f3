//! From rows and logits to what came of each row.

use std::ops::Range;

use tunesmith::data::{ColumnView, Dataset, PlacedTokens, TagEncoder, TokenizeOptions, Tokenizer};
use tunesmith::train::{PredictionOutput, argmax, softmax};
use tunesmith_protocol::{Pair, Prediction};

use super::tally::{Outcome, Tally};
use crate::columns::TextColumns;
use crate::labels::Labels;
use crate::marked::{Marked, listed};
use crate::predict::{Tokens, prediction};
use crate::{Predictor, SessionError};

/// What reads the rows of a split.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) labels: &'a Labels,
    pub(crate) text: &'a TextColumns,
    pub(crate) tokenizer: &'a Tokenizer,
    pub(crate) options: &'a TokenizeOptions,
}

/// A split whose labels are known.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// With their labels as numbers.
    pub(crate) rows: &'a Dataset,
    pub(crate) split: &'a str,
    pub(crate) reader: &'a Reader<'a>,
}

/// A row of tagged tokens: its text, its tokens, and their labels.
type Tagged = (String, PlacedTokens, Vec<i32>);

impl Rows<'_> {
    /// Asks a model about some rows, and counts what it says.
    pub(super) async fn ask(
        &self,
        range: Range<usize>,
        predictor: &Predictor,
        tally: &mut Tally<'_>,
    ) -> Result<(), SessionError> {
        if let Labels::Tags(encoder) = self.reader.labels {
            let tagged = self.tagged(range.clone(), encoder)?;
            let tokens = tagged.iter();
            let tokens: Vec<Tokens> = tokens
                .map(|(_, placed, _)| Tokens::new(&placed.input_ids, &placed.token_type_ids))
                .collect();
            let logits = predictor.logits(&tokens).await?;
            for (row, (tagged, logits)) in range.zip(tagged.iter().zip(&logits)) {
                tags(row, tagged, logits, tally)?;
            }
            return Ok(());
        }
        let pairs = self.pairs(range.clone())?;
        let predictions = predictor.predict(&pairs).await?;
        self.values(range, pairs, &predictions, tally)
    }

    /// Counts what an evaluation gave of all rows.
    pub(super) fn take(
        &self,
        found: &PredictionOutput,
        thresholds: &[f64],
        tally: &mut Tally<'_>,
    ) -> Result<(), SessionError> {
        let all = 0..self.rows.num_rows();
        let width = found.num_labels.max(1);
        if let Labels::Tags(encoder) = self.reader.labels {
            let mut rest = found.logits.as_slice();
            for row in all {
                let tagged = self.tagged(row..row + 1, encoder)?;
                for tagged in &tagged {
                    let (logits, after) = rest.split_at(rest.len().min(tagged.1.len() * width));
                    rest = after;
                    tags(row, tagged, logits, tally)?;
                }
            }
            return Ok(());
        }
        let (task, names) = (self.reader.labels.task(), self.reader.labels.names());
        let predictions = found.logits.chunks(width);
        let predictions: Vec<Prediction> = predictions
            .map(|logits| prediction(task, names, thresholds, logits))
            .collect();
        self.values(all.clone(), self.pairs(all)?, &predictions, tally)
    }

    fn pairs(&self, range: Range<usize>) -> Result<Vec<Pair>, SessionError> {
        let first = self.rows.column(&self.reader.text.first)?;
        let second = self.reader.text.second.as_deref();
        let second = second.map(|name| self.rows.column(name)).transpose()?;
        let pair = |row: usize| Pair {
            text: cell(&first, row),
            text_pair: second.as_ref().map(|column| cell(column, row)),
        };
        Ok(range.map(pair).collect())
    }

    /// Rows with a class, a number, or 0 and 1 for each label.
    fn values(
        &self,
        range: Range<usize>,
        pairs: Vec<Pair>,
        predictions: &[Prediction],
        tally: &mut Tally<'_>,
    ) -> Result<(), SessionError> {
        let column = match self.reader.labels {
            Labels::One { column, .. } => column,
            Labels::Several(encoder) => encoder.columns().encoded(),
            Labels::Tags(_) => return Ok(()),
        };
        let truth = self.rows.column(column)?;
        for (row, (pair, prediction)) in range.zip(pairs.into_iter().zip(predictions)) {
            let outcome = tally.compare(&truth, row, prediction)?;
            tally.add(row, pair, outcome);
        }
        Ok(())
    }

    fn tagged(
        &self,
        range: Range<usize>,
        encoder: &TagEncoder,
    ) -> Result<Vec<Tagged>, SessionError> {
        let read = range.map(|row| {
            let found =
                encoder.tokenize_text(self.rows, row, self.reader.tokenizer, self.reader.options);
            let (text, placed, labels) = found.map_err(SessionError::split(self.split))?;
            Ok((text, placed, labels.unwrap_or_default()))
        });
        read.collect()
    }
}

/// A row of tagged tokens and their logits: `[tokens, labels]`.
fn tags(
    row: usize,
    (text, placed, labels): &Tagged,
    logits: &[f32],
    tally: &mut Tally<'_>,
) -> Result<(), SessionError> {
    let width = tally.names().len().max(1);
    let mut marked = Marked::new(text, placed, labels);
    let (mut wanted, mut predicted, mut loss) = (Vec::new(), Vec::new(), 0.0);
    let mut probabilities = Vec::new();
    for (class, logits) in marked.labelled(labels, logits, width) {
        let scores = softmax(logits);
        let said = argmax(logits);
        loss -= scores[class].max(f64::MIN_POSITIVE).ln();
        tally.add_tag(scores[said], said == class);
        wanted.push(class as i64);
        predicted.push(said as i64);
        probabilities.extend(scores);
    }
    tally.metric.add_sentence(&predicted, &wanted)?;
    if tally.metric.needs_probabilities() {
        tally.metric.add_probabilities(&probabilities, &wanted)?;
    }
    marked.keep_differences(tally.names(), &wanted, &predicted);
    let outcome = Outcome {
        label: listed(&marked.entities(tally.names(), &wanted)?),
        predicted: listed(&marked.entities(tally.names(), &predicted)?),
        is_right: wanted == predicted,
        score: f64::NAN,
        confidence: f64::NAN,
        loss: loss / wanted.len().max(1) as f64,
    };
    let pair = Pair {
        text: text.clone(),
        text_pair: None,
    };
    tally.add(row, pair, outcome);
    Ok(())
}

fn cell(column: &ColumnView<'_>, row: usize) -> String {
    let value = column.get(row);
    value
        .and_then(|value| column.feature().text(value))
        .unwrap_or_default()
}
