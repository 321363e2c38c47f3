//! The messages of an ONNX file that are written here, with the numbers that `onnx.proto3` gives their fields
//! (github.com/onnx/onnx, `onnx/onnx.proto3`).

use tunesmith_protobuf::{Message, bytes, float, int, length, message};

/// The file up to its graph.
#[derive(Debug)]
pub(crate) struct ModelProto {
    pub(crate) ir_version: i64,
    pub(crate) producer_name: &'static str,
    pub(crate) producer_version: &'static str,
    /// The version of ONNX's own operators.
    pub(crate) opset: i64,
}

impl Message for ModelProto {
    fn put(&self, to: &mut Vec<u8>) {
        int(to, 1, self.ir_version);
        bytes(to, 2, self.producer_name.as_bytes());
        bytes(to, 3, self.producer_version.as_bytes());
        message(to, 8, &OperatorSetIdProto(self.opset));
    }
}

impl ModelProto {
    /// The beginning of the graph's field, whose bytes follow.
    pub(crate) fn begin_graph(to: &mut Vec<u8>, len: u64) {
        length(to, 7, len);
    }
}

struct OperatorSetIdProto(i64);

impl Message for OperatorSetIdProto {
    fn put(&self, to: &mut Vec<u8>) {
        bytes(to, 1, b"");
        int(to, 2, self.0);
    }
}

#[derive(Debug)]
pub(crate) struct GraphProto {
    pub(crate) node: Vec<NodeProto>,
    pub(crate) name: &'static str,
    pub(crate) initializer: Vec<TensorProto>,
    pub(crate) input: Vec<ValueInfoProto>,
    pub(crate) output: Vec<ValueInfoProto>,
}

impl Message for GraphProto {
    fn put(&self, to: &mut Vec<u8>) {
        self.node.iter().for_each(|node| message(to, 1, node));
        bytes(to, 2, self.name.as_bytes());
        let tensors = self.initializer.iter();
        tensors.for_each(|tensor| message(to, Self::INITIALIZER, tensor));
        self.input.iter().for_each(|value| message(to, 11, value));
        self.output.iter().for_each(|value| message(to, 12, value));
    }
}

impl GraphProto {
    const INITIALIZER: u64 = 5;

    /// The beginning of one more initializer, whose `len` bytes of numbers follow.
    pub(crate) fn begin_initializer(to: &mut Vec<u8>, tensor: &TensorProto, len: u64) {
        let mut fields = tensor.bytes();
        length(&mut fields, TensorProto::RAW_DATA, len);
        length(to, Self::INITIALIZER, fields.len() as u64 + len);
        to.extend(fields);
    }
}

#[derive(Debug)]
pub(crate) struct NodeProto {
    pub(crate) input: Vec<String>,
    pub(crate) output: Vec<String>,
    pub(crate) name: String,
    pub(crate) op_type: String,
    pub(crate) attribute: Vec<AttributeProto>,
}

impl Message for NodeProto {
    fn put(&self, to: &mut Vec<u8>) {
        self.input
            .iter()
            .for_each(|name| bytes(to, 1, name.as_bytes()));
        self.output
            .iter()
            .for_each(|name| bytes(to, 2, name.as_bytes()));
        bytes(to, 3, self.name.as_bytes());
        bytes(to, 4, self.op_type.as_bytes());
        self.attribute.iter().for_each(|one| message(to, 5, one));
    }
}

#[derive(Debug)]
pub(crate) struct AttributeProto {
    pub(crate) name: &'static str,
    pub(crate) value: Attribute,
}

#[derive(Debug)]
pub(crate) enum Attribute {
    Float(f32),
    Int(i64),
    Ints(Vec<i64>),
}

impl Message for AttributeProto {
    fn put(&self, to: &mut Vec<u8>) {
        bytes(to, 1, self.name.as_bytes());
        let kind = match &self.value {
            Attribute::Float(value) => {
                float(to, 2, *value);
                1
            }
            Attribute::Int(value) => {
                int(to, 3, *value);
                2
            }
            Attribute::Ints(values) => {
                values.iter().for_each(|value| int(to, 8, *value));
                7
            }
        };
        int(to, 20, kind);
    }
}

#[derive(Debug)]
pub(crate) struct TensorProto {
    pub(crate) name: String,
    pub(crate) dims: Vec<usize>,
    pub(crate) element: Element,
    pub(crate) data: Data,
}

/// The types of elements, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    Float = 1,
    Uint8 = 2,
    Int64 = 7,
    Bool = 9,
    Float16 = 10,
}

/// Where a tensor's numbers are.
#[derive(Debug)]
pub(crate) enum Data {
    Here(Vec<u8>),
    /// They follow ([`GraphProto::begin_initializer`]).
    Follows,
    /// In another file beside this one.
    External {
        file: String,
        offset: u64,
        length: u64,
    },
}

impl TensorProto {
    const RAW_DATA: u64 = 9;
}

impl Message for TensorProto {
    fn put(&self, to: &mut Vec<u8>) {
        self.dims.iter().for_each(|&size| int(to, 1, size as i64));
        int(to, 2, self.element as i64);
        bytes(to, 8, self.name.as_bytes());
        match &self.data {
            Data::Here(numbers) => bytes(to, Self::RAW_DATA, numbers),
            Data::Follows => {}
            Data::External {
                file,
                offset,
                length,
            } => {
                for (key, value) in [
                    ("location", file.clone()),
                    ("offset", offset.to_string()),
                    ("length", length.to_string()),
                ] {
                    message(to, 13, &StringStringEntryProto { key, value });
                }
                // EXTERNAL.
                int(to, 14, 1);
            }
        }
    }
}

struct StringStringEntryProto {
    key: &'static str,
    value: String,
}

impl Message for StringStringEntryProto {
    fn put(&self, to: &mut Vec<u8>) {
        bytes(to, 1, self.key.as_bytes());
        bytes(to, 2, self.value.as_bytes());
    }
}

/// An input or an output.
#[derive(Debug)]
pub(crate) struct ValueInfoProto {
    pub(crate) name: &'static str,
    pub(crate) element: Element,
    pub(crate) shape: Vec<Dimension>,
}

/// A size, or the name of one that isn't known.
#[derive(Debug)]
pub(crate) enum Dimension {
    Value(usize),
    Param(&'static str),
}

impl Message for ValueInfoProto {
    fn put(&self, to: &mut Vec<u8>) {
        bytes(to, 1, self.name.as_bytes());
        message(to, 2, &TypeProto(self));
    }
}

/// A tensor's type; ONNX has other ones too.
struct TypeProto<'a>(&'a ValueInfoProto);

impl Message for TypeProto<'_> {
    fn put(&self, to: &mut Vec<u8>) {
        message(to, 1, &TensorTypeProto(self.0));
    }
}

struct TensorTypeProto<'a>(&'a ValueInfoProto);

impl Message for TensorTypeProto<'_> {
    fn put(&self, to: &mut Vec<u8>) {
        int(to, 1, self.0.element as i64);
        message(to, 2, &TensorShapeProto(&self.0.shape));
    }
}

struct TensorShapeProto<'a>(&'a [Dimension]);

impl Message for TensorShapeProto<'_> {
    fn put(&self, to: &mut Vec<u8>) {
        self.0.iter().for_each(|size| message(to, 1, size));
    }
}

impl Message for Dimension {
    fn put(&self, to: &mut Vec<u8>) {
        match self {
            Self::Value(size) => int(to, 1, *size as i64),
            Self::Param(name) => bytes(to, 2, name.as_bytes()),
        }
    }
}
