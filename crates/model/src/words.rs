//! A model with a part of its vocabulary on the device: the rows of the word table that a run reads.

use std::collections::BTreeSet;
use std::ops::Range;

use burn::tensor::Device;
use tunesmith_architecture::Table;
use tunesmith_kernels::{BlockLayout, Blocks, Slot, Update, View};

/// Rows read or written at a time.
const PIECE: usize = 4096;

/// Which words a model has on its device. The others stay in the checkpoint that it was loaded from, and are
/// in the one that it is saved as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Words {
    /// All of its vocabulary.
    #[default]
    All,
    /// Those that a run's rows have.
    Of {
        /// Ids of the rows that are trained on: only these words have gradients and moments.
        trained: BTreeSet<u32>,
        /// Ids of rows that are evaluated.
        evaluated: BTreeSet<u32>,
    },
}

impl Words {
    /// How many rows a table of so many `entries` has on the device: those that are trained, and the others.
    #[must_use]
    pub fn rows(&self, entries: usize) -> [usize; 2] {
        match PartialTable::new(self, entries, 0) {
            Some(table) => [table.trained, table.ids.len() - table.trained],
            None => [entries, 0],
        }
    }
}

/// The rows of a word table that are on the device.
#[derive(Debug)]
pub(crate) struct PartialTable {
    /// Entries of the whole table.
    entries: usize,
    width: usize,
    /// The id of each row, those that are trained first.
    ids: Vec<u32>,
    trained: usize,
    /// Each id's row, or [`ABSENT`].
    rows: Vec<u32>,
    /// The rows that aren't trained.
    others: Option<Blocks>,
    /// What weight decay has made of every weight that isn't trained.
    decay: f64,
}

const ABSENT: u32 = u32::MAX;

impl PartialTable {
    /// Of a table of so many `entries`; none for all words.
    pub(crate) fn new(words: &Words, entries: usize, width: usize) -> Option<Self> {
        let Words::Of { trained, evaluated } = words else {
            return None;
        };
        let known = |id: &&u32| (**id as usize) < entries;
        let mut ids: Vec<u32> = trained.iter().filter(known).copied().collect();
        let others = evaluated.difference(trained).filter(known).copied();
        let mut count = ids.len();
        ids.extend(others);
        if count == 0 {
            // Nothing is trained: the rows lie where those lie that are.
            count = ids.len();
        }
        if ids.len() >= entries || ids.is_empty() {
            return None;
        }
        let mut rows = vec![ABSENT; entries];
        for (row, id) in ids.iter().enumerate() {
            rows[*id as usize] = row as u32;
        }
        Some(Self {
            entries,
            width,
            trained: count,
            ids,
            rows,
            others: None,
            decay: 1.0,
        })
    }

    /// The same of the table that a model declares, with that.
    pub(crate) fn of<'a>(words: &Words, table: &'a Table) -> Option<(&'a Table, Self)> {
        Some((table, Self::new(words, table.rows, table.width)?))
    }

    /// The ids that are trained, in the order of their rows.
    pub(crate) fn trained(&self) -> &[u32] {
        &self.ids[..self.trained]
    }

    /// What this is the table of.
    pub(crate) fn words(&self) -> Words {
        let (trained, evaluated) = self.ids.split_at(self.trained);
        Words::Of {
            trained: trained.iter().copied().collect(),
            evaluated: evaluated.iter().copied().collect(),
        }
    }

    /// The row of a word that is on the device.
    pub(crate) fn row(&self, id: u32) -> Option<u32> {
        let row = self.rows.get(id as usize).copied();
        row.filter(|row| *row != ABSENT)
    }

    /// The rows of words, all of which are on the device, and whether some of them aren't trained.
    pub(crate) fn translate(&self, ids: &[u32]) -> (Vec<u32>, bool) {
        let rows: Vec<u32> = ids.iter().filter_map(|id| self.row(*id)).collect();
        let beyond = rows.iter().any(|row| *row as usize >= self.trained);
        (rows, beyond)
    }

    /// The rows that aren't trained, where there are any.
    pub(crate) fn others(&self) -> Option<View> {
        let others = self.others.as_ref()?;
        Some(others.view(self.others_slot()))
    }

    /// Their blocks.
    pub(crate) fn others_mut(&mut self) -> Option<&mut Blocks> {
        self.others.as_mut()
    }

    fn others_slot(&self) -> Slot {
        Slot {
            count: (self.ids.len() - self.trained) * self.width,
            ..Slot::default()
        }
    }

    /// The values of the rows on the device from those of a whole table, which `read` gives by ranges of its
    /// elements, one after the other.
    pub(crate) fn pick<E>(
        &self,
        mut read: impl FnMut(Range<usize>) -> Result<Vec<f32>, E>,
    ) -> Result<Vec<f32>, E> {
        let mut picked = vec![0.0; self.ids.len() * self.width];
        for first in (0..self.entries).step_by(PIECE) {
            let entries = first..self.entries.min(first + PIECE);
            let values = read(entries.start * self.width..entries.end * self.width)?;
            for (id, value) in entries.zip(values.chunks(self.width)) {
                if self.rows[id] != ABSENT {
                    picked[self.rows[id] as usize * self.width..][..self.width]
                        .copy_from_slice(value);
                }
            }
        }
        Ok(picked)
    }

    /// Puts the values of all rows on the device where they belong; gives those that are trained.
    pub(crate) fn set_others<'a>(&mut self, values: &'a [f32], device: &Device) -> &'a [f32] {
        let (trained, others) = values.split_at(self.trained * self.width);
        if !others.is_empty() {
            let slot = self.others_slot();
            let (layout, _) = BlockLayout::new(&[(slot.count, Update::Decayed)], None);
            let mut blocks = Blocks::zeros(&layout, device);
            blocks.write(slot, others, device);
            self.others = Some(blocks);
        }
        trained
    }

    /// The whole table in pieces: `values` are those on the device, and `read` gives what the others were when
    /// the model was loaded.
    pub(crate) fn whole<E>(
        &self,
        values: &[f32],
        mut read: impl FnMut(Range<usize>) -> Result<Vec<f32>, E>,
        mut write: impl FnMut(&[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        for first in (0..self.entries).step_by(PIECE) {
            let entries = first..self.entries.min(first + PIECE);
            let mut piece = read(entries.start * self.width..entries.end * self.width)?;
            for (id, word) in entries.zip(piece.chunks_mut(self.width)) {
                let row = self.rows[id];
                if row != ABSENT {
                    word.copy_from_slice(&values[row as usize * self.width..][..self.width]);
                } else if self.decay != 1.0 {
                    for value in word {
                        *value = (f64::from(*value) * self.decay) as f32;
                    }
                }
            }
            write(&piece)?;
        }
        Ok(())
    }

    /// What weight decay has made of the words without gradients.
    pub(crate) fn decay(&self) -> f64 {
        self.decay
    }

    /// Multiplies all words without gradients by what a step's weight decay leaves of them.
    pub(crate) fn decay_by(&mut self, kept: f64) {
        self.decay *= kept;
        if let Some(others) = &mut self.others {
            others.scale(kept as f32);
        }
    }

    /// Takes over from a checkpoint, whose values are decayed already.
    pub(crate) fn set_decay(&mut self, decay: f64) {
        self.decay = decay;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn words(trained: &[u32], evaluated: &[u32]) -> Words {
        Words::Of {
            trained: trained.iter().copied().collect(),
            evaluated: evaluated.iter().copied().collect(),
        }
    }

    #[test]
    fn trained_words_come_first_and_each_once() {
        let table = PartialTable::new(&words(&[7, 2], &[5, 2, 99]), 10, 4).unwrap();
        assert_eq!(table.trained(), [2, 7]);
        assert_eq!(table.translate(&[7, 2]), (vec![1, 0], false));
        assert_eq!(table.translate(&[5, 7]), (vec![2, 1], true));
        assert_eq!(table.row(3), None);
        assert_eq!(table.row(99), None);
        // Without any to train, those that are read take their place.
        let table = PartialTable::new(&words(&[], &[5, 2]), 10, 4).unwrap();
        assert_eq!(table.trained(), [2, 5]);
        assert!(PartialTable::new(&Words::All, 10, 4).is_none());
        assert!(PartialTable::new(&words(&[0, 1], &[2]), 3, 4).is_none());
    }

    #[test]
    fn a_table_is_put_together_again() {
        let entries = 2 * PIECE + 10;
        let mut table = PartialTable::new(&words(&[9000 - 800, 3], &[4]), entries, 2).unwrap();
        table.decay_by(0.5);
        let all: Vec<f32> = (0..2 * entries).map(|x| x as f32).collect();
        let read = |range: Range<usize>| Ok::<_, ()>(all[range].to_vec());
        let mut picked = table.pick(read).unwrap();
        assert_eq!(picked, [6.0, 7.0, 16400.0, 16401.0, 8.0, 9.0]);
        for value in &mut picked {
            *value = -*value;
        }
        let mut whole = Vec::new();
        let write = |piece: &[f32]| {
            whole.extend_from_slice(piece);
            Ok(())
        };
        table.whole(&picked, read, write).unwrap();
        for (id, (got, was)) in whole.chunks(2).zip(all.chunks(2)).enumerate() {
            let factor = if [3, 4, 8200].contains(&id) {
                -1.0
            } else {
                0.5
            };
            assert_eq!(got, [factor * was[0], factor * was[1]], "{id}");
        }
    }
}
