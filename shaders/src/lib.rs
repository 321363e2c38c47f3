//! WGSL sources and the table of their entry points, bindings and variants.
//!
//! The text lives here, apart from the code that launches it, so that every variant can be listed,
//! completed and validated without a device, and so that `include_str!` stays inside its package.

use std::hash::{Hash, Hasher};

mod fused;
mod gemm;
mod half;
mod shared;
mod staged;
mod template;
mod tile;

pub use fused::{Fused, Pass};
pub use gemm::{Epilogue, Gemm, Layout, Sizes};
pub use half::Halves;
pub use tile::{Sharing, Staging, Tile};

/// The type of one element of a storage binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// `f32`.
    F32,
    /// `vec4<f32>`: four neighbouring columns.
    Vec4,
    /// `i32`.
    I32,
}

/// One storage buffer of a kernel. All are declared `read_write`, since cubecl packs many tensors
/// into one buffer and WebGPU forbids one buffer in two access modes.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// The variable's name in the WGSL text.
    pub name: &'static str,
    /// The element's type.
    pub element: Element,
    /// The flags that a variant must carry for this binding to exist; none: always there.
    pub when: &'static [&'static str],
}

/// A kernel: its text with placeholders, its bindings in order (the parameters follow as a uniform),
/// and the flags its variants are made of.
#[derive(Debug)]
pub struct Shader {
    /// The file's name without its ending; unique.
    pub name: &'static str,
    /// The text with placeholders.
    pub template: &'static str,
    /// Storage bindings in order.
    pub table: &'static [Binding],
    /// Invocations of a workgroup, a line of x, but for the variants with the flag `group`.
    pub workgroup_size: u32,
    /// The flags that this shader knows: one that a variant has or hasn't or, written `a|b,c|`, a choice of
    /// which it has exactly one: here `a`, `b` with `c`, or nothing.
    pub flags: &'static [&'static str],
}

// Names are unique, and a launch compares them often; the text is long.
impl PartialEq for Shader {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Shader {}

impl Hash for Shader {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// How many partial sums a block's sum of squares is split into: enough lanes for a large GPU.
pub const SUM_SQUARES_LANES: u32 = 16 * 1024;

/// Invocations of a workgroup in the variants with the flag `group`, which are for GPUs. What one lane does
/// alone in the others, a row for the most part, the lanes of a workgroup share: a GPU wants many lanes, and
/// that neighbours read neighbouring elements; a software renderer pays for every barrier. As many as a
/// subgroup of most GPUs.
pub const GROUP: u32 = 32;

/// Invocations of a workgroup in the variants with the flag `many`, where one workgroup goes through thousands
/// of rows: WebGPU promises no more.
pub const MANY: u32 = 256;

/// Columns by fours that a workgroup of [`LAYER_NORM_PARAMETERS`] sums with the flag `group`.
pub const GROUP_FOURS: u32 = 4;

/// Fours of elements that a lane of [`ADAMW`] works on, with and without its flag `chunks`: a software
/// renderer pays for a lane's beginning, a GPU wants as many lanes as there are.
pub const fn fours(chunks: bool) -> u32 {
    if chunks { 256 } else { 1 }
}

/// What a browser wants a text with subgroups to begin with, and naga doesn't read yet. A browser can't see that
/// lanes which read one length from a buffer go through a loop equally often, and would refuse to let them share in
/// it what they loaded.
pub const ENABLE_SUBGROUPS: &str = "enable subgroups;\ndiagnostic(off, subgroup_uniformity);\n";

impl Shader {
    /// The complete WGSL of the variant with these flags.
    pub fn complete(&self, flags: &[&str]) -> String {
        let text = template::sections(self.template, flags);
        let values = [
            ("bindings", self.declarations(flags)),
            ("philox", self.philox(flags)),
            (
                "activation",
                template::sections(include_str!("../wgsl/activation.wgsl"), flags),
            ),
            ("erf", include_str!("../wgsl/erf.wgsl").to_owned()),
            ("tanh", include_str!("../wgsl/tanh.wgsl").to_owned()),
            ("square", include_str!("../wgsl/square.wgsl").to_owned()),
            ("sequence", include_str!("../wgsl/sequence.wgsl").to_owned()),
            (
                "row",
                template::sections(include_str!("../wgsl/row.wgsl"), flags),
            ),
            ("workgroup_size", self.group_size(flags).to_string()),
            ("group_fours", GROUP_FOURS.to_string()),
            ("lanes", SUM_SQUARES_LANES.to_string()),
            ("fours", fours(flags.contains(&"chunks")).to_string()),
        ];
        template::fill(&text, &values)
    }

    /// Invocations of a workgroup of the variant with these flags.
    pub fn group_size(&self, flags: &[&str]) -> u32 {
        if flags.contains(&"many") {
            MANY
        } else if flags.contains(&"group") {
            GROUP
        } else {
            self.workgroup_size
        }
    }

    /// Every combination of this shader's flags.
    pub fn variants(&self) -> Vec<Vec<&'static str>> {
        self.flags.iter().fold(vec![Vec::new()], |variants, flag| {
            let choices: Vec<&'static str> = if flag.contains('|') {
                flag.split('|').collect()
            } else {
                vec!["", flag]
            };
            let joined = variants.iter().flat_map(|variant| {
                choices.iter().map(|choice| {
                    let flags = choice.split(',').filter(|flag| !flag.is_empty());
                    variant.iter().copied().chain(flags).collect()
                })
            });
            joined.collect()
        })
    }

    /// The storage bindings that the variant with these flags has.
    pub fn active_bindings(&self, flags: &[&str]) -> impl Iterator<Item = &'static Binding> {
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        self.table.iter().filter(move |binding| {
            let mut needed = binding.when.iter();
            needed.all(|flag| flags.iter().any(|f| f == flag))
        })
    }

    fn declarations(&self, flags: &[&str]) -> String {
        let bindings = self.active_bindings(flags);
        declare(bindings.map(|binding| (binding.name, binding.element)))
    }

    // A variant without dropout must not mention the generator's parameters it does not use.
    fn philox(&self, flags: &[&str]) -> String {
        let always = !self.flags.contains(&"dropout");
        if always || flags.contains(&"dropout") {
            include_str!("../wgsl/philox.wgsl").to_owned()
        } else {
            String::new()
        }
    }
}

fn declare(bindings: impl IntoIterator<Item = (&'static str, Element)>) -> String {
    let mut text = String::new();
    let mut count = 0;
    for (name, element) in bindings {
        let element = match element {
            Element::F32 => "f32",
            Element::Vec4 => "vec4<f32>",
            Element::I32 => "i32",
        };
        text += &format!(
            "@group(0) @binding({count}) var<storage, read_write> {name}: array<{element}>;\n"
        );
        count += 1;
    }
    text + &format!("@group(0) @binding({count}) var<uniform> params: Params;\n")
}

const fn binding(name: &'static str, element: Element) -> Binding {
    Binding {
        name,
        element,
        when: &[],
    }
}

const fn binding_when(
    name: &'static str,
    element: Element,
    flags: &'static [&'static str],
) -> Binding {
    Binding {
        name,
        element,
        when: flags,
    }
}

macro_rules! shaders {
    ($($constant:ident = $name:literal, $workgroup_size:literal, [$($flag:literal),*], [$($binding:expr),* $(,)?];)*) => {
        $(
            #[doc = concat!("`", $name, ".wgsl`")]
            pub const $constant: &Shader = &Shader {
                name: $name,
                template: include_str!(concat!("../wgsl/", $name, ".wgsl")),
                table: &[$($binding),*],
                workgroup_size: $workgroup_size,
                flags: &[$($flag),*],
            };
        )*
        /// Every kernel but the matrix product and attention without scores, whose texts [`Gemm`] and [`Fused`] complete.
        pub const ALL: &[&Shader] = &[$($constant),*];
    };
}

use Element::{F32, I32, Vec4};

// name, invocations a workgroup, flags, bindings: inputs, indices with the noise of a mask as the last, outputs.
shaders! {
    COPY = "copy", 64, [], [binding("x", F32), binding("output", F32)];
    CAST = "cast", 64, [], [binding("x", Vec4), binding("output", Vec4)];
    SCALE = "scale", 64, [], [binding("x", F32)];
    ZERO = "zero", 64, [], [binding("output", F32)];
    DROPOUT = "dropout", 16, ["fours|scalar", "group"], [
        binding_when("x", Vec4, &["fours"]), binding_when("x", F32, &["scalar"]), binding("noise", I32),
        binding_when("output", Vec4, &["fours"]), binding_when("output", F32, &["scalar"]),
    ];
    LAYER_NORM = "layer_norm", 16, ["residual", "dropout", "beta", "sum", "half", "group"], [
        binding("x", Vec4), binding_when("residual", Vec4, &["residual"]),
        binding("affine", Vec4), binding_when("noise", I32, &["dropout"]),
        binding("y", Vec4), binding("xhat", Vec4), binding("rstd", F32), binding_when("added", Vec4, &["sum"]),
    ];
    LAYER_NORM_BACKWARD = "layer_norm_backward", 16, ["dropout", "more", "group"], [
        binding("dy", Vec4), binding("xhat", Vec4), binding("rstd", F32), binding("affine", Vec4),
        binding_when("more", Vec4, &["more"]), binding_when("noise", I32, &["dropout"]),
        binding("dsum", Vec4), binding_when("dx", Vec4, &["dropout"]),
    ];
    LAYER_NORM_PARAMETERS = "layer_norm_parameters", 16, ["beta", "group"], [
        binding("dy", Vec4), binding("xhat", Vec4), binding("daffine", Vec4),
    ];
    ADD = "add", 16, ["dropout", "group"], [
        binding("residual", Vec4), binding("x", Vec4), binding_when("noise", I32, &["dropout"]),
        binding("output", Vec4),
    ];
    ACTIVATE = "activate", 64, ["gelu|gelu_tanh|relu|silu|tanh", "fours|scalar"], [
        binding_when("x", Vec4, &["fours"]), binding_when("x", F32, &["scalar"]),
        binding_when("y", Vec4, &["fours"]), binding_when("y", F32, &["scalar"]),
    ];
    ACTIVATE_BACKWARD = "activate_backward", 64, ["gelu|gelu_tanh|relu|silu|tanh", "fours|scalar"], [
        binding_when("x", Vec4, &["fours"]), binding_when("x", F32, &["scalar"]),
        binding_when("dy", Vec4, &["fours"]), binding_when("dy", F32, &["scalar"]),
        binding_when("dx", Vec4, &["fours"]), binding_when("dx", F32, &["scalar"]),
    ];
    GATED = "gated", 64, ["gelu|gelu_tanh|relu|silu|tanh", "fours|scalar"], [
        binding_when("x", Vec4, &["fours"]), binding_when("x", F32, &["scalar"]),
        binding_when("y", Vec4, &["fours"]), binding_when("y", F32, &["scalar"]),
    ];
    GATED_BACKWARD = "gated_backward", 64, ["gelu|gelu_tanh|relu|silu|tanh", "fours|scalar"], [
        binding_when("x", Vec4, &["fours"]), binding_when("x", F32, &["scalar"]),
        binding_when("dy", Vec4, &["fours"]), binding_when("dy", F32, &["scalar"]),
        binding_when("dx", Vec4, &["fours"]), binding_when("dx", F32, &["scalar"]),
    ];
    ROPE = "rope", 64, ["backward", "fours|scalar"], [
        binding_when("qkv", Vec4, &["fours"]), binding_when("qkv", F32, &["scalar"]),
        binding_when("table", Vec4, &["fours"]), binding_when("table", F32, &["scalar"]),
        binding("sequences", I32),
        binding_when("output", Vec4, &["fours"]), binding_when("output", F32, &["scalar"]),
    ];
    SOFTMAX = "softmax", 16, [
        "|biased,relative|biased,disentangled,keys|biased,disentangled,queries|biased,disentangled,keys,queries",
        "window", "dropout", "fours|scalar", "group"
    ], [
        binding_when("scores", Vec4, &["fours"]), binding_when("scores", F32, &["scalar"]),
        binding_when("table", F32, &["relative"]), binding_when("products", F32, &["disentangled"]),
        binding("sequences", I32), binding_when("places", I32, &["biased"]), binding_when("noise", I32, &["dropout"]),
        binding_when("probabilities", Vec4, &["fours"]), binding_when("probabilities", F32, &["scalar"]),
        binding_when("dropped", Vec4, &["fours", "dropout"]), binding_when("dropped", F32, &["scalar", "dropout"]),
    ];
    SOFTMAX_BACKWARD = "softmax_backward", 16, ["dropout", "fours|scalar", "group"], [
        binding_when("probabilities", Vec4, &["fours"]), binding_when("probabilities", F32, &["scalar"]),
        binding_when("dy", Vec4, &["fours"]), binding_when("dy", F32, &["scalar"]),
        binding("sequences", I32), binding_when("noise", I32, &["dropout"]),
        binding_when("dscores", Vec4, &["fours"]), binding_when("dscores", F32, &["scalar"]),
        binding_when("dropped", Vec4, &["fours", "dropout"]), binding_when("dropped", F32, &["scalar", "dropout"]),
    ];
    RELATIVE_BACKWARD = "relative_backward", 16, ["group"], [
        binding("dscores", F32), binding("sequences", I32), binding("places", I32), binding("table", F32),
    ];
    DISENTANGLED_BACKWARD = "disentangled_backward", 16, ["keys|queries|keys,queries", "group"], [
        binding("dscores", F32), binding("sequences", I32), binding("places", I32), binding("sums", F32),
    ];
    EMBEDDING = "embedding", 64, ["position", "token_type", "part"], [
        binding("word", Vec4),
        binding_when("position", Vec4, &["position"]), binding_when("token_type", Vec4, &["token_type"]),
        binding("ids", I32),
        binding_when("positions", I32, &["position"]), binding_when("type_ids", I32, &["token_type"]),
        binding("output", Vec4),
    ];
    SCATTER_ADD = "scatter_add", 16, ["group", "part"], [binding("x", Vec4), binding("index", I32), binding("table", Vec4)];
    POOL = "pool", 64, [], [binding("x", Vec4), binding("sequences", I32), binding("output", Vec4)];
    POOL_BACKWARD = "pool_backward", 64, [], [binding("dy", Vec4), binding("sequences", I32), binding("dx", Vec4)];
    WINDOWS = "windows", 64, [], [binding("x", F32), binding("sequences", I32), binding("output", F32)];
    WINDOWS_BACKWARD = "windows_backward", 64, [], [
        binding("dy", F32), binding("sequences", I32), binding("dx", F32),
    ];
    CROSS_ENTROPY = "cross_entropy", 1, ["|group|group,many", "weighted", "focal"], [
        binding("logits", F32), binding_when("weights", F32, &["weighted"]), binding("labels", I32),
        binding("dlogits", F32), binding("loss", F32),
    ];
    BCE_WITH_LOGITS = "bce_with_logits", 1, ["|group|group,many"], [
        binding("logits", F32), binding("targets", F32), binding("dlogits", F32), binding("loss", F32),
    ];
    MSE = "mse", 1, ["group"], [
        binding("logits", F32), binding("targets", F32), binding("dlogits", F32), binding("loss", F32),
    ];
    ADD_PARTS = "add_parts", 64, ["sums"], [
        binding("parts", Vec4), binding_when("parts_of_sums", Vec4, &["sums"]),
        binding("c", Vec4), binding_when("sums", Vec4, &["sums"]),
    ];
    SUM_SQUARES = "sum_squares", 16, [], [binding("x", Vec4), binding("partial", F32)];
    CLIP = "clip", 64, [], [binding("partial", F32), binding("norm", F32)];
    ADAMW = "adamw", 64, ["chunks"], [
        binding("hyper", F32), binding("norm", F32), binding("parameter", Vec4),
        binding("gradient", Vec4), binding("momentum", Vec4), binding("variance", Vec4),
    ];
}
