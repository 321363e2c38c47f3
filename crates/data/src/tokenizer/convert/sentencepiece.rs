//! Reads what a tokenizer needs of a sentencepiece model, which is a message of protobuf
//! (`sentencepiece_model.proto`): pieces, the unknown one, and the normalizer's table of characters.
//!
//! Three fields of nested messages are all that is asked for, too little for a crate of protobuf and a
//! build of its schema.

/// A model of sentencepiece.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// In the order of ids.
    pub(super) pieces: Vec<Piece>,
    /// The id of the unknown piece.
    pub(super) unknown: u64,
    /// The normalizer's table; empty, where it changes nothing.
    pub(super) charsmap: Vec<u8>,
}

/// A piece of text and its score.
#[derive(Debug, Default)]
pub(super) struct Piece {
    pub(super) text: String,
    /// The logarithm of its probability, or less the rank of its merge.
    pub(super) score: f32,
    kind: u64,
}

impl Piece {
    const CONTROL: u64 = 3;
    const USER_DEFINED: u64 = 4;

    /// Whether it is found in a text before that is split.
    pub(super) fn is_added(&self) -> bool {
        matches!(self.kind, Self::CONTROL | Self::USER_DEFINED)
    }

    pub(super) fn is_control(&self) -> bool {
        self.kind == Self::CONTROL
    }
}

impl Model {
    /// Fails for what is not such a message, or has no pieces.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut model = Self::default();
        read_fields(bytes, |field| {
            match field {
                (1, Value::Bytes(piece)) => model.pieces.push(read_piece(piece)?),
                (2, Value::Bytes(trainer)) => read_fields(trainer, |field| {
                    if let (40, Value::Number(id)) = field {
                        model.unknown = id;
                    }
                    Ok(())
                })?,
                (3, Value::Bytes(normalizer)) => read_fields(normalizer, |field| {
                    if let (2, Value::Bytes(table)) = field {
                        model.charsmap = table.to_vec();
                    }
                    Ok(())
                })?,
                _ => {}
            }
            Ok(())
        })?;
        if model.pieces.is_empty() {
            return Err("it is not a sentencepiece model: it has no pieces".to_owned());
        }
        Ok(model)
    }
}

fn read_piece(bytes: &[u8]) -> Result<Piece, String> {
    // A normal one, where nothing is said.
    let mut piece = Piece {
        kind: 1,
        ..Piece::default()
    };
    read_fields(bytes, |field| {
        match field {
            (1, Value::Bytes(text)) => {
                let text = std::str::from_utf8(text);
                text.map_err(|_| "a piece of it is not UTF-8".to_owned())?
                    .clone_into(&mut piece.text);
            }
            (2, Value::Fixed32(bits)) => piece.score = f32::from_bits(bits),
            (3, Value::Number(kind)) => piece.kind = kind,
            _ => {}
        }
        Ok(())
    })?;
    if !piece.score.is_finite() {
        return Err(format!(
            "its piece {:?} has the score {}",
            piece.text, piece.score
        ));
    }
    Ok(piece)
}

enum Value<'a> {
    Number(u64),
    Fixed32(u32),
    Fixed64,
    Bytes(&'a [u8]),
}

/// Hands on each field of a message with its number.
fn read_fields<'a>(
    mut rest: &'a [u8],
    mut take: impl FnMut((u64, Value<'a>)) -> Result<(), String>,
) -> Result<(), String> {
    let damaged = || "it is not a complete sentencepiece model: download it again".to_owned();
    while !rest.is_empty() {
        let key = varint(&mut rest).ok_or_else(damaged)?;
        let value = match key & 7 {
            0 => varint(&mut rest).map(Value::Number),
            1 => split(&mut rest, 8).map(|_| Value::Fixed64),
            2 => varint(&mut rest)
                .and_then(|length| split(&mut rest, usize::try_from(length).ok()?))
                .map(Value::Bytes),
            5 => split(&mut rest, 4)
                .and_then(|bytes| bytes.try_into().ok())
                .map(|bytes| Value::Fixed32(u32::from_le_bytes(bytes))),
            _ => None,
        };
        take((key >> 3, value.ok_or_else(damaged)?))?;
    }
    Ok(())
}

fn split<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (first, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(first)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = split(rest, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_unknown_ones_passed_over() {
        // pieces { piece: "a" score: -1.5 type: CONTROL }, a number, 8 bytes, trainer { unk_id: 300 }
        let mut bytes = vec![0x0a, 10, 0x0a, 1, b'a', 0x15];
        bytes.extend((-1.5_f32).to_le_bytes());
        bytes[1] = 10;
        bytes.extend([0x18, 3]);
        bytes[1] = (bytes.len() - 2) as u8;
        bytes.extend([0x50, 1, 0x59, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([0x12, 4, 0xc0, 0x02, 0xac, 0x02]);
        let model = Model::read(&bytes).unwrap();
        assert_eq!(model.unknown, 300);
        assert_eq!(model.pieces[0].text, "a");
        assert_eq!(model.pieces[0].score.to_bits(), (-1.5_f32).to_bits());
        assert!(model.pieces[0].is_control());
        for end in 0..bytes.len() {
            // A cut between two fields leaves a shorter model; any other is told.
            if let Err(message) = Model::read(&bytes[..end]) {
                assert!(message.contains("sentencepiece model"), "{message}");
            }
        }
    }
}
