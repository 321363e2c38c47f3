//! How much memory a training takes, by formula: what is held in the middle of the last layer's backward
//! pass, and what the program takes besides.

use tunesmith::model::{ModelConfig, Stage, Words};

const FLOAT: u64 = 4;

/// The program itself with a small tokenizer, and what its threads pack matrices into: measured with
/// batches of one short row.
const PROGRAM: u64 = 66_000_000;

/// An entry of the tokenizer's vocabulary, forwards and backwards: measured.
const ENTRY: u64 = 450;

/// Halves of a square of attention weights that lie in holes. A layer makes and frees five squares a
/// step between tensors that stay, and the allocator keeps what is freed for the next step; what the
/// smaller tensors have taken a part of is too small for a square. Measured over 6 and 12 layers, 8 to 32
/// rows and 128 to 512 tokens: two squares, give or take one and a half, whatever the number of layers.
const HOLES: u64 = 4;

/// Bytes by what they are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryEstimate {
    /// Numbers that are trained.
    pub parameters: u64,
    /// Those that are read and not trained: of words that only an evaluation has, and of all that is frozen.
    pub others: u64,
    /// Kept by the forward pass for the backward pass, and made in that; with the room that is lost between.
    pub activations: u64,
    /// The same with `gradient_checkpointing`.
    pub checkpointed: u64,
    /// Floats that the CPU computes in besides, where activations are halves: one operation's tensors, and as much in
    /// holes between halves.
    pub unrounded: u64,
    /// The largest single tensor that must fit a binding; the table of words needn't, which may lie in
    /// several.
    pub largest: u64,
    /// The program without the model.
    pub program: u64,
}

/// What decides how much a layer keeps of a batch.
struct Layer {
    tokens: u64,
    /// Its width.
    h: u64,
    /// The feed-forward block's.
    i: u64,
    /// The attention weights of all heads.
    square: u64,
}

impl Layer {
    fn of(config: &ModelConfig, lengths: impl IntoIterator<Item = usize>) -> Self {
        let spec = config.spec();
        let (mut tokens, mut scores) = (0, 0);
        for length in lengths {
            tokens += length;
            // The kernels pad the rows of attention to whole vectors.
            scores += length * length.next_multiple_of(4);
        }
        let sizes = [
            spec.hidden,
            spec.intermediate(),
            tokens,
            spec.heads * scores,
        ];
        let [h, i, tokens, square] = sizes.map(|n| n as u64);
        Self {
            tokens,
            h,
            i,
            square,
        }
    }

    /// Floats of a layer that the backward pass goes through.
    fn kept(&self) -> u64 {
        8 * self.tokens * self.h + 2 * self.tokens * self.i + self.square
    }

    /// The same of one that is frozen: the inputs of its matrix products aren't needed again.
    fn kept_of_frozen(&self) -> u64 {
        5 * self.tokens * self.h + self.tokens * self.i + self.square
    }

    /// Floats of a pass that nothing is kept of: those of two layers are there at a time.
    fn inferred(&self) -> u64 {
        2 * self.kept()
    }
}

impl MemoryEstimate {
    /// For batches of `batch` rows of `seq` tokens, with the whole vocabulary.
    pub fn of(config: &ModelConfig, batch: usize, seq: usize) -> Self {
        Self::of_rows(config, vec![seq; batch], &Words::All)
    }

    /// For batches of rows with so many tokens each, by a model with these words.
    ///
    /// With T tokens in a batch, width h, feed-forward width i, A heads and rows of n tokens, a layer keeps
    /// 8 T h (its input, query, key, value, context, the sum after attention and both normalised sums),
    /// 2 T i (before and after GELU) and A n² of each row (the attention weights) floats; beside the layers stay
    /// the normalised embedding and the last output. At the most the last layer's backward pass holds
    /// besides either 3 squares and 6 T h (three gradients of its width, and that of query, key and value)
    /// or T h and 2 T i (around GELU). Nothing is kept of layers below all that is trained; where no layer is, a pass
    /// holds what an evaluation does.
    pub fn of_rows(
        config: &ModelConfig,
        lengths: impl IntoIterator<Item = usize>,
        words: &Words,
    ) -> Self {
        let spec = config.spec();
        let layer = Layer::of(config, lengths);
        let Layer {
            tokens,
            h,
            i,
            square,
        } = layer;
        let passed = spec.lowest_trained()..spec.layers.len();
        let layers = passed.len() as u64;
        let is_frozen = |layer: &usize| spec.frozen.has(Stage::Layer(*layer));
        let frozen_layers = passed.filter(is_frozen).count() as u64;
        let kept = (layers - frozen_layers) * layer.kept() + frozen_layers * layer.kept_of_frozen();
        let backward = (3 * square + 6 * tokens * h).max(tokens * h + 2 * tokens * i);
        let beside = 2 * tokens * h + backward + HOLES * square / 2;
        let inferred = layer.inferred();
        let [live, checkpointed] = match layers {
            0 => [inferred; 2],
            // Of each layer its input; of the last one all, computed again.
            _ => [kept + beside, layers * tokens * h + layer.kept() + beside]
                .map(|live| live.max(inferred)),
        };
        let declared = spec.declarations();
        let bound = declared.iter().filter(|one| !one.by_rows);
        let weights = bound.map(|one| one.count() as u64).max().unwrap_or(0);
        let table = &spec.embeddings.word;
        let [trained, others] = words.rows(table.rows);
        let numbers = |rows: usize| (rows * table.width) as u64;
        // Of the table, the words that aren't on the device.
        let missing =
            |is_among: bool| u64::from(is_among) * (numbers(table.rows) - numbers(trained));
        let frozen = spec.num_parameters() - spec.num_trained();
        Self {
            parameters: spec.num_trained() - missing(spec.trains_embeddings()),
            others: frozen - missing(!spec.trains_embeddings()) + numbers(others),
            activations: FLOAT * live,
            checkpointed: FLOAT * checkpointed,
            unrounded: FLOAT * 2 * (4 * square).max(3 * tokens * i),
            largest: FLOAT * weights.max(tokens * i).max(square),
            program: PROGRAM + ENTRY * spec.vocabulary() as u64,
        }
    }

    /// The same training with `fp16`, if it has that: halves, and what the CPU computes in besides, which a GPU doesn't
    /// need.
    #[must_use]
    pub fn fp16(self, has: bool) -> Self {
        if !has {
            return self;
        }
        let halves = |bytes: u64| bytes.min(bytes / 2 + self.unrounded);
        Self {
            activations: halves(self.activations),
            checkpointed: halves(self.checkpointed),
            ..self
        }
    }

    /// The same training with `gradient_checkpointing`, if it has that.
    #[must_use]
    pub fn gradient_checkpointing(self, has: bool) -> Self {
        Self {
            activations: if has {
                self.checkpointed
            } else {
                self.activations
            },
            ..self
        }
    }

    /// For an evaluation of such rows in the middle of a training: of the activations, only those of two
    /// layers are there at a time.
    pub fn of_evaluation(
        config: &ModelConfig,
        lengths: impl IntoIterator<Item = usize> + Clone,
        words: &Words,
    ) -> Self {
        Self {
            activations: FLOAT * Layer::of(config, lengths.clone()).inferred(),
            ..Self::of_rows(config, lengths, words)
        }
    }

    /// Weights, gradients, AdamW's two moments, activations and the program.
    pub fn total(&self) -> u64 {
        4 * FLOAT * self.parameters + FLOAT * self.others + self.activations + self.program
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tunesmith::model::Frozen;

    use super::*;

    fn shape(width: usize, layers: usize, vocabulary: usize) -> ModelConfig {
        let wide = 4 * width;
        let text = format!(
            r#"{{"model_type": "bert", "vocab_size": {vocabulary}, "hidden_size": {width},
                "num_hidden_layers": {layers}, "num_attention_heads": 12,
                "intermediate_size": {wide}, "max_position_embeddings": 512}}"#
        );
        ModelConfig::from_json(&text).unwrap()
    }

    #[test]
    fn what_a_run_has_no_use_for_takes_nothing() {
        let config = shape(384, 6, 30522);
        let all = MemoryEstimate::of(&config, 2, 64);
        let words = Words::Of {
            trained: (0..1000).collect(),
            evaluated: (900..1100).collect(),
        };
        let few = MemoryEstimate::of_rows(&config, [64, 64], &words);
        assert_eq!(all.total() - few.total(), 4 * 384 * (4 * 29_522 - 100));
        // Padding is nothing.
        let short = MemoryEstimate::of_rows(&config, [64, 1], &Words::All);
        assert!(short.activations < all.activations * 6 / 10);
    }

    #[test]
    fn memory_grows_with_batch_and_length() {
        let config = shape(384, 6, 30522);
        let small = MemoryEstimate::of(&config, 8, 64);
        assert_eq!(small.largest, 8 * 64 * 1536 * 4);
        assert_eq!(
            MemoryEstimate::of(&config, 16, 64).activations,
            2 * small.activations
        );
        // Attention grows with the square of the length.
        assert!(MemoryEstimate::of(&config, 8, 128).activations > 2 * small.activations);
        // The first layer of the feed-forward block; the words' table may lie in several buffers.
        let least = MemoryEstimate::of(&config, 1, 8);
        assert_eq!(least.largest, 384 * 1536 * 4);
    }

    /// Peaks of `tunesmith train --do_train false --do_eval true` with all-MiniLM-L6-v2 in MB, without
    /// gradients and moments.
    #[test]
    fn an_evaluation_takes_no_more_than_two_layers() {
        for (batch, seq, measured) in [(32, 128, 317.1), (32, 512, 1617.4)] {
            let config = shape(384, 6, 30522);
            let estimate = MemoryEstimate::of_evaluation(&config, vec![seq; batch], &Words::All);
            let other = 3 * FLOAT * estimate.parameters;
            let estimated = (estimate.total() - other) as f64 / 1e6;
            let ratio = estimated / measured;
            assert!((1.0..1.4).contains(&ratio), "{batch} x {seq}: {estimated}");
            let training = MemoryEstimate::of(&config, batch, seq);
            assert!(training.activations > 3 * estimate.activations);
        }
    }

    /// Peaks of resident memory in MB of a step on the CPU without and with `fp16`, as `tunesmith-bench step` tells them
    /// for all-MiniLM-L6-v2's shape and 6,754 words.
    #[test]
    fn halves_save_what_was_measured() {
        for (batch, measured, with_halves) in [(8, 484.0, 398.0), (32, 1040.0, 763.0)] {
            let estimate = MemoryEstimate::of(&shape(384, 6, 30522), batch, 128);
            let saved = estimate.total() - estimate.fp16(true).total();
            let ratio = (measured - saved as f64 / 1e6) / with_halves;
            assert!((1.0..1.06).contains(&ratio), "{batch}: {ratio}");
            assert_eq!(estimate.fp16(false), estimate);
        }
    }

    /// The same of trainings that leave parts of all-MiniLM-L6-v2 as they are: of the head alone no more than two
    /// layers are there at a time, and often less.
    #[test]
    fn what_is_frozen_takes_what_was_measured() {
        let frozen = |embeddings, layers, encoder| Frozen {
            embeddings,
            layers: (0..layers).collect(),
            encoder,
        };
        let head = frozen(false, 0, true);
        let two_layers = frozen(true, 4, false);
        let embeddings = frozen(true, 0, false);
        let all_but_four = frozen(false, 4, false);
        for (frozen, batch, words, measured, most) in [
            (&head, 8, 1929, 140.9, 1.45),
            (&head, 32, 6742, 269.0, 1.45),
            (&two_layers, 8, 1929, 246.1, 1.15),
            (&two_layers, 32, 6742, 539.4, 1.15),
            (&embeddings, 8, 1929, 478.8, 1.05),
            (&embeddings, 32, 6742, 1154.4, 1.05),
            (&all_but_four, 8, 1929, 352.7, 1.15),
            (&all_but_four, 32, 6742, 927.2, 1.15),
        ] {
            let words = Words::Of {
                trained: (0..words).collect(),
                evaluated: [].into(),
            };
            let mut config = shape(384, 6, 30522);
            config.freeze(frozen).unwrap();
            let estimate = MemoryEstimate::of_rows(&config, vec![128; batch], &words);
            let ratio = estimate.total() as f64 / 1e6 / measured;
            assert!(
                (0.95..most).contains(&ratio),
                "{frozen:?}, {batch} rows: {ratio}"
            );
        }
    }

    /// Peaks of resident memory of the command in MB, on the CPU over two steps of rows that are full of random
    /// words, and how many words those were: of all-MiniLM-L6-v2, and of a model of BERT-base's shape. Batches of
    /// 32 x 256 leave larger holes than others: 2953 MB, 7% more than estimated.
    #[test]
    fn the_estimate_is_within_5_percent_of_what_was_measured() {
        for (width, layers, batch, seq, words, measured) in [
            (384, 6, 1, 8, 51, 269.0),
            (384, 6, 8, 128, 6754, 508.5),
            (384, 6, 32, 128, 6754, 1200.5),
            (384, 6, 16, 256, 11_385, 1465.0),
            (384, 6, 8, 512, 16_784, 2060.5),
            (384, 6, 32, 512, 16_784, 7269.9),
            (768, 12, 8, 128, 6754, 2372.3),
            (768, 12, 8, 256, 11_385, 3286.7),
        ] {
            let words = Words::Of {
                trained: (0..words).collect(),
                evaluated: [].into(),
            };
            let config = shape(width, layers, 30522);
            let estimate = MemoryEstimate::of_rows(&config, vec![seq; batch], &words);
            let ratio = estimate.total() as f64 / 1e6 / measured;
            assert!(
                (ratio - 1.0).abs() < 0.05,
                "{width} wide, {layers} layers, {batch} x {seq}: {ratio}"
            );
        }
    }
}
