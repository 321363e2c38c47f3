//! Writes `model.safetensors`, one tensor at a time.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use tunesmith_platform::fs::File;

use crate::CheckpointError;
use crate::safetensors::PREFIX;

/// A safetensors file of `f32` tensors that is being written: its header is there, and the values follow
/// tensor by tensor, in the order of [`Self::order`].
pub struct TensorWriter {
    path: PathBuf,
    file: BufWriter<File>,
    order: Vec<usize>,
    /// How many values each of `order` has.
    counts: Vec<usize>,
    /// How many tensors are there whole.
    written: usize,
    /// How many values of the next one are there.
    begun: usize,
}

impl TensorWriter {
    /// Writes the header for tensors of these names and shapes.
    ///
    /// # Errors
    /// Names the file that could not be written.
    pub fn create(path: &Path, tensors: &[(&str, &[usize])]) -> Result<Self, CheckpointError> {
        let io = crate::checkpoint::io(path);
        // The format's own writer orders tensors of one type by name.
        let mut order: Vec<usize> = (0..tensors.len()).collect();
        order.sort_by_key(|place| tensors[*place].0);
        let mut end = 0;
        let infos = order.iter().map(|place| {
            let (name, shape) = tensors[*place];
            let first = end;
            end += shape.iter().product::<usize>() * size_of::<f32>();
            let info = TensorInfo {
                dtype: Dtype::F32,
                shape: shape.to_vec(),
                data_offsets: (first, end),
            };
            (name.to_owned(), info)
        });
        // transformers refuses a file that doesn't say which framework's layout it has.
        let format = [("format".to_owned(), "pt".to_owned())].into();
        let metadata = Metadata::new(Some(format), infos.collect())
            .map_err(|error| io(io::Error::other(error)))?;
        let mut header = serde_json::to_vec(&metadata).map_err(|error| io(error.into()))?;
        header.resize(header.len().next_multiple_of(PREFIX as usize), b' ');
        let mut file = BufWriter::new(File::create(path).map_err(&io)?);
        file.write_all(&(header.len() as u64).to_le_bytes())
            .and_then(|()| file.write_all(&header))
            .map_err(&io)?;
        let count = |place: &usize| tensors[*place].1.iter().product();
        Ok(Self {
            path: path.to_owned(),
            file,
            counts: order.iter().map(count).collect(),
            order,
            written: 0,
            begun: 0,
        })
    }

    /// The places of the tensors given to [`Self::create`], in the order in which their values are written.
    #[must_use]
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// Writes the next tensor's values, in row-major order.
    ///
    /// # Errors
    /// Names the file that could not be written; or these are more or fewer values than the header says.
    pub fn put(&mut self, values: &[f32]) -> Result<(), CheckpointError> {
        if self.begun == 0 && self.counts.get(self.written) == Some(&values.len()) {
            return self.put_part(values);
        }
        Err(self.wrong_size(values.len()))
    }

    /// Writes some of the next tensor's values, after those that are there: for one that is larger than what
    /// there is room for at once.
    ///
    /// # Errors
    /// Names the file that could not be written; or these are more values than the header says.
    pub fn put_part(&mut self, values: &[f32]) -> Result<(), CheckpointError> {
        let io = crate::checkpoint::io(&self.path);
        let end = self.begun + values.len();
        let count = self.counts.get(self.written).copied();
        if count.is_none_or(|count| end > count) {
            return Err(self.wrong_size(end));
        }
        self.begun = end;
        if count == Some(end) {
            self.written += 1;
            self.begun = 0;
        }
        for values in values.chunks(1 << 16) {
            let bytes: Vec<u8> = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            self.file.write_all(&bytes).map_err(&io)?;
        }
        Ok(())
    }

    fn wrong_size(&self, values: usize) -> CheckpointError {
        let io = crate::checkpoint::io(&self.path);
        io(io::Error::other(format!(
            "tensor {} of {} would have {values} values, which its shape has not",
            self.written,
            self.counts.len()
        )))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// Names the file that could not be written; or tensors are missing.
    pub fn finish(mut self) -> Result<(), CheckpointError> {
        let io = crate::checkpoint::io(&self.path);
        if self.written < self.counts.len() {
            return Err(io(io::Error::other(format!(
                "{} of {} tensors were written",
                self.written,
                self.counts.len()
            ))));
        }
        self.file.flush().map_err(io)
    }
}
