//! A file as its reader wants it: unpacked, of a known format, its text as UTF-8.

use std::cell::{Cell, OnceCell};
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tunesmith_platform::fs::{self, File};

use super::csv::Dialect;
use super::encoding::{self, Encoding};
use super::packed::{self, Contents, Layer, Magic, STEP};
use crate::{DataError, Format};

/// A file in a file in a file is nobody's intention.
const MOST_LAYERS: usize = 4;

#[derive(Clone)]
enum Origin {
    File(PathBuf),
    Bytes(Bytes),
}

/// A file on disk, bytes, or what is packed in them.
pub(crate) struct Source {
    origin: Origin,
    name: String,
    layers: Vec<Layer>,
    encoding: Cell<Encoding>,
    /// How a CSV file is written, once that was looked at.
    pub(super) dialect: OnceCell<Dialect>,
}

impl Source {
    pub(crate) fn file(path: PathBuf) -> Self {
        let name = path.display().to_string();
        Self::new(Origin::File(path), name, Vec::new())
    }

    pub(crate) fn bytes(name: &str, bytes: Bytes) -> Self {
        Self::new(Origin::Bytes(bytes), name.to_owned(), Vec::new())
    }

    fn new(origin: Origin, name: String, layers: Vec<Layer>) -> Self {
        Self {
            origin,
            name,
            layers,
            encoding: Cell::new(Encoding::Utf8),
            dialect: OnceCell::new(),
        }
    }

    pub(crate) fn name(&self) -> String {
        self.name.clone()
    }

    /// The name of the member of a zip that this is.
    pub(crate) fn member(&self) -> Option<&str> {
        match self.layers.first()? {
            Layer::Member(member) => Some(&member.name),
            _ => None,
        }
    }

    /// The path, where the file is read as it lies on the disk.
    pub(super) fn plain_path(&self) -> Option<&Path> {
        match &self.origin {
            Origin::File(path) if self.layers.is_empty() => Some(path),
            _ => None,
        }
    }

    fn size(&self) -> io::Result<u64> {
        match &self.origin {
            Origin::File(path) => Ok(fs::metadata(path)?.len()),
            Origin::Bytes(bytes) => Ok(bytes.len() as u64),
        }
    }

    /// The bytes, unpacked.
    fn open_unpacked(&self) -> io::Result<Box<dyn BufRead + '_>> {
        let member = match self.layers.first() {
            Some(Layer::Member(member)) => Some(member),
            _ => None,
        };
        let mut reader: Box<dyn BufRead + '_> = match (&self.origin, member) {
            (Origin::File(path), Some(member)) => member.cut(File::open(path)?)?,
            (Origin::Bytes(bytes), Some(member)) => member.cut(Cursor::new(&bytes[..]))?,
            (Origin::File(path), None) => {
                Box::new(BufReader::with_capacity(STEP, File::open(path)?))
            }
            (Origin::Bytes(bytes), None) => Box::new(&bytes[..]),
        };
        if !self.layers.is_empty() {
            let size = self.size()?;
            for layer in &self.layers {
                reader = packed::unpack(layer, reader, size);
            }
        }
        Ok(reader)
    }

    /// The first bytes, unpacked.
    fn head(&self) -> Result<Vec<u8>, DataError> {
        let mut head = Vec::new();
        self.open_unpacked()
            .and_then(|reader| reader.take(16).read_to_end(&mut head))
            .map_err(|error| self.io_error(error))?;
        Ok(head)
    }

    /// Whether the rows are larger than the file.
    pub(crate) fn is_packed(&self) -> bool {
        !self.layers.is_empty()
    }

    /// The text, as UTF-8 without a byte order mark.
    pub(super) fn open(&self) -> Result<Box<dyn BufRead + '_>, DataError> {
        self.open_unpacked()
            .and_then(|reader| encoding::decode(self.encoding.get(), reader))
            .map_err(|error| self.io_error(error))
    }

    /// All of it in memory, unpacked.
    pub(super) fn read(&self) -> Result<Bytes, DataError> {
        if let (Origin::Bytes(bytes), true) = (&self.origin, self.layers.is_empty()) {
            return Ok(bytes.clone());
        }
        let mut bytes = Vec::new();
        self.open_unpacked()
            .and_then(|mut reader| reader.read_to_end(&mut bytes))
            .map_err(|error| self.io_error(error))?;
        Ok(bytes.into())
    }

    pub(super) fn io_error(&self, source: io::Error) -> DataError {
        match source.get_ref() {
            Some(inner) if inner.is::<packed::Damaged>() => self.error(inner.to_string()),
            _ => DataError::io("read", Path::new(&self.name))(source),
        }
    }

    /// What is wrong with the file as a whole.
    pub(super) fn error(&self, reason: impl Into<String>) -> DataError {
        DataError::File {
            file: self.name(),
            reason: reason.into(),
        }
    }

    pub(super) fn line_error(&self, line: u64, reason: impl Into<String>) -> DataError {
        DataError::Line {
            file: self.name(),
            line,
            reason: reason.into(),
        }
    }

    /// Unpacks it as far as it is packed, and tells the format by its first bytes, else by `hint` and the
    /// name. A zip becomes the files in it. `warn` hears what a person should know.
    pub(crate) fn resolve(
        mut self,
        hint: Option<Format>,
        warn: &mut dyn FnMut(String),
    ) -> Result<Vec<(Self, Format)>, DataError> {
        let named = || Format::of(Path::new(&self.name)).or_else(|| Format::of_named(&self.name));
        let hint = hint.or_else(named);
        loop {
            let layer = match Magic::of(&self.head()?) {
                Magic::Gzip => Layer::Gzip,
                Magic::Zstd => Layer::Zstd,
                Magic::Zip => return self.resolve_zip(hint, warn),
                Magic::Parquet => return Ok(vec![(self, Format::Parquet)]),
                Magic::Other(what) => return Err(self.error(format!("this is {what}"))),
                Magic::None => break self.check_cut()?,
            };
            if self.layers.len() == MOST_LAYERS {
                return Err(self.error("it is packed in itself again and again: unpack it first"));
            }
            self.layers.push(layer);
        }
        match hint {
            None => Err(self.error(format!(
                "the name does not say the format: it must end in {}",
                Format::ENDINGS
            ))),
            Some(Format::Sheet) => Err(self.error(
                "this is not a workbook, whatever its name says: save it as .xlsx or as CSV",
            )),
            Some(Format::Parquet) => Ok(vec![(self, Format::Parquet)]),
            Some(format) => {
                self.detect_encoding(warn)?;
                Ok(vec![(self, format)])
            }
        }
    }

    /// Of a packed file so little may be left that its first bytes say nothing: it would be read as text.
    fn check_cut(&self) -> Result<(), DataError> {
        /// Fewer bytes than any packed file begins with.
        const SHORTEST: usize = 4;
        const PACKED: [&str; 3] = [".gz", ".zip", ".zst"];
        let name = self.name.to_lowercase();
        let is_packed = PACKED.iter().any(|ending| name.ends_with(ending));
        let length = self.head()?.len();
        if self.layers.is_empty() && is_packed && length < SHORTEST {
            return Err(self.error(format!(
                "it ends after {length} bytes, so it is no whole packed file: copy or download it again"
            )));
        }
        Ok(())
    }

    /// What the zip holds that this file is.
    fn contents(&self) -> Result<Contents, DataError> {
        let contents = match &self.origin {
            Origin::File(path) if self.layers.is_empty() => {
                let file = File::open(path).map_err(|error| self.io_error(error))?;
                packed::contents(BufReader::new(file))
            }
            _ => packed::contents(Cursor::new(self.read()?)),
        };
        contents.map_err(|reason| self.error(reason))
    }

    /// The names of the data files in a zip; none of another file.
    pub(crate) fn members(&self) -> Result<Vec<String>, DataError> {
        if Magic::of(&self.head()?) != Magic::Zip {
            return Ok(Vec::new());
        }
        let Contents::Members(members) = self.contents()? else {
            return Ok(Vec::new());
        };
        let names = members.iter().map(|member| member.name.to_string());
        let mut names: Vec<String> = names
            .filter(|name| Format::of(Path::new(name)).is_some())
            .filter(|name| !crate::layout::is_ignored(name))
            .collect();
        names.sort();
        Ok(names)
    }

    /// One file of a zip.
    pub(crate) fn resolve_member(
        self,
        name: &str,
        warn: &mut dyn FnMut(String),
    ) -> Result<Vec<(Self, Format)>, DataError> {
        if let Contents::Members(members) = self.contents()?
            && let Some(member) = members.into_iter().find(|member| &*member.name == name)
        {
            return self.inside(member).resolve(None, warn);
        }
        Err(self.error(format!(
            "the zip was changed while it was read: {name} is gone"
        )))
    }

    fn inside(&self, member: packed::Member) -> Self {
        let name = format!("{}/{}", self.name, member.name);
        Self::new(self.origin.clone(), name, vec![Layer::Member(member)])
    }

    fn resolve_zip(
        self,
        hint: Option<Format>,
        warn: &mut dyn FnMut(String),
    ) -> Result<Vec<(Self, Format)>, DataError> {
        let members = match self.contents()? {
            Contents::Workbook => return Ok(vec![(self, Format::Sheet)]),
            Contents::Other(what) => return Err(self.error(format!("this is {what}"))),
            Contents::Members(members) => members,
        };
        if !self.layers.is_empty() {
            return Err(self.error("a zip packed in another file: unpack it first"));
        }
        let alone = members.len() == 1;
        // A name without an ending says nothing where there is nothing else.
        let format = |member: &packed::Member| {
            Format::of(Path::new(&*member.name))
                .or(hint.filter(|_| alone))
                .filter(|_| !crate::layout::is_ignored(&member.name))
        };
        // As in a folder: the same rows may lie there in several formats.
        let best = Format::best(members.iter().filter_map(format));
        let mut sources = Vec::new();
        for member in members {
            if best.is_some() && format(&member) == best {
                sources.extend(self.inside(member).resolve(best, warn)?);
            }
        }
        sources.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        if sources.is_empty() {
            return Err(self.error(format!(
                "no data file in the zip: one must end in {}",
                Format::ENDINGS
            )));
        }
        Ok(sources)
    }

    fn detect_encoding(&self, warn: &mut dyn FnMut(String)) -> Result<(), DataError> {
        let mut reader = self.open_unpacked().map_err(|error| self.io_error(error))?;
        let encoding = encoding::detect(&mut *reader).map_err(|flaw| match flaw {
            encoding::Flaw::Io(error) => self.io_error(error),
            encoding::Flaw::File(reason) => self.error(reason),
            encoding::Flaw::Byte { line, column } => DataError::NotUtf8 {
                file: self.name(),
                line,
                byte: column,
            },
        })?;
        if let Some(name) = encoding.name() {
            warn(format!(
                "{} is not in UTF-8; it is read as {name}",
                self.name
            ));
        }
        self.encoding.set(encoding);
        Ok(())
    }
}
