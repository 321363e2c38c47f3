//! Digests of what a stage made: two machines, or two languages, hold the same data where these
//! agree. The layouts are part of the interface, so that anyone can compute them.

use sha2::{Digest, Sha256};

use crate::value::python_json;
use crate::{Batch, DataError, Dataset, Labels, TokenizedDataset, Value};

impl Dataset {
    /// SHA-256, in hexadecimal, of all rows in order.
    ///
    /// A row is the JSON array of its values in the order of the columns, as Python writes it with
    /// `json.dumps(list(row.values()), ensure_ascii=False)`, and a newline, in UTF-8. Column names
    /// and types are not part of it.
    pub fn digest(&self) -> Result<String, DataError> {
        let mut hasher = Sha256::new();
        for row in self.rows() {
            let values: Vec<Value<'_>> = row.iter().map(|(_, value)| value).collect();
            let line = python_json(&values)
                .map_err(|error| DataError::Argument(format!("a row has no JSON form: {error}")))?;
            hasher.update(line);
            hasher.update(b"\n");
        }
        Ok(hex(&hasher.finalize()))
    }
}

impl TokenizedDataset {
    /// SHA-256, in hexadecimal, of the token ids of all examples in order.
    ///
    /// An example is its number of tokens as a little-endian `u32`, then its `input_ids`, each a
    /// little-endian `u32`. Type ids and labels are not part of it.
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for i in 0..self.len() {
            let ids = self.example(i).input_ids;
            words(&mut hasher, [ids.len() as u32]);
            words(&mut hasher, ids.iter().map(|id| *id as u32));
        }
        hex(&hasher.finalize())
    }
}

/// Digests batches as a model is given them, one after another.
#[derive(Clone, Debug, Default)]
pub struct BatchDigest(Sha256);

impl BatchDigest {
    /// Adds a batch: its rows and its length, then `input_ids`, `token_type_ids` where it has them,
    /// `attention_mask` and the labels, row by row, each number a little-endian `u32`, the labels of tokens
    /// `i32`, those of a regression and of several labels a row `f32`.
    pub fn add(&mut self, batch: &Batch) {
        let mut add = |numbers: &[u32]| words(&mut self.0, numbers.iter().copied());
        add(&[batch.batch as u32, batch.seq as u32]);
        add(&batch.input_ids);
        add(batch.token_type_ids.as_deref().unwrap_or_default());
        add(&batch.attention_mask());
        match &batch.labels {
            Labels::None => {}
            Labels::Class(classes) => add(classes),
            Labels::Regression(values) | Labels::MultiHot(values) => {
                words(&mut self.0, values.iter().map(|x| x.to_bits()));
            }
            Labels::Tokens(classes) => words(&mut self.0, classes.iter().map(|x| *x as u32)),
        }
    }

    /// SHA-256, in hexadecimal, of what was added.
    #[must_use]
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// Each as a little-endian `u32`.
fn words(hasher: &mut Sha256, words: impl IntoIterator<Item = u32>) {
    for word in words {
        hasher.update(word.to_le_bytes());
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PaddingSide;

    fn batch() -> Batch {
        Batch {
            batch: 2,
            seq: 3,
            input_ids: vec![101, 7, 102, 101, 102, 0],
            token_type_ids: Some(vec![0, 0, 1, 0, 1, 0]),
            lengths: vec![3, 2],
            padding_side: PaddingSide::Right,
            labels: Labels::Class(vec![1, 0]),
        }
    }

    fn digest(batches: &[Batch]) -> String {
        let mut digest = BatchDigest::default();
        for batch in batches {
            digest.add(batch);
        }
        digest.finish()
    }

    #[test]
    fn python_computes_the_same_of_a_batch() {
        // hashlib.sha256(struct.pack("<22I", 2, 3, 101, 7, 102, 101, 102, 0, 0, 0, 1, 0, 1, 0,
        //                            1, 1, 1, 1, 1, 0, 1, 0)).hexdigest()
        assert_eq!(
            digest(&[batch()]),
            "0905f088b55001194da2114bfff87190ac07671520a0f392915ba1fab0561207"
        );
    }

    #[test]
    fn everything_a_model_is_given_tells() {
        let changes: [fn(&mut Batch); 8] = [
            |batch| batch.input_ids[1] = 8,
            |batch| batch.token_type_ids = None,
            |batch| batch.lengths[1] = 3,
            |batch| batch.padding_side = PaddingSide::Left,
            |batch| batch.labels = Labels::Class(vec![1, 1]),
            |batch| batch.labels = Labels::Regression(vec![1.0, 0.0]),
            |batch| batch.labels = Labels::MultiHot(vec![1.0, 0.0, 0.0, 1.0]),
            |batch| batch.labels = Labels::Tokens(vec![-100, 1, -100, -100, -100, -100]),
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut other = batch();
            change(&mut other);
            assert_ne!(digest(&[batch()]), digest(&[other]), "change {number}");
        }
        assert_ne!(digest(&[batch()]), digest(&[batch(), batch()]));
    }
}
