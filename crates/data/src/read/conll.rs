//! CoNLL files: a word and its tags on each line, between tabs or spaces, and an empty line after each
//! sentence. A sentence becomes a row of lists: `tokens`, and a list for each kind of tag.
//!
//! The files have no header, so the columns are named by their number as the data sets of that form are:
//! four are CoNLL-2003's, ten between tabs are CoNLL-U's.

use std::io::BufRead;

use super::{Batcher, ReadOptions, Sink, Source};
use crate::{DataError, Dtype, Feature, Features, Value};

/// Begins each document of CoNLL-2003, and is no word.
const DOCUMENT: &str = "-DOCSTART-";

/// CoNLL-U's columns; those of words and parts of speech have the names that others have.
const UNIVERSAL: [&str; 10] = [
    "ids",
    "tokens",
    "lemmas",
    "pos_tags",
    "xpos_tags",
    "feats",
    "heads",
    "deprels",
    "deps",
    "misc",
];

/// The columns of the files of a split.
#[derive(Default)]
pub(super) struct Columns {
    names: Vec<String>,
}

impl Columns {
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Counts the sentences of a file, all of it: a line that doesn't fit is told before a run begins.
    pub(super) fn scan(&mut self, source: &Source) -> Result<u64, DataError> {
        let mut sentences = Sentences::open(source)?;
        let names = sentences.names();
        if self.names.is_empty() {
            self.names = names;
        } else if self.names != names {
            return Err(source.error(format!(
                "it has {} columns, but the files before it have {}: the files of a split must have the same columns",
                names.len(),
                self.names.len()
            )));
        }
        let mut rows = 0;
        while sentences.next()? {
            rows += 1;
        }
        Ok(rows)
    }

    pub(super) fn features(self, options: &ReadOptions) -> Result<Features, DataError> {
        options.check(&self.names)?;
        let wanted = self.names.into_iter().filter(|name| options.wants(name));
        Features::new(wanted.map(|name| (name, words())))
    }
}

fn words() -> Feature {
    Feature::List(Box::new(Feature::Value(Dtype::String)))
}

pub(super) fn stream(
    source: &Source,
    features: &Features,
    sink: Sink<'_>,
) -> Result<(), DataError> {
    let mut sentences = Sentences::open(source)?;
    let places: Vec<Option<usize>> = features
        .names()
        .iter()
        .map(|name| sentences.names().iter().position(|own| own == name))
        .collect();
    let mut batcher = Batcher::new(features);
    while sentences.next()? {
        for (column, place) in places.iter().enumerate() {
            let fits = match place {
                Some(place) => {
                    let words = sentences.columns[*place].iter();
                    batcher.push_list(column, words.map(|word| Value::Str(word)))
                }
                None => batcher.push(column, Value::Null),
            };
            if !fits {
                return Err(sentences.wrong("the sentence is too long to be read"));
            }
        }
        batcher.end_row(sink)?;
    }
    batcher.flush(sink)
}

/// Reads sentence by sentence.
struct Sentences<'a> {
    source: &'a Source,
    reader: Box<dyn BufRead + 'a>,
    is_tabbed: bool,
    /// The words of the sentence, and their tags of each kind.
    columns: Vec<Vec<String>>,
    line: u64,
    bytes: Vec<u8>,
}

impl<'a> Sentences<'a> {
    fn open(source: &'a Source) -> Result<Self, DataError> {
        let mut sentences = Self {
            source,
            reader: source.open()?,
            is_tabbed: false,
            columns: Vec::new(),
            line: 0,
            bytes: Vec::new(),
        };
        // The first word says how the file is written.
        while sentences.read()? {
            let text = sentences.text()?;
            if text.trim().is_empty() || text.starts_with('#') || text.starts_with(DOCUMENT) {
                continue;
            }
            let is_tabbed = text.trim_end().contains('\t');
            let count = fields(text, is_tabbed).count();
            sentences.is_tabbed = is_tabbed;
            sentences.columns = vec![Vec::new(); count];
            break;
        }
        if sentences.columns.is_empty() {
            return Err(source.error("it has no words: a CoNLL file has a word and its tags on each line, and an empty line after each sentence"));
        }
        sentences.reader = source.open()?;
        sentences.line = 0;
        Ok(sentences)
    }

    fn is_universal(&self) -> bool {
        self.is_tabbed && self.columns.len() == UNIVERSAL.len()
    }

    fn names(&self) -> Vec<String> {
        let names: Vec<&str> = match self.columns.len() {
            _ if self.is_universal() => UNIVERSAL.to_vec(),
            1 => vec!["tokens"],
            2 => vec!["tokens", "tags"],
            3 => vec!["tokens", "pos_tags", "tags"],
            4 => vec!["tokens", "pos_tags", "chunk_tags", "ner_tags"],
            count => {
                let between = (2..count).map(|number| format!("column_{number}"));
                let all = ["tokens".to_owned()].into_iter().chain(between);
                return all.chain(["tags".to_owned()]).collect();
            }
        };
        names.into_iter().map(str::to_owned).collect()
    }

    /// The next line; `false` at the end.
    fn read(&mut self) -> Result<bool, DataError> {
        self.bytes.clear();
        self.line += 1;
        let read = self.reader.read_until(b'\n', &mut self.bytes);
        Ok(read.map_err(|error| self.source.io_error(error))? > 0)
    }

    fn text(&self) -> Result<&str, DataError> {
        let text = std::str::from_utf8(&self.bytes);
        let text = text.map_err(|error| DataError::NotUtf8 {
            file: self.source.name(),
            line: self.line,
            byte: error.valid_up_to(),
        })?;
        Ok(text.trim_end_matches(['\n', '\r']))
    }

    fn wrong(&self, reason: impl Into<String>) -> DataError {
        self.source.line_error(self.line, reason)
    }

    /// Reads the next sentence that has a word; `false` where there is none.
    fn next(&mut self) -> Result<bool, DataError> {
        self.columns.iter_mut().for_each(Vec::clear);
        while self.read()? {
            if !self.add()? && !self.columns[0].is_empty() {
                return Ok(true);
            }
        }
        Ok(!self.columns[0].is_empty())
    }

    /// Adds the line's word; `false` where the line ends a sentence.
    fn add(&mut self) -> Result<bool, DataError> {
        let text = self.text()?;
        if text.trim().is_empty() || text.starts_with(DOCUMENT) {
            return Ok(false);
        }
        let found: Vec<&str> = fields(text, self.is_tabbed).collect();
        let count = self.columns.len();
        if text.starts_with('#') && (found.len() != count || self.is_universal()) {
            return Ok(true);
        }
        if found.len() != count {
            return Err(self.wrong(format!(
                "{} fields where other lines have {count}: each line must have a word and its tags, and an empty line must stand after each sentence",
                found.len()
            )));
        }
        // Of CoNLL-U: `1-2` stands for two words that follow, `2.1` for one that isn't written.
        if self.is_universal() && found[0].contains(['-', '.']) {
            return Ok(true);
        }
        if let Some(place) = found.iter().position(|field| field.trim().is_empty()) {
            return Err(self.wrong(format!(
                "field {} is empty: write O where a word has no tag",
                place + 1
            )));
        }
        let found: Vec<String> = found.into_iter().map(str::to_owned).collect();
        for (column, field) in self.columns.iter_mut().zip(found) {
            column.push(field);
        }
        Ok(true)
    }
}

fn fields(text: &str, is_tabbed: bool) -> Box<dyn Iterator<Item = &str> + '_> {
    if is_tabbed {
        Box::new(text.split('\t'))
    } else {
        Box::new(text.split_ascii_whitespace())
    }
}
