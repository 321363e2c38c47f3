//! Digests of what a stage made: two machines, or two languages, hold the same data where these
//! agree. The layouts are part of the interface, so that anyone can compute them.

use sha2::{Digest, Sha256};

use crate::value::python_json;
use crate::{DataError, Dataset, TokenizedDataset, Value};

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
            hasher.update((ids.len() as u32).to_le_bytes());
            for id in ids {
                hasher.update(id.to_le_bytes());
            }
        }
        hex(&hasher.finalize())
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
