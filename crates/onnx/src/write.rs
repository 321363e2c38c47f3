//! The file: everything but the weights in one piece, then the weights one by one.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tunesmith_architecture::{Pooling, Spec};
use tunesmith_platform::fs::{self, File};

use crate::encoder::{ATTENTION_MASK, INPUT_IDS, TOKEN_TYPE_IDS};
use crate::graph::Graph;
use crate::head::LOGITS;
use crate::proto::{Data, Dimension, Element, GraphProto, ModelProto, ValueInfoProto};
use crate::weights::{Source, Weight};
use crate::{OPSET, OnnxError};
use tunesmith_protobuf::Message;

/// The version of the file format that came with [`OPSET`].
const IR_VERSION: i64 = 8;

/// The bytes of weights that fit into the file itself: protobuf holds 2 GB, and the graph needs some.
pub(crate) const MOST_WITHIN: u64 = (2 << 30) - (64 << 20);

/// What is added to the file's name for weights that don't fit into it, as transformers.js expects it.
const DATA_ENDING: &str = "_data";

/// Writes the graph to `path`, and weights of more than `most_within` bytes to a file beside it. Gives what was
/// written.
pub(crate) fn write(
    path: &Path,
    graph: Graph,
    spec: &Spec,
    source: &Source,
    most_within: u64,
) -> Result<Vec<PathBuf>, OnnxError> {
    let weights = graph.weights;
    for weight in &weights {
        source.check(&weight.part)?;
    }
    let mut proto = GraphProto {
        node: graph.nodes,
        name: "tunesmith",
        initializer: graph.constants,
        input: inputs(spec),
        output: vec![output(spec)],
    };
    if weights.iter().map(Weight::bytes).sum::<u64>() <= most_within {
        put(path, |file| {
            let heads: Vec<Vec<u8>> = weights.iter().map(initializer_head).collect();
            let sizes = heads.iter().zip(&weights);
            let more = sizes.map(|(head, weight)| head.len() as u64 + weight.bytes());
            file.write_all(&begin(&proto, more.sum()))
                .map_err(OnnxError::io(path))?;
            for (head, weight) in heads.iter().zip(&weights) {
                let numbers = source.read(weight)?;
                file.write_all(head)
                    .and_then(|()| file.write_all(&numbers))
                    .map_err(OnnxError::io(path))?;
            }
            Ok(())
        })?;
        return Ok(vec![path.to_owned()]);
    }
    let beside = path.with_file_name(format!("{}{DATA_ENDING}", file_name(path)));
    let mut offset = 0;
    for weight in &weights {
        let length = weight.bytes();
        proto.initializer.push(weight.tensor(Data::External {
            file: file_name(&beside),
            offset,
            length,
        }));
        offset += length;
    }
    put(&beside, |file| {
        weights.iter().try_for_each(|weight| {
            let numbers = source.read(weight)?;
            file.write_all(&numbers).map_err(OnnxError::io(&beside))
        })
    })?;
    put(path, |file| {
        file.write_all(&begin(&proto, 0))
            .map_err(OnnxError::io(path))
    })?;
    Ok(vec![path.to_owned(), beside])
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Writes a file whole, or leaves the one that was there.
fn put(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> Result<(), OnnxError>,
) -> Result<(), OnnxError> {
    let io = OnnxError::io(path);
    let partial = path.with_file_name(format!("{}.partial", file_name(path)));
    let mut file = BufWriter::new(File::create(&partial).map_err(&io)?);
    let filled = fill(&mut file).and_then(|()| file.flush().map_err(&io));
    drop(file);
    if let Err(error) = filled {
        // The room may be what is missing.
        let _ = fs::remove_file(&partial);
        return Err(error);
    }
    fs::rename(&partial, path).map_err(io)
}

/// The file up to the weights, which take `more` bytes of the graph.
fn begin(graph: &GraphProto, more: u64) -> Vec<u8> {
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "tunesmith",
        producer_version: env!("CARGO_PKG_VERSION"),
        opset: OPSET,
    };
    let (mut bytes, graph) = (model.bytes(), graph.bytes());
    ModelProto::begin_graph(&mut bytes, graph.len() as u64 + more);
    bytes.extend(graph);
    bytes
}

/// A weight's field of the graph up to its numbers.
fn initializer_head(weight: &Weight) -> Vec<u8> {
    let mut head = Vec::new();
    GraphProto::begin_initializer(&mut head, &weight.tensor(Data::Follows), weight.bytes());
    head
}

fn inputs(spec: &Spec) -> Vec<ValueInfoProto> {
    let mut names = vec![INPUT_IDS, ATTENTION_MASK];
    names.extend(spec.takes_token_types().then_some(TOKEN_TYPE_IDS));
    let inputs = names.into_iter().map(|name| ValueInfoProto {
        name,
        element: Element::Int64,
        shape: vec![BATCH, SEQUENCE],
    });
    inputs.collect()
}

fn output(spec: &Spec) -> ValueInfoProto {
    let mut shape = vec![BATCH];
    shape.extend((spec.head.pooling == Pooling::None).then_some(SEQUENCE));
    shape.push(Dimension::Value(spec.head.classifier.out));
    ValueInfoProto {
        name: LOGITS,
        element: Element::Float,
        shape,
    }
}

const BATCH: Dimension = Dimension::Param("batch_size");
const SEQUENCE: Dimension = Dimension::Param("sequence_length");
