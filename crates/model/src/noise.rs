//! The dropout sites of one forward pass. A site names its noise, so no two share one, and runs are resumed by
//! their numbers.

use burn::tensor::Device;
use tunesmith_kernels::{self as kernels, Dropout};

/// After the embeddings.
const EMBEDDINGS: u32 = 0;
/// Before the classifier.
const HEAD: u32 = 1;
/// The first of three sites of each layer: probabilities, attention's output, feed-forward's output.
const LAYERS: u32 = 2;
/// The first of three more, which few families have: inside the feed-forward, positions, convolution.
const LAYERS_TOO: u32 = 1 << 30;
/// Of what the head sees.
const HEAD_INPUT: u32 = 1 << 31;

/// Whether a forward pass drops anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// No dropout.
    Evaluate,
    /// Dropout as the configuration says. Seed, step and the row's place name a row's noise completely: a
    /// resumed run needs nothing else, and rows may be split into batches in any way.
    Train {
        /// The run's seed.
        seed: u64,
        /// The optimizer step, from 0.
        step: u32,
        /// The place of the batch's first row among those of the step; 0 unless batches are accumulated.
        first_row: u32,
    },
}

/// A place in a layer where something is dropped.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Site {
    Probabilities,
    AttentionOutput,
    FeedForwardOutput,
    FeedForwardInner,
    Positions,
    Convolution,
}

impl Site {
    /// Its number in the layer that runs as the `index`-th.
    fn number(self, index: usize) -> u32 {
        let (first, offset) = match self {
            Self::Probabilities => (LAYERS, 0),
            Self::AttentionOutput => (LAYERS, 1),
            Self::FeedForwardOutput => (LAYERS, 2),
            Self::FeedForwardInner => (LAYERS_TOO, 0),
            Self::Positions => (LAYERS_TOO, 1),
            Self::Convolution => (LAYERS_TOO, 2),
        };
        first + 3 * index as u32 + offset
    }
}

/// The noise of a pass over a batch, by what the rows of a tensor are; none where nothing is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Noise {
    tokens: Option<kernels::Noise>,
    /// Of what stands for each row of the batch: its first token's.
    rows: Option<kernels::Noise>,
}

impl Noise {
    /// Of rows of which so many tokens are computed.
    pub(crate) fn new(mode: Mode, lengths: &[u32], device: &Device) -> Self {
        let Mode::Train {
            seed,
            step,
            first_row,
        } = mode
        else {
            return Self {
                tokens: None,
                rows: None,
            };
        };
        let rows = || (first_row..).zip(lengths);
        let tokens = rows().flat_map(|(place, length)| (0..*length).map(move |at| [at, place]));
        let firsts = rows().map(|(place, _)| [0, place]);
        Self {
            tokens: Some(kernels::Noise::new(seed, step, tokens, device)),
            rows: Some(kernels::Noise::new(seed, step, firsts, device)),
        }
    }

    pub(crate) fn embeddings(&self, p: f32) -> Dropout {
        drop_at(self.tokens.as_ref(), p, EMBEDDINGS)
    }

    /// Of what the head sees: rows, or tokens.
    pub(crate) fn head_input(&self, p: f32, over_tokens: bool) -> Dropout {
        drop_at(self.of_head(over_tokens), p, HEAD_INPUT)
    }

    pub(crate) fn head(&self, p: f32, over_tokens: bool) -> Dropout {
        drop_at(self.of_head(over_tokens), p, HEAD)
    }

    fn of_head(&self, over_tokens: bool) -> Option<&kernels::Noise> {
        if over_tokens {
            self.tokens.as_ref()
        } else {
            self.rows.as_ref()
        }
    }

    /// In the layer that runs as the `index`-th.
    pub(crate) fn layer(&self, index: usize, site: Site, p: f32) -> Dropout {
        drop_at(self.tokens.as_ref(), p, site.number(index))
    }
}

/// The noise of a table's rows, the same for all rows of a step.
pub(crate) fn noise_of_rows(
    mode: Mode,
    rows: impl Iterator<Item = u32>,
    device: &Device,
) -> Option<kernels::Noise> {
    match mode {
        Mode::Evaluate => None,
        Mode::Train { seed, step, .. } => {
            let names = rows.map(|row| [row, 0]);
            Some(kernels::Noise::new(seed, step, names, device))
        }
    }
}

/// Dropout at a site of the layer that runs as the `index`-th, by another noise than the tokens'.
pub(crate) fn dropout_of_rows(
    noise: Option<&kernels::Noise>,
    index: usize,
    site: Site,
    p: f32,
) -> Dropout {
    drop_at(noise, p, site.number(index))
}

fn drop_at(noise: Option<&kernels::Noise>, p: f32, site: u32) -> Dropout {
    noise.map_or(Dropout::NONE, |noise| Dropout::new(p, site, noise))
}
