//! A batch without its padding: the tokens of its rows lie one after another.

use burn::tensor::{Device, Int, Tensor};

use crate::buffer::{Buffer, indices, ints};

/// Words of a row in the buffer: its first token, its tokens, its first score, and its unseen tokens.
const ROW: usize = 4;

/// Where the rows of a batch lie in a tensor of one row a token, `[tokens, …]`, and where their scores do.
///
/// A sequence's scores are a matrix `[tokens, stride]` for each head, with `stride` the next multiple of 4 of
/// its tokens. The heads of a sequence follow each other, and so do the sequences.
#[derive(Debug, Clone)]
pub struct Packing {
    /// Rows of the batch.
    pub batch: usize,
    /// Tokens of all rows.
    pub tokens: usize,
    /// Tokens of the longest row.
    pub longest: usize,
    /// Scores of all rows by one head.
    scores: usize,
    words: Tensor<1, Int>,
}

/// One row of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sequence {
    /// Its first token among those of the batch.
    pub(crate) first: usize,
    /// Its tokens.
    pub(crate) length: usize,
    /// How many of its first tokens no token sees.
    pub(crate) unseen: usize,
    /// All rows before it have so many scores by one head.
    scores: usize,
}

/// The scores of one row of a batch by one head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Square {
    pub(crate) sequence: Sequence,
    pub(crate) head: usize,
}

impl Packing {
    /// Of rows with so many tokens, each at least 1.
    pub fn new(lengths: &[u32], device: &Device) -> Self {
        Self::with_padding(lengths, &vec![0; lengths.len()], device)
    }

    /// Of rows with so many tokens, of which so many of the first are padding: they see the others, and none
    /// sees them.
    pub fn with_padding(lengths: &[u32], padding: &[u32], device: &Device) -> Self {
        let (mut tokens, mut scores) = (0, 0);
        let mut words = Vec::with_capacity(ROW * lengths.len());
        for (&length, &padding) in lengths.iter().zip(padding) {
            words.extend([tokens, length, scores, padding]);
            tokens += length;
            scores += length * length.next_multiple_of(4);
        }
        for (row, &length) in lengths.iter().enumerate() {
            words.extend(std::iter::repeat_n(row as u32, length as usize));
        }
        Self {
            batch: lengths.len(),
            tokens: tokens as usize,
            longest: lengths.iter().max().map_or(0, |length| *length as usize),
            scores: scores as usize,
            words: indices(&words, device),
        }
    }

    /// Scores of all rows by so many heads.
    pub(crate) fn scores(&self, heads: usize) -> usize {
        heads * self.scores
    }

    /// What kernels are given: four words a row, then each token's row.
    pub(crate) fn words(&self) -> Buffer {
        ints(&self.words)
    }
}

/// The rows of a batch of so many, from [`Packing::words`].
pub(crate) fn sequences(words: &[i32], batch: usize) -> impl Iterator<Item = Sequence> + '_ {
    (0..batch).map(|number| sequence(words, number))
}

/// The row `number` of a batch.
pub(crate) fn sequence(words: &[i32], number: usize) -> Sequence {
    let row = &words[ROW * number..];
    Sequence {
        first: row[0] as usize,
        length: row[1] as usize,
        scores: row[2] as usize,
        unseen: row[3] as usize,
    }
}

/// The row that a token belongs to.
pub(crate) fn sequence_of(words: &[i32], batch: usize, token: usize) -> (usize, Sequence) {
    let number = words[ROW * batch + token] as usize;
    (number, sequence(words, number))
}

/// The parts of `scores` by row and head.
pub(crate) fn squares<'a>(
    words: &[i32],
    batch: usize,
    heads: usize,
    mut scores: &'a mut [f32],
) -> Vec<(Square, &'a mut [f32])> {
    let mut parts = Vec::with_capacity(batch * heads);
    for sequence in sequences(words, batch) {
        for head in 0..heads {
            let (part, rest) = scores.split_at_mut(sequence.length * sequence.stride());
            parts.push((Square { sequence, head }, part));
            scores = rest;
        }
    }
    parts
}

impl Sequence {
    /// The distance of the rows of its scores.
    pub(crate) fn stride(&self) -> usize {
        self.length.next_multiple_of(4)
    }

    /// Its scores by one of so many heads: where they start among all.
    pub(crate) fn start(&self, head: usize, heads: usize) -> usize {
        heads * self.scores + head * self.length * self.stride()
    }
}

impl Square {
    /// The part of another tensor of scores that is this one's.
    pub(crate) fn of<'a>(&self, scores: &'a [f32], heads: usize) -> &'a [f32] {
        let start = self.sequence.start(self.head, heads);
        &scores[start..][..self.sequence.length * self.sequence.stride()]
    }
}
