//! Where a tensor's values lie in a file, and how they become `f32`.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use half::{bf16, f16};

/// How many bytes are read at once.
const PIECE: usize = 1 << 20;

/// The type of a tensor's elements in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dtype {
    /// 64 bits; rounded to `f32` when read.
    F64,
    /// 32 bits.
    F32,
    /// 16 bits, IEEE half precision.
    F16,
    /// 16 bits, the upper half of an `f32`.
    BF16,
    /// Of another type, which weights aren't: integers, mostly. It can't be read.
    Other(String),
}

impl Dtype {
    /// Bytes of an element, of those that can be read.
    fn bytes(&self) -> Option<usize> {
        match self {
            Self::F64 => Some(8),
            Self::F32 => Some(4),
            Self::F16 | Self::BF16 => Some(2),
            Self::Other(_) => None,
        }
    }

    fn decode(&self, bytes: &[u8], values: &mut Vec<f32>) {
        match self {
            Self::F64 => values.extend(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|b| f64::from_le_bytes(*b) as f32),
            ),
            Self::F32 => values.extend(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b))),
            Self::F16 => values.extend(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|b| f16::from_le_bytes(*b).to_f32()),
            ),
            Self::BF16 => values.extend(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|b| bf16::from_le_bytes(*b).to_f32()),
            ),
            Self::Other(_) => {}
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(name) => f.write_str(name),
            known => write!(f, "{known:?}"),
        }
    }
}

/// What a file says of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// The type of its elements.
    pub dtype: Dtype,
    /// Its dimensions, outermost first; none for a single value.
    pub shape: Vec<usize>,
}

/// A tensor in a file. Whoever makes one has compared it with the file's length.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) info: TensorInfo,
    /// Where its first element lies, in bytes from the file's beginning.
    pub(crate) start: u64,
    /// How many elements lie between neighbours of each dimension; `None` where they follow one another.
    pub(crate) strides: Option<Vec<usize>>,
}

/// Why a tensor's values aren't there.
pub(crate) enum Unread {
    Dtype,
    Io(io::Error),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Stored {
    pub(crate) fn count(&self) -> usize {
        self.info.shape.iter().product()
    }

    /// The elements of a range, in row-major order; the range is within the tensor.
    pub(crate) fn read(
        &self,
        file: &mut (impl Read + Seek),
        range: Range<usize>,
    ) -> Result<Vec<f32>, Unread> {
        if self.info.dtype.bytes().is_none() {
            return Err(Unread::Dtype);
        }
        let Some(strides) = &self.strides else {
            return self.run(file, range);
        };
        let shape = &self.info.shape;
        if range.is_empty() {
            return Ok(Vec::new());
        }
        // Whatever lies between the first and the last element, of which those that belong are picked.
        let reach: usize = shape.iter().zip(strides).map(|(n, s)| (n - 1) * s).sum();
        let all = self.run(file, 0..reach + 1)?;
        let mut values = reserved(range.len())?;
        for place in range {
            let (mut rest, mut at) = (place, 0);
            for (size, stride) in shape.iter().zip(strides).rev() {
                at += rest % size * stride;
                rest /= size;
            }
            values.push(all[at]);
        }
        Ok(values)
    }

    // Elements that follow one another, from the tensor's first on.
    fn run(&self, file: &mut (impl Read + Seek), range: Range<usize>) -> Result<Vec<f32>, Unread> {
        let size = self.info.dtype.bytes().ok_or(Unread::Dtype)?;
        let mut values = reserved(range.len())?;
        file.seek(SeekFrom::Start(self.start + (range.start * size) as u64))?;
        let mut left = range.len() * size;
        let mut piece = vec![0; left.min(PIECE)];
        while left > 0 {
            let now = left.min(PIECE);
            file.read_exact(&mut piece[..now])?;
            self.info.dtype.decode(&piece[..now], &mut values);
            left -= now;
        }
        Ok(values)
    }
}

// An allocation that fails is an error, where the allocator says so.
fn reserved(count: usize) -> Result<Vec<f32>, Unread> {
    let mut values = Vec::new();
    let failed = |_| io::Error::from(io::ErrorKind::OutOfMemory);
    values.try_reserve_exact(count).map_err(failed)?;
    Ok(values)
}
