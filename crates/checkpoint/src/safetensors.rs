//! The format of `model.safetensors`.

use std::io::Read;
use std::path::Path;

use safetensors::tensor::Metadata;
use tunesmith_platform::fs::{self, File};

use crate::checkpoint::{Opened, io};
use crate::stored::{Stored, TensorInfo};
use crate::{CheckpointError, Dtype};

/// The length of the header's length.
pub(crate) const PREFIX: u64 = 8;

/// More than any real header has, and little enough to be read at once; the format's own limit.
const MOST_HEADER: u64 = 100_000_000;

/// Reads what the file holds, and none of the values yet.
pub(crate) fn open(path: &Path) -> Result<Opened, CheckpointError> {
    let corrupt = |message: String| CheckpointError::Corrupt {
        path: path.to_owned(),
        format: "safetensors",
        message,
    };
    let length = fs::metadata(path).map_err(io(path))?.len();
    let mut file = File::open(path).map_err(io(path))?;
    let short = || corrupt(format!("it ends after {length} bytes, within its header"));
    if length < PREFIX {
        return Err(short());
    }
    let mut prefix = [0; PREFIX as usize];
    file.read_exact(&mut prefix).map_err(io(path))?;
    let header_length = u64::from_le_bytes(prefix);
    if header_length > MOST_HEADER {
        return Err(corrupt(format!(
            "its header would have {header_length} bytes: it is not a safetensors file"
        )));
    }
    let start = PREFIX + header_length;
    if length < start {
        return Err(short());
    }
    let mut header = vec![0; header_length as usize];
    file.read_exact(&mut header).map_err(io(path))?;
    // This checks shapes and offsets against one another.
    let metadata: Metadata =
        serde_json::from_slice(&header).map_err(|error| corrupt(error.to_string()))?;
    let promised = start.saturating_add(metadata.data_len() as u64);
    if promised != length {
        return Err(corrupt(format!(
            "its header tells of {promised} bytes, and it has {length}"
        )));
    }
    let tensors = metadata.tensors().into_iter().map(|(name, info)| {
        let stored = Stored {
            info: TensorInfo {
                dtype: dtype(info.dtype),
                shape: info.shape.clone(),
            },
            start: start + info.data_offsets.0 as u64,
            strides: None,
        };
        (name, stored)
    });
    Ok(Opened {
        tensors: tensors.collect(),
        file,
    })
}

fn dtype(dtype: safetensors::Dtype) -> Dtype {
    match dtype {
        safetensors::Dtype::F64 => Dtype::F64,
        safetensors::Dtype::F32 => Dtype::F32,
        safetensors::Dtype::F16 => Dtype::F16,
        safetensors::Dtype::BF16 => Dtype::BF16,
        other => Dtype::Other(format!("{other:?}")),
    }
}
