//! The dropout sites of one forward pass. A site names its noise, so no two share one; those of BERT have
//! the numbers that they have always had, since runs are resumed by them.

use tunesmith_kernels::Dropout;

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
    /// Dropout as the configuration says, drawn from the seed and the count of forward passes so far:
    /// both name the noise completely, so a resumed run needs nothing else.
    Train {
        /// The run's seed.
        seed: u64,
        /// The forward pass within the run, from 0.
        step: u32,
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

impl Mode {
    fn at(self, p: f32, site: u32) -> Dropout {
        let (p, seed, step) = match self {
            Self::Evaluate => (0.0, 0, 0),
            Self::Train { seed, step } => (p, seed, step),
        };
        Dropout {
            p,
            seed,
            step,
            site,
        }
    }

    pub(crate) fn none(self) -> Dropout {
        self.at(0.0, EMBEDDINGS)
    }

    pub(crate) fn embeddings(self, p: f32) -> Dropout {
        self.at(p, EMBEDDINGS)
    }

    pub(crate) fn head_input(self, p: f32) -> Dropout {
        self.at(p, HEAD_INPUT)
    }

    pub(crate) fn head(self, p: f32) -> Dropout {
        self.at(p, HEAD)
    }

    /// In the layer that runs as the `index`-th.
    pub(crate) fn layer(self, index: usize, site: Site, p: f32) -> Dropout {
        let (first, offset) = match site {
            Site::Probabilities => (LAYERS, 0),
            Site::AttentionOutput => (LAYERS, 1),
            Site::FeedForwardOutput => (LAYERS, 2),
            Site::FeedForwardInner => (LAYERS_TOO, 0),
            Site::Positions => (LAYERS_TOO, 1),
            Site::Convolution => (LAYERS_TOO, 2),
        };
        self.at(p, first + 3 * index as u32 + offset)
    }
}
