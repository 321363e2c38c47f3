//! What a file is packed in: gzip, zstd, a member of a zip. By its first bytes, whatever its name is.
//!
//! Bytes are unpacked while they are read. How many may come out is bounded, so that a small file that
//! would unpack to more than a disk holds is an error, not an hour.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use flate2::bufread::{DeflateDecoder, MultiGzDecoder};
use ruzstd::decoding::FrameDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use zip::{CompressionMethod, ZipArchive};

/// What may always come out of a packed file.
const FREE: u64 = 256 << 20;
/// What may come out of it beyond that, for each of its bytes. Text of any language comes to 10; rows that
/// are nearly alike to 100.
const RATIO: u64 = 200;

/// Text readers are read in steps of this many bytes.
pub(super) const STEP: usize = 1 << 18;

/// One thing that a file is packed in.
#[derive(Clone, Debug)]
pub(super) enum Layer {
    Gzip,
    Zstd,
    /// A member of a zip, which is the file itself.
    Member(Member),
}

/// Where a member lies in its zip, and how.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// Its name in the archive.
    pub(super) name: Arc<str>,
    start: u64,
    packed: u64,
    deflated: bool,
    crc32: u32,
}

/// What the first bytes of a file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Magic {
    Gzip,
    Zstd,
    Zip,
    Parquet,
    /// Formats that are known and not read, with what to do.
    Other(&'static str),
    /// Nothing: text, or a format that is not known here.
    None,
}

impl Magic {
    pub(super) fn of(head: &[u8]) -> Self {
        const PICTURES: &str = "a picture, not a table";
        let unpack = "unpack it first: gzip, zip and zstd are read as they are";
        let known: [(&[u8], Self); 15] = [
            (b"\x1f\x8b", Self::Gzip),
            (b"\x28\xb5\x2f\xfd", Self::Zstd),
            (b"PK\x03\x04", Self::Zip),
            (b"PK\x05\x06", Self::Zip),
            (b"PAR1", Self::Parquet),
            (b"BZh", Self::Other(unpack)),
            (b"\xfd7zXZ\0", Self::Other(unpack)),
            (b"7z\xbc\xaf\x27\x1c", Self::Other(unpack)),
            (b"Rar!\x1a\x07", Self::Other(unpack)),
            (
                b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
                Self::Other("a workbook of Excel 97 (.xls): save it as .xlsx or as CSV"),
            ),
            (b"ARROW1", Self::Other("an Arrow file: write it as parquet")),
            (
                b"%PDF",
                Self::Other("a PDF, not a table: save the rows as CSV"),
            ),
            (
                b"SQLite format 3\0",
                Self::Other("an SQLite database: export the rows as CSV"),
            ),
            (b"\x89PNG", Self::Other(PICTURES)),
            (b"\xff\xd8\xff\xe0", Self::Other(PICTURES)),
        ];
        // Skippable frames of zstd have one of sixteen numbers.
        if head.len() >= 4 && head[0] & 0xf0 == 0x50 && head[1..4] == *b"\x2a\x4d\x18" {
            return Self::Zstd;
        }
        known
            .into_iter()
            .find(|(magic, _)| head.starts_with(magic))
            .map_or(Self::None, |(_, found)| found)
    }
}

/// A packed file that can't be unpacked, as an error of input and output.
#[derive(Debug)]
pub(super) struct Damaged(String);

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Damaged {}

fn damaged(reason: impl fmt::Display) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        Damaged(format!(
            "the packed data is damaged or cut short ({reason}): download it or pack it again"
        )),
    )
}

/// Puts the reader of a layer around `reader`, which reads `size` bytes in all.
pub(super) fn unpack<'a>(
    layer: &Layer,
    reader: Box<dyn BufRead + 'a>,
    size: u64,
) -> Box<dyn BufRead + 'a> {
    let unpacked: Box<dyn Read + 'a> = match layer {
        Layer::Gzip => Box::new(MultiGzDecoder::new(reader)),
        Layer::Zstd => Box::new(Zstd::new(reader)),
        Layer::Member(member) if member.deflated => {
            Box::new(Checked::new(DeflateDecoder::new(reader), member.crc32))
        }
        Layer::Member(member) => Box::new(Checked::new(reader, member.crc32)),
    };
    let most = FREE.max(size.saturating_mul(RATIO));
    let bounded = Bounded {
        inner: unpacked,
        left: most,
        most,
    };
    Box::new(BufReader::with_capacity(STEP, bounded))
}

/// Reads `most` bytes and no more, and tells errors of the reader inside as damage.
struct Bounded<R> {
    inner: R,
    left: u64,
    most: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes).map_err(|error| {
            // An inner layer has said it already.
            if error.get_ref().is_some_and(|inner| inner.is::<Damaged>()) {
                error
            } else {
                damaged(error)
            }
        })?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                Damaged(format!(
                    "it unpacks to more than {} MB, {RATIO} times its size, as archives made to fill a disk do: unpack it yourself where it is meant",
                    self.most >> 20
                )),
            )
        })?;
        Ok(read)
    }
}

/// Compares the checksum at the end.
struct Checked<R> {
    inner: R,
    crc: flate2::Crc,
    expected: u32,
}

impl<R> Checked<R> {
    fn new(inner: R, expected: u32) -> Self {
        Self {
            inner,
            crc: flate2::Crc::new(),
            expected,
        }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.crc.update(&bytes[..read]);
        if read == 0 && !bytes.is_empty() && self.crc.sum() != self.expected {
            return Err(damaged("its checksum is wrong"));
        }
        Ok(read)
    }
}

/// The frames of a zstd file, one after the other.
struct Zstd<R> {
    reader: R,
    decoder: FrameDecoder,
    in_frame: bool,
}

impl<R: BufRead> Zstd<R> {
    fn new(reader: R) -> Self {
        Self {
            reader,
            decoder: FrameDecoder::new(),
            in_frame: false,
        }
    }

    /// Begins the next frame; `false` where there is none.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.reader.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.reader) {
                Ok(()) => {
                    self.in_frame = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let skipped = (&mut self.reader).take(u64::from(length));
                    if io::copy(&mut { skipped }, &mut io::sink())? < u64::from(length) {
                        return Err(damaged("a frame is cut short"));
                    }
                }
                Err(error) => return Err(damaged(error)),
            }
        }
        Ok(false)
    }

    fn end(&mut self) -> io::Result<()> {
        self.in_frame = false;
        let written = self.decoder.get_checksum_from_data();
        if written.is_some() && written != self.decoder.get_calculated_checksum() {
            return Err(damaged("its checksum is wrong"));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        use ruzstd::decoding::BlockDecodingStrategy::UptoBlocks;
        if bytes.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.in_frame && !self.begin()? {
                return Ok(0);
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                self.decoder
                    .decode_blocks(&mut self.reader, UptoBlocks(1))
                    .map_err(damaged)?;
            }
            let read = self.decoder.read(bytes)?;
            if read > 0 {
                return Ok(read);
            }
            self.end()?;
        }
    }
}

/// What a zip holds.
pub(super) enum Contents {
    /// A workbook (.xlsx).
    Workbook,
    /// Files, by name.
    Members(Vec<Member>),
    /// A document of a kind that is not read, with what to do.
    Other(&'static str),
}

/// Lists a zip. `Err` has the reason, for a person.
pub(super) fn contents<R: Read + Seek>(reader: R) -> Result<Contents, String> {
    let wrong = |error: &dyn fmt::Display| {
        format!("the zip is damaged or cut short ({error}): download it or pack it again")
    };
    let mut archive = ZipArchive::new(reader).map_err(|error| wrong(&error))?;
    let mut members = Vec::new();
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index).map_err(|error| wrong(&error))?;
        let name = file.name().replace('\\', "/");
        match name.as_str() {
            "xl/workbook.xml" => return Ok(Contents::Workbook),
            "xl/workbook.bin" => {
                return Ok(Contents::Other(
                    "a binary workbook (.xlsb): save it as .xlsx or as CSV",
                ));
            }
            "word/document.xml" => {
                return Ok(Contents::Other(
                    "a text document, not a table: save the rows as CSV",
                ));
            }
            "content.xml" => {
                return Ok(Contents::Other(
                    "an OpenDocument file: save it as .xlsx or as CSV",
                ));
            }
            _ => {}
        }
        if file.is_dir() || crate::layout::is_hidden(&name) {
            continue;
        }
        if file.encrypted() {
            return Err(format!("{name} in it has a password: unpack it first"));
        }
        let deflated = match file.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            other => {
                return Err(format!(
                    "{name} in it is packed with {other}; deflate is read: unpack it first, or pack it again"
                ));
            }
        };
        let start = file
            .data_start()
            .ok_or_else(|| wrong(&"a member without data"))?;
        members.push(Member {
            name: name.into(),
            start,
            packed: file.compressed_size(),
            deflated,
            crc32: file.crc32(),
        });
    }
    Ok(Contents::Members(members))
}

impl Member {
    /// The member's packed bytes.
    pub(super) fn cut<'a, R: Read + Seek + 'a>(
        &self,
        mut reader: R,
    ) -> io::Result<Box<dyn BufRead + 'a>> {
        reader.seek(SeekFrom::Start(self.start))?;
        let packed = reader.take(self.packed);
        Ok(Box::new(BufReader::with_capacity(STEP, packed)))
    }
}
