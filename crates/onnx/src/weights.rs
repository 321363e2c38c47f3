//! Weights on their way from a checkpoint into an ONNX file.

use half::f16;
use tunesmith_architecture::{Family, Part, StoredNames};
use tunesmith_checkpoint::Checkpoint;
use tunesmith_protocol::OnnxDtype;

use crate::OnnxError;
use crate::graph::ZERO_POINT;
use crate::proto::{Data, Element, TensorProto};

/// What of a tensor is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Its values.
    Values,
    /// The values of a matrix, columns for rows.
    Transposed,
    /// Its values in 8 bits, by [`Self::Scales`].
    Quantized,
    /// The same, columns for rows.
    QuantizedTransposed,
    /// What a row's values of 8 bits are multiplied by, `[rows]`.
    Scales,
}

/// A tensor of the ONNX file.
#[derive(Debug, Clone)]
pub(crate) struct Weight {
    pub(crate) name: String,
    pub(crate) dims: Vec<usize>,
    pub(crate) element: Element,
    pub(crate) part: Part,
    pub(crate) content: Content,
}

impl Weight {
    /// As the file has it.
    pub(crate) fn tensor(&self, data: Data) -> TensorProto {
        TensorProto {
            name: self.name.clone(),
            dims: self.dims.clone(),
            element: self.element,
            data,
        }
    }

    /// How many bytes it takes.
    pub(crate) fn bytes(&self) -> u64 {
        let size = match self.element {
            Element::Uint8 | Element::Bool => 1,
            Element::Float16 => 2,
            Element::Float => 4,
            Element::Int64 => 8,
        };
        size * self.dims.iter().map(|&size| size as u64).product::<u64>()
    }
}

/// A checkpoint, by the names that a model's tensors have today.
pub(crate) struct Source {
    file: Checkpoint,
    names: StoredNames,
}

impl Source {
    pub(crate) fn new(file: Checkpoint, family: &'static Family) -> Self {
        let names = StoredNames::new(file.names(), family);
        Self { file, names }
    }

    /// Whether the checkpoint has the tensor, in the shape that the model has it in.
    pub(crate) fn check(&self, part: &Part) -> Result<String, OnnxError> {
        let stored = self
            .names
            .find(&part.name, |name| self.file.shape(name).is_some());
        let Some(stored) = stored else {
            return Err(OnnxError::Missing {
                path: self.file.path().to_owned(),
                name: part.name.clone(),
            });
        };
        let found = self.file.shape(&stored).unwrap_or_default();
        if found == part.shape {
            return Ok(stored);
        }
        Err(OnnxError::Shape {
            path: self.file.path().to_owned(),
            found: found.to_vec(),
            name: stored,
            expected: part.shape.clone(),
        })
    }

    /// The bytes of a tensor of the ONNX file.
    pub(crate) fn read(&self, weight: &Weight) -> Result<Vec<u8>, OnnxError> {
        let name = self.check(&weight.part)?;
        let values = self.file.read_finite(&name)?;
        let dtype = if weight.element == Element::Float16 {
            OnnxDtype::Fp16
        } else {
            OnnxDtype::Fp32
        };
        if dtype == OnnxDtype::Fp16
            && let Some(value) = values
                .iter()
                .find(|value| f16::from_f32(**value).is_infinite())
        {
            return Err(OnnxError::Range {
                path: self.file.path().to_owned(),
                name,
                value: *value,
            });
        }
        let columns = columns(&weight.part);
        Ok(match weight.content {
            Content::Values => floats(&values, dtype),
            Content::Transposed => floats(&transposed(&values, columns), dtype),
            Content::Quantized => quantized(&values, columns),
            Content::QuantizedTransposed => transposed(&quantized(&values, columns), columns),
            Content::Scales => floats(&scales(&values, columns), OnnxDtype::Fp32),
        })
    }
}

/// Numbers of a row.
fn columns(part: &Part) -> usize {
    part.shape.iter().skip(1).product::<usize>().max(1)
}

/// Little-endian numbers of the type that is computed in.
pub(crate) fn floats(values: &[f32], dtype: OnnxDtype) -> Vec<u8> {
    match dtype {
        OnnxDtype::Fp32 | OnnxDtype::Q8 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        OnnxDtype::Fp16 => {
            let halves = values.iter().map(|value| f16::from_f32(*value));
            halves.flat_map(|value| value.to_le_bytes()).collect()
        }
    }
}

fn transposed<T: Copy>(values: &[T], columns: usize) -> Vec<T> {
    let rows = values.len() / columns;
    (0..columns)
        .flat_map(|column| (0..rows).map(move |row| values[row * columns + column]))
        .collect()
}

/// For each row, its largest magnitude by 127, so that the row fits into 8 bits around [`ZERO_POINT`].
fn scales(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.chunks(columns);
    rows.map(|row| {
        let largest = row
            .iter()
            .fold(0.0_f32, |most, value| most.max(value.abs()));
        if largest > 0.0 { largest / 127.0 } else { 1.0 }
    })
    .collect()
}

fn quantized(values: &[f32], columns: usize) -> Vec<u8> {
    let rows = values.chunks(columns).zip(scales(values, columns));
    rows.flat_map(|(row, scale)| {
        row.iter().map(move |value| {
            let place = (value / scale).round_ties_even() + f32::from(ZERO_POINT);
            place.clamp(0.0, 255.0) as u8
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_turned() {
        assert_eq!(transposed(&[1, 2, 3, 4, 5, 6], 3), [1, 4, 2, 5, 3, 6]);
    }

    #[test]
    fn a_row_in_8_bits_is_within_half_a_step() {
        let values = [0.0, 0.5, -1.0, 0.3, 100.0, -3.0, 0.0, 0.0, 0.0];
        let (bytes, scales) = (quantized(&values, 3), scales(&values, 3));
        for (place, value) in values.iter().enumerate() {
            let scale = scales[place / 3];
            let again = (f32::from(bytes[place]) - f32::from(ZERO_POINT)) * scale;
            assert!(
                (again - value).abs() <= scale / 2.0 + 1e-6,
                "{value} became {again}"
            );
        }
        assert_eq!(bytes[2], 1);
        assert_eq!(bytes[4], 255);
    }
}
