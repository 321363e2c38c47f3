//! Protobuf's wire format, as far as it is written here (protobuf.dev/programming-guides/encoding). A crate
//! for it would bring a compiler of its own or procedural macros, for five kinds of fields.

/// A message, which is its fields one after another.
pub trait Message {
    /// Appends the fields.
    fn put(&self, to: &mut Vec<u8>);

    /// The fields alone.
    #[must_use]
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.put(&mut bytes);
        bytes
    }
}

const VARINT: u64 = 0;
const EIGHT_BYTES: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;
const FOUR_BYTES: u64 = 5;

fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 1 << 7 {
        to.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// A field that is a whole number.
pub fn int(to: &mut Vec<u8>, tag: u64, value: i64) {
    varint(to, tag << 3 | VARINT);
    varint(to, value.cast_unsigned());
}

/// A field that is a number in single precision.
pub fn float(to: &mut Vec<u8>, tag: u64, value: f32) {
    varint(to, tag << 3 | FOUR_BYTES);
    to.extend(value.to_le_bytes());
}

/// A field that is a number in double precision.
pub fn double(to: &mut Vec<u8>, tag: u64, value: f64) {
    varint(to, tag << 3 | EIGHT_BYTES);
    to.extend(value.to_le_bytes());
}

/// The beginning of a field of so many bytes, which follow.
pub fn length(to: &mut Vec<u8>, tag: u64, bytes: u64) {
    varint(to, tag << 3 | LENGTH_DELIMITED);
    varint(to, bytes);
}

/// A field that is a text or bytes.
pub fn bytes(to: &mut Vec<u8>, tag: u64, value: &[u8]) {
    length(to, tag, value.len() as u64);
    to.extend(value);
}

/// A field that is a message.
pub fn message(to: &mut Vec<u8>, tag: u64, value: &impl Message) {
    bytes(to, tag, &value.bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_own_examples() {
        let mut written = Vec::new();
        int(&mut written, 1, 150);
        bytes(&mut written, 2, b"testing");
        assert_eq!(
            written,
            [
                0x08, 0x96, 0x01, 0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67
            ]
        );
        let mut negative = Vec::new();
        int(&mut negative, 1, -2);
        assert_eq!(
            negative,
            [
                0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01
            ]
        );
    }
}
