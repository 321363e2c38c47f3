//! A graph of ONNX operators while it is built.

use std::collections::{HashMap, HashSet};

use tunesmith_architecture::{Activation, Linear, Norm, Part, Table};
use tunesmith_protocol::OnnxDtype;

use crate::proto::{Attribute, AttributeProto, Data, Element, NodeProto, TensorProto};
use crate::weights::{Content, Weight};

/// The element type of what is computed.
fn computed(dtype: OnnxDtype) -> Element {
    match dtype {
        OnnxDtype::Fp32 | OnnxDtype::Q8 => Element::Float,
        OnnxDtype::Fp16 => Element::Float16,
    }
}

/// What stands for 0 in weights of 8 bits.
pub(crate) const ZERO_POINT: u8 = 128;

/// Operators in the order in which they run, and what they read. A value is known by its name.
#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) dtype: OnnxDtype,
    pub(crate) nodes: Vec<NodeProto>,
    pub(crate) constants: Vec<TensorProto>,
    pub(crate) weights: Vec<Weight>,
    /// Names of constants and weights that are there.
    known: HashSet<String>,
    /// What a value is in 8 bits: its numbers, its scale, its zero point.
    quantized: HashMap<String, [String; 3]>,
}

impl Graph {
    pub(crate) fn new(dtype: OnnxDtype) -> Self {
        Self {
            dtype,
            nodes: Vec::new(),
            constants: Vec::new(),
            weights: Vec::new(),
            known: HashSet::new(),
            quantized: HashMap::new(),
        }
    }

    /// An operator without attributes.
    pub(crate) fn op(&mut self, name: &str, inputs: &[&str]) -> String {
        self.op_with(name, inputs, Vec::new())
    }

    /// An operator with one result.
    pub(crate) fn op_with(
        &mut self,
        name: &str,
        inputs: &[&str],
        attributes: Vec<AttributeProto>,
    ) -> String {
        let [output] = self.op_of(name, inputs, attributes);
        output
    }

    /// An operator with several results.
    pub(crate) fn op_of<const N: usize>(
        &mut self,
        name: &str,
        inputs: &[&str],
        attributes: Vec<AttributeProto>,
    ) -> [String; N] {
        let place = self.nodes.len();
        let outputs: [String; N] = std::array::from_fn(|output| match output {
            0 => format!("{name}_{place}"),
            _ => format!("{name}_{place}.{output}"),
        });
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: outputs.to_vec(),
            name: format!("{name}_{place}"),
            op_type: name.to_owned(),
            attribute: attributes,
        });
        outputs
    }

    /// Gives a value another name, that of an output.
    pub(crate) fn output(&mut self, value: &str, name: &str) {
        self.nodes.push(NodeProto {
            input: vec![value.to_owned()],
            output: vec![name.to_owned()],
            name: name.to_owned(),
            op_type: "Cast".to_owned(),
            attribute: vec![int("to", Element::Float as i64)],
        });
    }

    fn constant(
        &mut self,
        name: String,
        dims: &[usize],
        element: Element,
        numbers: Vec<u8>,
    ) -> String {
        if self.known.insert(name.clone()) {
            self.constants.push(TensorProto {
                name: name.clone(),
                dims: dims.to_vec(),
                element,
                data: Data::Here(numbers),
            });
        }
        name
    }

    /// A value as another type.
    pub(crate) fn cast(&mut self, value: &str, to: Element) -> String {
        self.op_with("Cast", &[value], vec![int("to", to as i64)])
    }

    /// Whole numbers, `[values]`.
    pub(crate) fn ints(&mut self, values: &[i64]) -> String {
        let words: Vec<String> = values.iter().map(i64::to_string).collect();
        self.named_ints(format!("ints_{}", words.join("_")), values)
    }

    /// Whole numbers, `[values]`, too many to be named after.
    pub(crate) fn named_ints(&mut self, name: String, values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.constant(name, &[values.len()], Element::Int64, bytes.collect())
    }

    /// A whole number, without dimensions.
    pub(crate) fn int(&mut self, value: i64) -> String {
        let bytes = value.to_le_bytes().to_vec();
        self.constant(format!("int_{value}"), &[], Element::Int64, bytes)
    }

    /// A number of the type that is computed in, without dimensions.
    pub(crate) fn number(&mut self, value: f32) -> String {
        self.numbers(format!("number_{value}"), &[], &[value])
    }

    /// Numbers of the type that is computed in.
    pub(crate) fn numbers(&mut self, name: String, dims: &[usize], values: &[f32]) -> String {
        let element = computed(self.dtype);
        let bytes = crate::weights::floats(values, self.dtype);
        self.constant(name, dims, element, bytes)
    }

    /// Numbers in single precision, whatever the model's are.
    pub(crate) fn singles(&mut self, name: String, values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.constant(name, &[values.len()], Element::Float, bytes.collect())
    }

    /// A value in the type that is computed in.
    pub(crate) fn computed(&mut self, value: &str) -> String {
        self.cast(value, computed(self.dtype))
    }

    /// The lowest number of the type that is computed in: the score of what isn't looked at.
    pub(crate) fn lowest(&mut self) -> String {
        match self.dtype {
            OnnxDtype::Fp32 | OnnxDtype::Q8 => self.number(f32::MIN),
            OnnxDtype::Fp16 => self.number(half::f16::MIN.to_f32()),
        }
    }

    /// A tensor of the checkpoint, in the type of the model.
    fn weight(&mut self, part: &Part, content: Content) -> String {
        let (name, dims, element) = match content {
            Content::Values => (part.name.clone(), part.shape.clone(), computed(self.dtype)),
            Content::Transposed => (
                format!("{}.transposed", part.name),
                part.shape.iter().rev().copied().collect(),
                computed(self.dtype),
            ),
            Content::Quantized => (
                format!("{}.quantized", part.name),
                part.shape.clone(),
                Element::Uint8,
            ),
            Content::QuantizedTransposed => (
                format!("{}.quantized_transposed", part.name),
                part.shape.iter().rev().copied().collect(),
                Element::Uint8,
            ),
            Content::Scales => (
                format!("{}.scales", part.name),
                part.shape.iter().take(1).copied().collect(),
                Element::Float,
            ),
        };
        if self.known.insert(name.clone()) {
            self.weights.push(Weight {
                name: name.clone(),
                dims,
                element,
                part: part.clone(),
                content,
            });
        }
        name
    }

    /// A tensor of the checkpoint as it is, in the type that is computed in.
    pub(crate) fn values(&mut self, part: &Part) -> String {
        self.weight(part, Content::Values)
    }

    /// The rows of a table: `ids` of any shape, and one dimension more.
    pub(crate) fn rows(&mut self, table: &Table, ids: &str) -> String {
        let declaration = table.declaration();
        let part = &declaration.parts[0];
        if self.dtype != OnnxDtype::Q8 {
            let values = self.values(part);
            return self.op("Gather", &[&values, ids]);
        }
        let [quantized, scales] =
            [Content::Quantized, Content::Scales].map(|content| self.weight(part, content));
        let quantized = self.op("Gather", &[&quantized, ids]);
        let scales = self.op("Gather", &[&scales, ids]);
        let last = self.ints(&[-1]);
        let scales = self.op("Unsqueeze", &[&scales, &last]);
        let numbers = self.computed(&quantized);
        let zero = self.number(ZERO_POINT.into());
        let numbers = self.op("Sub", &[&numbers, &zero]);
        self.op("Mul", &[&numbers, &scales])
    }

    /// `y = x W^T + b` of each of the layers that lie next to each other, `[..., out]`.
    pub(crate) fn linear(&mut self, x: &str, spec: &Linear) -> Vec<String> {
        let (weight, bias) = (spec.weight(), spec.bias());
        let weights = weight.parts.iter().enumerate();
        weights
            .map(|(place, part)| {
                let product = self.product(x, part);
                match &bias {
                    Some(bias) => {
                        let bias = self.values(&bias.parts[place]);
                        self.op("Add", &[&product, &bias])
                    }
                    None => product,
                }
            })
            .collect()
    }

    /// A linear layer that lies by itself.
    pub(crate) fn one_linear(&mut self, x: &str, spec: &Linear) -> String {
        self.linear(x, spec).swap_remove(0)
    }

    fn product(&mut self, x: &str, part: &Part) -> String {
        if self.dtype != OnnxDtype::Q8 {
            let weight = self.weight(part, Content::Transposed);
            return self.op("MatMul", &[x, &weight]);
        }
        let [weight, weight_scales] = [Content::QuantizedTransposed, Content::Scales]
            .map(|content| self.weight(part, content));
        let zero = self.constant(
            "zero_point".to_owned(),
            &[],
            Element::Uint8,
            vec![ZERO_POINT],
        );
        let [numbers, scale, zero_point] = self.quantized(x);
        let product = self.op("MatMulInteger", &[&numbers, &weight, &zero_point, &zero]);
        let product = self.computed(&product);
        let scales = self.op("Mul", &[&scale, &weight_scales]);
        self.op("Mul", &[&product, &scales])
    }

    /// A value in 8 bits, once for all layers that read it.
    fn quantized(&mut self, x: &str) -> [String; 3] {
        if let Some(known) = self.quantized.get(x) {
            return known.clone();
        }
        let outputs = self.op_of("DynamicQuantizeLinear", &[x], Vec::new());
        self.quantized.insert(x.to_owned(), outputs.clone());
        outputs
    }

    /// LayerNorm of the last dimension.
    pub(crate) fn norm(&mut self, x: &str, spec: &Norm) -> String {
        let parts = spec.affine().parts;
        let affine: Vec<String> = parts.iter().map(|part| self.values(part)).collect();
        let mut inputs = vec![x];
        inputs.extend(affine.iter().map(String::as_str));
        let attributes = vec![int("axis", -1), float("epsilon", spec.epsilon)];
        self.op_with("LayerNormalization", &inputs, attributes)
    }

    /// An activation function.
    pub(crate) fn activate(&mut self, activation: Activation, x: &str) -> String {
        match activation {
            Activation::Relu => self.op("Relu", &[x]),
            Activation::Tanh => self.op("Tanh", &[x]),
            Activation::Silu => {
                let gate = self.op("Sigmoid", &[x]);
                self.op("Mul", &[x, &gate])
            }
            Activation::Gelu => {
                // As PyTorch's exporter writes it: runtimes know the pattern.
                let root = self.number(std::f32::consts::SQRT_2);
                let scaled = self.op("Div", &[x, &root]);
                let erf = self.op("Erf", &[&scaled]);
                self.half_of(x, &erf)
            }
            Activation::GeluTanh => {
                let [cubic, factor] = [0.044_715, (2.0 / std::f32::consts::PI).sqrt()]
                    .map(|value| self.number(value));
                let square = self.op("Mul", &[x, x]);
                let cube = self.op("Mul", &[&square, x]);
                let cube = self.op("Mul", &[&cube, &cubic]);
                let sum = self.op("Add", &[x, &cube]);
                let scaled = self.op("Mul", &[&sum, &factor]);
                let tanh = self.op("Tanh", &[&scaled]);
                self.half_of(x, &tanh)
            }
        }
    }

    /// `0.5 * x * (1 + y)`.
    fn half_of(&mut self, x: &str, y: &str) -> String {
        let [one, half] = [1.0, 0.5].map(|value| self.number(value));
        let gate = self.op("Add", &[y, &one]);
        let product = self.op("Mul", &[x, &gate]);
        self.op("Mul", &[&product, &half])
    }

    /// The last dimension in as many equal parts.
    pub(crate) fn split<const N: usize>(&mut self, x: &str, size: usize) -> [String; N] {
        let sizes = self.ints(&[size as i64; N]);
        self.op_of("Split", &[x, &sizes], vec![int("axis", -1)])
    }
}

/// An attribute that is a whole number.
pub(crate) fn int(name: &'static str, value: i64) -> AttributeProto {
    AttributeProto {
        name,
        value: Attribute::Int(value),
    }
}

/// An attribute that is a list of whole numbers.
pub(crate) fn ints(name: &'static str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name,
        value: Attribute::Ints(values.to_vec()),
    }
}

fn float(name: &'static str, value: f32) -> AttributeProto {
    AttributeProto {
        name,
        value: Attribute::Float(value),
    }
}
