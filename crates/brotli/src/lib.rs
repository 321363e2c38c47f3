//! In place of the crate `brotli`, whose API this is as far as the parquet crate calls it: it decompresses.
//!
//! The parquet crate has one codec for both directions. The compressor, which nothing here calls, would be
//! several times the size of the decompressor in what a browser downloads.

use std::io::{Error, ErrorKind, Read, Result, Take, Write};
use std::marker::PhantomData;

/// Bytes that are decompressed at once.
const BUFFER: usize = 1 << 16;

/// Decompresses what `R` gives.
pub struct Decompressor<R: Read>(Take<brotli_decompressor::Decompressor<R>>);

impl<R: Read> Decompressor<R> {
    /// The parquet crate names the size that a page says it has. One that holds more ends a byte past
    /// it, which the parquet crate notices: a small file can't fill the memory.
    pub fn new(reader: R, size: usize) -> Self {
        let decompressor = brotli_decompressor::Decompressor::new(reader, size.clamp(1, BUFFER));
        Self(decompressor.take((size as u64).saturating_add(1)))
    }
}

impl<R: Read> Read for Decompressor<R> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        self.0.read(bytes)
    }
}

/// Compresses nothing: writing brotli is not built in.
pub struct CompressorWriter<W>(PhantomData<W>);

impl<W> CompressorWriter<W> {
    /// Takes what the compressor of this name takes.
    pub fn new(_writer: W, _buffer_size: usize, _quality: u32, _window: u32) -> Self {
        Self(PhantomData)
    }
}

impl<W> Write for CompressorWriter<W> {
    fn write(&mut self, _bytes: &[u8]) -> Result<usize> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "compressing with brotli is not built in",
        ))
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// `hello` as one block of bytes as they are.
    const STREAM: &[u8] = b"\x0b\x02\x80hello\x03";

    #[test]
    fn no_more_is_decompressed_than_was_announced() {
        let read = |size| {
            let mut bytes = Vec::new();
            Decompressor::new(STREAM, size)
                .read_to_end(&mut bytes)
                .map(|_| bytes)
        };
        assert_eq!(read(5).unwrap(), b"hello");
        assert_eq!(read(3).unwrap(), b"hell");
        let mut bytes = Vec::new();
        assert!(
            Decompressor::new(&STREAM[..4], 5)
                .read_to_end(&mut bytes)
                .is_err()
        );
        assert!(
            CompressorWriter::new(bytes, 4096, 1, 22)
                .write_all(b"hello")
                .is_err()
        );
    }
}
