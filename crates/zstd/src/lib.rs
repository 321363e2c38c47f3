//! In place of the crate `zstd`, whose API this is as far as the parquet crate calls it: it decompresses.
//!
//! The parquet crate can't be given a codec, and its own for zstd is the C library, for which wasm32 has no
//! compiler. Files compressed with zstd are what polars writes unasked. This puts the decoder `ruzstd`,
//! which is Rust, in its place on every target, so that all of them read the same files. Nothing here
//! compresses: that is an error.

/// Whole buffers at once.
pub mod bulk {
    use std::io::{Cursor, Error, ErrorKind, Result};
    use std::marker::PhantomData;

    use ruzstd::decoding::FrameDecoder;

    /// Compresses nothing: writing zstd is not built in.
    pub struct Compressor<'a>(PhantomData<&'a ()>);

    impl Compressor<'_> {
        /// Takes any level.
        ///
        /// # Errors
        /// Never.
        pub fn new(_level: i32) -> Result<Self> {
            Ok(Self(PhantomData))
        }

        /// Refuses.
        ///
        /// # Errors
        /// Always.
        pub fn compress_to_buffer(
            &mut self,
            _source: &[u8],
            _destination: &mut Cursor<&mut Vec<u8>>,
        ) -> Result<usize> {
            Err(Error::new(
                ErrorKind::Unsupported,
                "compressing with zstd is not built in",
            ))
        }
    }

    /// Decompresses frames.
    pub struct Decompressor<'a> {
        decoder: FrameDecoder,
        dictionary: PhantomData<&'a ()>,
    }

    impl Decompressor<'_> {
        /// A decoder without a dictionary.
        ///
        /// # Errors
        /// Never.
        pub fn new() -> Result<Self> {
            Ok(Self {
                decoder: FrameDecoder::new(),
                dictionary: PhantomData,
            })
        }

        /// Decompresses all frames of `source` to where the cursor stands, into the room that the vector
        /// has there, and gives the number of bytes.
        ///
        /// # Errors
        /// Bytes that are no frames of zstd, and frames that hold more than there is room for.
        pub fn decompress_to_buffer(
            &mut self,
            source: &[u8],
            destination: &mut Cursor<&mut Vec<u8>>,
        ) -> Result<usize> {
            let start = usize::try_from(destination.position()).map_err(Error::other)?;
            let buffer = destination.get_mut();
            if start > buffer.len() {
                return Err(Error::from(ErrorKind::InvalidInput));
            }
            let room = buffer.capacity();
            buffer.resize(room, 0);
            let decoded = self.decoder.decode_all(source, &mut buffer[start..]);
            buffer.truncate(start + *decoded.as_ref().unwrap_or(&0));
            let written = decoded.map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
            destination.set_position((start + written) as u64);
            Ok(written)
        }
    }
}

/// What is asked of a frame without decompressing it.
pub mod zstd_safe {
    /// The size that a frame says it has; not looked up here, where callers know it already.
    ///
    /// # Errors
    /// Never.
    pub fn get_frame_content_size(_source: &[u8]) -> Result<Option<u64>, std::io::Error> {
        Ok(None)
    }

    /// The room that compressing would need.
    pub fn compress_bound(length: usize) -> usize {
        length
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Cursor;

    use super::bulk::{Compressor, Decompressor};

    /// A frame with one block of five bytes as they are: `hello`.
    const FRAME: &[u8] = b"\x28\xb5\x2f\xfd\x20\x05\x29\x00\x00hello";

    fn decompress(source: &[u8], room: usize) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(room);
        bytes.extend_from_slice(b"> ");
        let mut cursor = Cursor::new(&mut bytes);
        cursor.set_position(2);
        Decompressor::new()?.decompress_to_buffer(source, &mut cursor)?;
        Ok(bytes)
    }

    #[test]
    fn frames_are_appended() {
        assert_eq!(decompress(FRAME, 7).unwrap(), b"> hello");
        let twice = [FRAME, FRAME].concat();
        assert_eq!(decompress(&twice, 100).unwrap(), b"> hellohello");
    }

    #[test]
    fn what_is_no_frame_or_too_long_is_an_error() {
        assert!(decompress(b"hello", 100).is_err());
        assert!(decompress(&FRAME[..FRAME.len() - 1], 100).is_err());
        let mut small = Vec::with_capacity(4);
        let mut cursor = Cursor::new(&mut small);
        let mut decompressor = Decompressor::new().unwrap();
        assert!(
            decompressor
                .decompress_to_buffer(FRAME, &mut cursor)
                .is_err()
        );
        let mut compressor = Compressor::new(3).unwrap();
        assert!(
            compressor
                .compress_to_buffer(b"hello", &mut cursor)
                .is_err()
        );
    }
}
