//! The records of an event file, which TensorBoard reads: an `Event` of `tensorflow/core/util/event.proto` behind its
//! length and between checksums (`tensorflow/core/lib/io/record_writer.cc`).

use tunesmith_protobuf::{Message, bytes, double, float, int, message};

/// What the first record says.
const FILE_VERSION: &[u8] = b"brain.Event:2";

/// The record that begins a file, at a time in seconds since 1970.
#[must_use]
pub fn begin(wall_time: f64) -> Vec<u8> {
    record(&Event {
        wall_time,
        step: 0,
        what: What::FileVersion,
    })
}

/// The record of values at a step.
#[must_use]
pub fn scalars(wall_time: f64, step: u64, values: &[(String, f64)]) -> Vec<u8> {
    record(&Event {
        wall_time,
        step: step.cast_signed(),
        what: What::Values(values),
    })
}

/// What transformers' `TensorBoardCallback` calls a value of the log: `train/loss`, `eval/accuracy`.
#[must_use]
pub fn tag(name: &str) -> String {
    match name.split_once('_') {
        Some((split @ ("eval" | "test"), rest)) => format!("{split}/{rest}"),
        _ => format!("train/{name}"),
    }
}

struct Event<'a> {
    wall_time: f64,
    step: i64,
    what: What<'a>,
}

enum What<'a> {
    FileVersion,
    Values(&'a [(String, f64)]),
}

impl Message for Event<'_> {
    fn put(&self, to: &mut Vec<u8>) {
        double(to, 1, self.wall_time);
        int(to, 2, self.step);
        match self.what {
            What::FileVersion => bytes(to, 3, FILE_VERSION),
            What::Values(values) => message(to, 5, &Summary(values)),
        }
    }
}

struct Summary<'a>(&'a [(String, f64)]);

impl Message for Summary<'_> {
    fn put(&self, to: &mut Vec<u8>) {
        for (tag, value) in self.0 {
            message(to, 1, &Value { tag, value: *value });
        }
    }
}

struct Value<'a> {
    tag: &'a str,
    value: f64,
}

impl Message for Value<'_> {
    fn put(&self, to: &mut Vec<u8>) {
        bytes(to, 1, self.tag.as_bytes());
        float(to, 2, self.value as f32);
    }
}

fn record(event: &Event<'_>) -> Vec<u8> {
    let event = event.bytes();
    let length = (event.len() as u64).to_le_bytes();
    let mut record = length.to_vec();
    record.extend(checksum(&length));
    record.extend(&event);
    record.extend(checksum(&event));
    record
}

/// CRC32C, rotated and moved on, as `tensorflow/core/lib/hash/crc32c.h` masks it.
fn checksum(bytes: &[u8]) -> [u8; 4] {
    let sum = crc32c::crc32c(bytes);
    sum.rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_those_of_transformers() {
        let tags = ["loss", "eval_f1_macro", "train_runtime", "learning_rate"].map(tag);
        let wanted = [
            "train/loss",
            "eval/f1_macro",
            "train/train_runtime",
            "train/learning_rate",
        ];
        assert_eq!(tags, wanted);
    }

    #[test]
    fn a_record_is_tensorboards() {
        // masked_crc32c(struct.pack("<Q", 2)) of tensorboard 2.21's tensorflow_stub.
        assert_eq!(checksum(&2u64.to_le_bytes()), [0x78, 0x27, 0x0b, 0x34]);
        // Event(wall_time=1.5, step=3, summary=Summary(value=[Summary.Value(tag="train/loss",
        // simple_value=0.25)])).SerializeToString() of its protocol.
        let record = scalars(1.5, 3, &[("train/loss".to_owned(), 0.25)]);
        let event = &record[12..record.len() - 4];
        let hex: String = event.iter().map(|byte| format!("{byte:02x}")).collect();
        let wanted = "09000000000000f83f10032a130a110a0a747261696e2f6c6f7373150000803e";
        assert_eq!(hex, wanted);
        assert_eq!(record[..8], (event.len() as u64).to_le_bytes());
        assert_eq!(record[record.len() - 4..], checksum(event));
    }
}
