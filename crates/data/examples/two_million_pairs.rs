//! Shows that memory does not grow with the data: writes pairs of sentences to a file, loads it,
//! tokenizes it and goes through it three times (in order, in random order, in batches), and prints
//! the peak of resident memory, which stays under 600 MB for 2,000,000 pairs.
//!
//! `cargo run -p tunesmith-data --example two_million_pairs [-- ROWS [csv|jsonl|parquet [TOKENIZER]]]`
//!
//! Without a `tokenizer.json` it makes a small one of its own.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use tunesmith_data::{
    DataCollatorWithPadding, LoadDataset, TokenizeArgs, Tokenizer, permutation, tokenize_dataset,
};

const SYLLABLES: [&str; 16] = [
    "ka", "to", "mi", "ren", "sol", "vi", "dar", "lu", "pe", "shan", "or", "bel", "tun", "ga",
    "ni", "fos",
];
/// The bound for 2,000,000 pairs, in MB of 10^6 bytes.
const PEAK_LIMIT: u64 = 600;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let rows: usize = args.next().map_or(Ok(2_000_000), |rows| rows.parse())?;
    let format = args.next().unwrap_or_else(|| "parquet".to_owned());
    let folder = std::env::temp_dir().join(format!("tunesmith-pairs-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = run(rows, &format, args.next(), &folder);
    std::fs::remove_dir_all(&folder)?;
    result
}

fn run(
    rows: usize,
    format: &str,
    tokenizer: Option<String>,
    folder: &Path,
) -> Result<(), Box<dyn Error>> {
    let path = folder.join(format!("train.{format}"));
    let mut clock = Clock::start();
    match format {
        "parquet" => write_parquet(&path, rows)?,
        "jsonl" | "csv" => write_text(&path, rows, format == "csv")?,
        other => return Err(format!("{other}: the formats are parquet, csv and jsonl").into()),
    }
    let size = std::fs::metadata(&path)?.len() / 1_000_000;
    clock.lap(&format!("wrote {rows} pairs, {size} MB of {format}"));

    let dataset = LoadDataset::new(path.to_string_lossy())
        .cache_dir(folder)
        .load()?;
    let dataset = dataset.get("train")?;
    clock.lap("loaded");

    let tokenizer = match tokenizer {
        Some(path) => Tokenizer::from_file(path)?,
        None => Tokenizer::from_bytes(tokenizer_json().as_bytes(), None)?,
    };
    let request = TokenizeArgs {
        text_pair_column: Some("second".to_owned()),
        label_column: Some("label".to_owned()),
        cache_dir: Some(folder.to_path_buf()),
        ..TokenizeArgs::new("first")
    };
    let tokenized = tokenize_dataset(dataset, &tokenizer, &request, &mut |_| {})?;
    clock.lap("tokenized");
    drop(tokenized);
    let tokenized = tokenize_dataset(dataset, &tokenizer, &request, &mut |_| {})?;
    if !tokenized.is_cached() {
        return Err("the second run did not find the first one's result".into());
    }
    clock.lap("mapped again");

    let tokens: u64 = tokenized
        .iter()
        .map(|example| example.input_ids.len() as u64)
        .sum();
    clock.lap(&format!("iterated {tokens} tokens in order"));
    let order = permutation(42, tokenized.len());
    let mut sum = 0;
    for row in &order {
        let ids = tokenized.example(*row).input_ids;
        sum += ids.iter().map(|id| *id as u64).sum::<u64>();
    }
    clock.lap(&format!("iterated at random (sum of ids {sum})"));
    let collator = DataCollatorWithPadding::from_tokenizer(&tokenizer)?;
    let mut padded = 0;
    for batch in order.chunks(32) {
        let batch = collator.collate(batch.iter().map(|row| tokenized.example(*row)))?;
        padded += batch.input_ids.len();
    }
    clock.lap(&format!("collated to {padded} tokens"));

    match peak_rss_mb() {
        Some(peak) => {
            println!("peak resident memory: {peak} MB (limit {PEAK_LIMIT} MB)");
            if peak > PEAK_LIMIT {
                return Err("too much memory".into());
            }
        }
        None => println!("peak resident memory: not known on this system"),
    }
    Ok(())
}

/// A sentence of 6 to 17 words made of syllables, the same for the same number.
fn sentence(number: u64) -> String {
    // SplitMix64.
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = move |below: u64| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    };
    let words = 6 + next(12);
    let mut text = String::new();
    for _ in 0..words {
        for _ in 0..1 + next(3) {
            text.push_str(SYLLABLES[next(16) as usize]);
        }
        text.push(' ');
    }
    text.push('.');
    text
}

fn write_parquet(path: &Path, rows: usize) -> Result<(), Box<dyn Error>> {
    let mut writer = None;
    for start in (0..rows).step_by(10_000) {
        let range = start as u64..(start + 10_000).min(rows) as u64;
        let first: StringArray = range.clone().map(|i| Some(sentence(2 * i))).collect();
        let second: StringArray = range.clone().map(|i| Some(sentence(2 * i + 1))).collect();
        let label: Int64Array = range.map(|i| Some((i % 2) as i64)).collect();
        let columns: [(&str, ArrayRef); 3] = [
            ("first", Arc::new(first)),
            ("second", Arc::new(second)),
            ("label", Arc::new(label)),
        ];
        let batch = RecordBatch::try_from_iter(columns)?;
        if writer.is_none() {
            writer = Some(ArrowWriter::try_new(
                File::create(path)?,
                batch.schema(),
                None,
            )?);
        }
        if let Some(writer) = &mut writer {
            writer.write(&batch)?;
            // The writer keeps a row group in memory; small ones keep it out of the measurement.
            writer.flush()?;
        }
    }
    if let Some(writer) = writer {
        writer.close()?;
    }
    Ok(())
}

fn write_text(path: &Path, rows: usize, csv: bool) -> Result<(), Box<dyn Error>> {
    let mut file = BufWriter::new(File::create(path)?);
    if csv {
        writeln!(file, "first,second,label")?;
    }
    for i in 0..rows as u64 {
        let (first, second, label) = (sentence(2 * i), sentence(2 * i + 1), i % 2);
        if csv {
            writeln!(file, "{first},{second},{label}")?;
        } else {
            writeln!(
                file,
                r#"{{"first": "{first}", "second": "{second}", "label": {label}}}"#
            )?;
        }
    }
    file.flush()?;
    Ok(())
}

/// A WordPiece tokenizer of the syllables.
fn tokenizer_json() -> String {
    let mut vocab = serde_json::Map::new();
    for token in ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "."] {
        vocab.insert(token.to_owned(), vocab.len().into());
    }
    for syllable in SYLLABLES {
        vocab.insert(syllable.to_owned(), vocab.len().into());
        vocab.insert(format!("##{syllable}"), vocab.len().into());
    }
    serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocab},
    })
    .to_string()
}

struct Clock(Instant);

impl Clock {
    fn start() -> Self {
        Self(Instant::now())
    }

    fn lap(&mut self, what: &str) {
        let seconds = self.0.elapsed().as_secs_f64();
        let peak = peak_rss_mb().map_or_else(String::new, |peak| format!(", peak {peak} MB"));
        println!("{what}: {seconds:.1} s{peak}");
        self.0 = Instant::now();
    }
}

/// The highest resident memory of this process so far, in MB of 10^6 bytes, where Linux tells it.
fn peak_rss_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024 / 1_000_000)
}
