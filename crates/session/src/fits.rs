//! Whether the machine has the memory that a training takes, asked before it begins: a system that has
//! too little ends the program in the middle of a step, without a word.

use tunesmith::data::TokenizedDataset;
use tunesmith::kernels::{AdapterKind, ComputeDevice};
use tunesmith::model::{ModelConfig, Words};
use tunesmith_platform::{Memory, memory};
use tunesmith_protocol::TrainingArguments;

use crate::{MemoryEstimate, SessionError};

/// Lengths are tried in such steps: people choose them so, and kernels like them.
const LENGTHS: usize = 8;

/// Compares what the longest batches take, of training and of evaluation, with what there is. With
/// `auto_find_batch_size`, gives the parts in which a training batch fits.
///
/// # Errors
/// More than the machine has, with what would fit. More than is free just now is a warning: other
/// programs may give theirs back.
pub(crate) fn check_memory(
    (config, words): (&ModelConfig, &Words),
    train: &TokenizedDataset,
    eval: Option<&TokenizedDataset>,
    args: &TrainingArguments,
    devices: &[&ComputeDevice],
) -> Result<(Option<String>, usize), SessionError> {
    // Each has a replica of the model in the machine's memory.
    let sharing = devices.iter().filter_map(|device| memory_for(device));
    let sharing: Vec<Memory> = sharing.collect();
    let Some(memory) = sharing.first().map(|memory| Memory {
        total: memory.total / sharing.len() as u64,
        available: memory.available / sharing.len() as u64,
    }) else {
        return Ok((None, 1));
    };
    let wanted = |argument, rows: &TokenizedDataset, batch, accumulation: Option<usize>| Wanted {
        argument,
        sharing: sharing.len(),
        gradient_checkpointing: args.gradient_checkpointing,
        fp16: args.fp16 || (accumulation.is_none() && args.fp16_full_eval),
        lengths: longest(rows.lengths(), batch),
        accumulation,
    };
    let mut training = wanted(
        "per_device_train_batch_size",
        train,
        args.per_device_train_batch_size,
        Some(args.gradient_accumulation_steps),
    );
    let evaluation = eval.map(|rows| {
        let batch = args.per_device_eval_batch_size;
        wanted("per_device_eval_batch_size", rows, batch, None)
    });
    let mut parts = 1;
    if args.auto_find_batch_size && training.bytes((config, words)) > memory.total {
        let rows = training.lengths.len();
        if let Some(fits) = training.largest_batch((config, words), memory.total) {
            parts = rows.div_ceil(fits);
            training.lengths.truncate(rows.div_ceil(parts));
        }
    }
    let mut warning = None;
    for wanted in std::iter::once(training).chain(evaluation) {
        let found = wanted.check((config, words), memory);
        warning = warning.or(found.map_err(SessionError::Arguments)?);
    }
    if parts > 1 {
        warning = Some(format!(
            "a batch of {} rows doesn't fit into this machine's memory: each is computed in {parts} parts; a step has as \
             many rows as before",
            args.per_device_train_batch_size
        ));
    }
    Ok((warning, parts))
}

/// The lengths of the longest rows, of which a batch has so many.
fn longest(mut lengths: Vec<u32>, batch: usize) -> Vec<usize> {
    lengths.sort_unstable_by(|a, b| b.cmp(a));
    lengths.truncate(batch);
    lengths.into_iter().map(|length| length as usize).collect()
}

/// The memory that a device computes in; `None` where it has its own, of which wgpu tells nothing.
fn memory_for(device: &ComputeDevice) -> Option<Memory> {
    let is_shared = match device.kind {
        None => true,
        // A page's GPU isn't in the module's memory.
        Some(AdapterKind::Software | AdapterKind::Integrated) => !cfg!(target_arch = "wasm32"),
        Some(AdapterKind::Discrete) => false,
    };
    is_shared.then(memory).flatten()
}

/// The longest batch of a training or an evaluation.
#[derive(Debug, Clone)]
struct Wanted {
    /// What its rows are set by.
    argument: &'static str,
    /// Devices that the machine's memory is divided among.
    sharing: usize,
    gradient_checkpointing: bool,
    fp16: bool,
    /// The tokens of its rows, the longest first.
    lengths: Vec<usize>,
    /// Batches to a step; none to an evaluation.
    accumulation: Option<usize>,
}

/// A model and its words.
type Sizes<'a> = (&'a ModelConfig, &'a Words);

impl Wanted {
    fn bytes(&self, (config, words): Sizes<'_>) -> u64 {
        let lengths = self.lengths.iter().copied();
        let estimate = match self.accumulation {
            Some(_) => MemoryEstimate::of_rows(config, lengths, words)
                .fp16(self.fp16)
                .gradient_checkpointing(self.gradient_checkpointing),
            None => MemoryEstimate::of_evaluation(config, lengths, words).fp16(self.fp16),
        };
        estimate.total()
    }

    fn length(&self) -> usize {
        self.lengths.first().copied().unwrap_or(0)
    }

    /// A warning, or why it can't be.
    fn check(&self, model: Sizes<'_>, memory: Memory) -> Result<Option<String>, String> {
        let needed = self.bytes(model);
        if needed <= memory.available {
            return Ok(None);
        }
        let what = format!(
            "batches of {} rows of up to {} tokens take about {} of memory",
            self.lengths.len(),
            self.length(),
            bytes(needed)
        );
        let shared = match self.sharing {
            1 => String::new(),
            devices => format!(" for each of {devices} devices"),
        };
        if needed <= memory.total {
            return Ok(Some(format!(
                "{what}, and of this machine's {}{shared} only {} are free now: close other programs, or choose \
                 smaller batches. {}",
                bytes(memory.total),
                bytes(memory.available),
                self.advice(model, memory.available)
            )));
        }
        Err(format!(
            "{what}, and this machine has {}{shared}. {}",
            bytes(memory.total),
            self.advice(model, memory.total)
        ))
    }

    /// The most rows, fewer than there are, that fit into so many bytes.
    fn largest_batch(&self, model: Sizes<'_>, limit: u64) -> Option<usize> {
        largest(self.lengths.len(), |batch| {
            let wanted = Self {
                lengths: self.lengths[..batch].to_vec(),
                ..self.clone()
            };
            wanted.bytes(model) <= limit
        })
    }

    /// What would fit into so many bytes.
    fn advice(&self, model: Sizes<'_>, limit: u64) -> String {
        let fits = |lengths: Vec<usize>| {
            let wanted = Self {
                lengths,
                ..self.clone()
            };
            wanted.bytes(model) <= limit
        };
        let trains = self.accumulation.is_some();
        let less = |gradient_checkpointing: bool, fp16: bool, text: &str| {
            let less = Self {
                gradient_checkpointing: gradient_checkpointing || self.gradient_checkpointing,
                fp16: fp16 || self.fp16,
                ..self.clone()
            };
            let is_new =
                (gradient_checkpointing && !self.gradient_checkpointing) || (fp16 && !self.fp16);
            (trains && is_new && less.bytes(model) <= limit).then(|| format!("{text} would fit"))
        };
        let mut by_less = vec![
            less(
                true,
                false,
                "gradient_checkpointing (a third more time, the same numbers)",
            ),
            less(
                false,
                true,
                "fp16 (half precision, nearly the same numbers)",
            ),
        ];
        by_less.retain(Option::is_some);
        if by_less.is_empty() {
            by_less.push(less(true, true, "gradient_checkpointing with fp16"));
        }
        let rows = self.lengths.len();
        let batch = self.largest_batch(model, limit);
        let lengths = largest(self.length().div_ceil(LENGTHS), |eights| {
            let cut = self
                .lengths
                .iter()
                .map(|length| (*length).min(eights * LENGTHS));
            fits(cut.collect())
        });
        let by_batch = batch.map(|batch| {
            let same = self.accumulation.map(|accumulation| {
                let times = accumulation * rows.div_ceil(batch);
                format!(" (gradient_accumulation_steps {times} gives a step as many rows)")
            });
            let same = same.unwrap_or_default();
            format!("{} {batch} would fit{same}", self.argument)
        });
        let by_length = lengths
            .map(|eights| eights * LENGTHS)
            .map(|length| format!("max_seq_length {length} would fit"));
        let ways: Vec<String> = by_less
            .into_iter()
            .flatten()
            .chain(by_batch)
            .chain(by_length)
            .collect();
        match ways.is_empty() {
            false => ways.join("; or "),
            true => "Not even one short row fits: choose a smaller model".to_owned(),
        }
    }
}

/// The largest number from 1 to below `most` that fits, where all smaller ones do too.
fn largest(most: usize, fits: impl Fn(usize) -> bool) -> Option<usize> {
    let (mut good, mut bad) = (0, most);
    while good + 1 < bad {
        let middle = good + (bad - good) / 2;
        if fits(middle) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    (good > 0).then_some(good)
}

/// As people read it.
fn bytes(bytes: u64) -> String {
    let gigabytes = bytes as f64 / 1e9;
    if gigabytes >= 10.0 {
        format!("{gigabytes:.0} GB")
    } else if gigabytes >= 1.0 {
        format!("{gigabytes:.1} GB")
    } else {
        format!("{} MB", bytes / 1_000_000)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn config(vocabulary: usize) -> ModelConfig {
        let text = format!(
            r#"{{"model_type": "bert", "vocab_size": {vocabulary}, "hidden_size": 384,
                "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536,
                "max_position_embeddings": 512}}"#
        );
        ModelConfig::from_json(&text).unwrap()
    }

    const GB: u64 = 1_000_000_000;

    fn memory(total: u64, available: u64) -> Memory {
        Memory { total, available }
    }

    /// The number behind a word.
    fn number(text: &str, word: &str) -> usize {
        let rest = text.split_once(word).unwrap_or_else(|| panic!("{text}")).1;
        let digits: String = rest
            .trim_start()
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse().unwrap()
    }

    fn wanted(batch: usize, length: usize) -> Wanted {
        Wanted {
            argument: "per_device_train_batch_size",
            sharing: 1,
            gradient_checkpointing: false,
            fp16: false,
            lengths: vec![length; batch],
            accumulation: Some(2),
        }
    }

    #[test]
    fn what_is_said_to_fit_does_and_no_more() {
        let config = config(30522);
        let asked = wanted(64, 512);
        let total = 4 * GB;
        assert!(asked.bytes((&config, &Words::All)) > total);
        let message = asked
            .check((&config, &Words::All), memory(total, total))
            .unwrap_err();
        assert!(message.contains("this machine has 4.0 GB"), "{message}");
        let batch = number(&message, "per_device_train_batch_size");
        let at = |batch, length| wanted(batch, length).bytes((&config, &Words::All));
        assert!(
            at(batch, 512) <= total && at(batch + 1, 512) > total,
            "{message}"
        );
        let length = number(&message, "max_seq_length");
        assert!(
            at(64, length) <= total && at(64, length + LENGTHS) > total,
            "{message}"
        );
        assert_eq!(
            number(&message, "gradient_accumulation_steps"),
            2 * 64_usize.div_ceil(batch)
        );
    }

    #[test]
    fn what_saves_memory_is_named_where_it_would_fit() {
        // So many layers that all three ways save something.
        let text = r#"{"model_type": "bert", "vocab_size": 1000, "hidden_size": 384,
            "num_hidden_layers": 48, "num_attention_heads": 12, "intermediate_size": 1536,
            "max_position_embeddings": 512}"#;
        let config = ModelConfig::from_json(text).unwrap();
        let model = (&config, &Words::All);
        let asked = wanted(64, 128);
        let with = |gradient_checkpointing, fp16| {
            let wanted = Wanted {
                gradient_checkpointing,
                fp16,
                ..asked.clone()
            };
            wanted.bytes(model)
        };
        let advice = |total: u64| asked.check(model, memory(total, total)).unwrap_err();
        let [half, again, both] = [with(false, true), with(true, false), with(true, true)];
        assert!(both < again && again < half && half < with(false, false));
        let told = advice(half);
        assert!(
            told.contains(
                "the same numbers) would fit; or fp16 (half precision, nearly the same numbers) would fit"
            ),
            "{told}"
        );
        let told = advice(half - 1);
        assert!(
            !told.contains("fp16") && told.contains("gradient_checkpointing"),
            "{told}"
        );
        let told = advice(again - 1);
        assert!(
            told.contains("gradient_checkpointing with fp16 would fit"),
            "{told}"
        );
        assert!(!advice(both - 1).contains("fp16"));
    }

    #[test]
    fn the_longest_rows_of_all_may_meet_in_a_batch() {
        assert_eq!(longest(vec![3, 9, 4, 8], 2), [9, 8]);
        assert_eq!(longest(vec![3], 8), [3]);
    }

    #[test]
    fn an_evaluation_may_have_larger_batches() {
        let config = config(30522);
        let evaluation = Wanted {
            argument: "per_device_eval_batch_size",
            accumulation: None,
            ..wanted(32, 512)
        };
        let total = 3 * GB;
        assert_eq!(
            evaluation.check((&config, &Words::All), memory(total, total)),
            Ok(None)
        );
        assert!(
            wanted(32, 512)
                .check((&config, &Words::All), memory(total, total))
                .is_err()
        );
    }

    #[test]
    fn too_little_that_is_free_is_a_warning() {
        let config = config(30522);
        let asked = wanted(8, 128);
        let needed = asked.bytes((&config, &Words::All));
        assert_eq!(
            asked.check((&config, &Words::All), memory(8 * GB, needed)),
            Ok(None)
        );
        let warning = asked
            .check((&config, &Words::All), memory(8 * GB, needed - 1))
            .unwrap()
            .unwrap();
        assert!(
            warning.contains("of this machine's 8.0 GB only"),
            "{warning}"
        );
        assert_eq!(number(&warning, "per_device_train_batch_size"), 7);
    }

    #[test]
    fn a_model_that_is_too_large_is_told() {
        let asked = wanted(1, 16);
        let message = asked
            .check((&config(1_000_000), &Words::All), memory(GB, GB))
            .unwrap_err();
        assert!(message.contains("choose a smaller model"), "{message}");
    }
}
