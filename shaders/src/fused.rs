//! The text of attention that writes no scores: a token's numbers of a head are registers of its lane, unrolled by
//! fours.

use crate::{Element, declare, template};

/// Which pass of attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pass {
    /// The context.
    Context,
    /// The gradient of queries, and what that of keys needs of each query.
    Queries,
    /// The gradient of keys.
    Keys,
    /// The gradient of values.
    Values,
}

/// One variant of attention that writes no scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fused {
    /// The pass.
    pub pass: Pass,
    /// Fours of a head's numbers.
    pub fours: u32,
    /// Whether weights are dropped.
    pub dropout: bool,
}

/// Tokens that a workgroup brings to its memory at a time.
const OTHERS: u32 = 16;

/// Goes through four keys. Left to the driver: unrolled here, the kernel of a wide head takes a software renderer
/// minutes to compile.
const FOUR_KEYS: &str = "            for (var c = 0u; c < count; c++) {
                let at = (4u * four + c) * FOURS;
";

impl Fused {
    /// Invocations of a workgroup, each with a token of its own.
    pub const LANES: u32 = 64;

    /// The most fours of a head: three tokens' numbers must fit a lane's registers.
    pub const MOST_FOURS: u32 = 16;

    /// Variants for heads of 4 and 64 numbers, to be tested.
    pub fn variants() -> Vec<Self> {
        let passes = [Pass::Context, Pass::Queries, Pass::Keys, Pass::Values];
        let mut all = Vec::new();
        for pass in passes {
            for fours in [1, Self::MOST_FOURS] {
                all.extend([false, true].map(|dropout| Self {
                    pass,
                    fours,
                    dropout,
                }));
            }
        }
        all
    }

    /// The storage bindings in order, with the elements of each.
    pub fn bindings(&self) -> Vec<(&'static str, Element)> {
        use Element::{F32, I32, Vec4};
        let mut bindings = vec![("qkv", Vec4)];
        bindings.extend(match self.pass {
            Pass::Context => &[][..],
            Pass::Queries => &[("dcontext", Vec4), ("context", Vec4), ("ends", F32)],
            Pass::Keys => &[("dcontext", Vec4), ("ends", F32), ("deltas", F32)],
            Pass::Values => &[("dcontext", Vec4), ("ends", F32)],
        });
        bindings.push(("sequences", I32));
        if self.dropout {
            bindings.push(("noise", I32));
        }
        bindings.extend(match self.pass {
            Pass::Context => &[("context", Vec4), ("ends", F32)][..],
            Pass::Queries => &[("dqkv", Vec4), ("deltas", F32)],
            Pass::Keys | Pass::Values => &[("dqkv", Vec4)],
        });
        bindings
    }

    /// The complete WGSL of this variant.
    pub fn complete(&self) -> String {
        let by_key = matches!(self.pass, Pass::Keys | Pass::Values);
        let mut flags = vec![];
        if by_key {
            flags.push("by_key");
        }
        if self.pass == Pass::Keys {
            flags.push("keys");
        }
        if self.dropout {
            flags.push("dropout");
        }
        let [before, each, after] = match self.pass {
            Pass::Context => self.context(),
            Pass::Queries => self.queries(),
            Pass::Keys => self.keys(),
            Pass::Values => self.values(),
        };
        let philox = if self.dropout {
            include_str!("../wgsl/philox.wgsl")
        } else {
            ""
        };
        let values = [
            ("bindings", declare(self.bindings())),
            ("philox", philox.to_owned()),
            ("sequence", include_str!("../wgsl/sequence.wgsl").to_owned()),
            ("workgroup_size", Self::LANES.to_string()),
            ("others", OTHERS.to_string()),
            ("fours", self.fours.to_string()),
            ("memory", (OTHERS * self.fours).to_string()),
            ("masks", (OTHERS * Self::LANES).to_string()),
            ("before", before),
            ("each", each),
            ("after", after),
        ];
        let text = template::sections(include_str!("../wgsl/fused.wgsl"), &flags);
        template::fill(&text, &values)
    }

    /// A line for each of a head's fours.
    fn lines(&self, line: impl Fn(u32) -> String) -> String {
        (0..self.fours).map(line).collect()
    }

    /// The product of a lane's registers with a token in workgroup memory.
    fn product(&self, registers: &str, memory: &str, at: &str) -> String {
        let terms: Vec<_> = (0..self.fours)
            .map(|d| format!("dot({registers}{d}, {memory}[{at} + {d}u])"))
            .collect();
        terms.join(" + ")
    }

    /// What a lane computes of each of four keys: products of registers with workgroup memory, by name.
    fn products(&self, products: &[[&str; 3]]) -> String {
        let mut text = String::new();
        for [name, ..] in products {
            text += &format!("            var {name} = vec4<f32>(0.0);\n");
        }
        text += FOUR_KEYS;
        for [name, registers, memory] in products {
            let product = self.product(registers, memory, "at");
            text += &format!("                {name}[c] = {product};\n");
        }
        text + "            }\n"
    }

    /// Adds to a lane's sums four tokens of workgroup memory by their weights.
    fn add_four(&self, weights: &str, memory: &str) -> String {
        FOUR_KEYS.to_owned()
            + &self.lines(|d| {
                format!("                sum{d} += {weights}[c] * {memory}[at + {d}u];\n")
            })
            + "            }\n"
    }

    fn sums(&self) -> String {
        self.lines(|d| format!("    var sum{d} = vec4<f32>(0.0);\n"))
    }

    /// A lane's own numbers, from a buffer to registers.
    fn own(&self, name: &str, from: &str, factor: &str) -> String {
        format!("    for (var d = 0u; d < width; d++) {{ moved[d] = {from} + d]; }}\n")
            + &self.lines(|d| format!("    let {name}{d} = moved[{d}]{factor};\n"))
    }

    /// A lane's sums, from registers to a buffer.
    fn store(&self, to: &str, factor: &str) -> String {
        self.lines(|d| format!("        moved[{d}] = sum{d};\n"))
            + &format!(
                "        for (var d = 0u; d < width; d++) {{ {to} + d] = moved[d]{factor}; }}\n"
            )
    }

    /// The query, by the scale of scores.
    fn query(&self) -> String {
        self.own("query", "qkv[own", " * params.scale")
    }

    fn draw(&self) -> &'static str {
        if self.dropout {
            "    let draw = this_draw(row, head);\n"
        } else {
            ""
        }
    }

    fn context(&self) -> [String; 3] {
        let dropped = if self.dropout { " * factors" } else { "" };
        let before = self.query()
            + &self.sums()
            + self.draw()
            + "    var highest = LOWEST;\n    var total = 0.0;\n";
        let each = self.products(&[["products", "query", "left"]])
            + &format!(
                "            let scores = select(vec4<f32>(LOWEST), products, seen);
            let most = max(highest, max(max(scores.x, scores.y), max(scores.z, scores.w)));
            let faded = exp(highest - most);
            highest = most;
            let weights = select(vec4<f32>(0.0), exp(scores - most), seen);
            total = total * faded + ((weights.x + weights.y) + (weights.z + weights.w));
            let kept = weights{dropped};
"
            )
            + &self.lines(|d| format!("            sum{d} *= faded;\n"))
            + &self.add_four("kept", "right");
        let after = "        let share = select(0.0, 1.0 / total, total > 0.0);\n".to_owned()
            + &self.store("context[context_own", " * share")
            + "        ends[row * params.heads + head] = highest + log(max(total, 1.0e-37));\n";
        [before, each, after]
    }

    fn queries(&self) -> [String; 3] {
        let dropped = if self.dropout { " * factors" } else { "" };
        let before = self.query()
            + &self.own("gradient", "dcontext[context_own", "")
            + &self.sums()
            + self.draw()
            + "    let end = ends[row * params.heads + head];
    // `moved` still holds the gradient.
    var delta = 0.0;
    for (var d = 0u; d < width; d++) { delta += dot(moved[d], context[context_own + d]); }
";
        let each = self.products(&[
            ["products", "query", "left"],
            ["gradients", "gradient", "right"],
        ]) + &format!(
            "            let weights = select(vec4<f32>(0.0), exp(products - end), seen);
            let dscores = weights * (gradients{dropped} - delta);
"
        ) + &self.add_four("dscores", "left");
        let after = self.store("dqkv[own", " * params.scale")
            + "        deltas[row * params.heads + head] = delta;\n";
        [before, each, after]
    }

    /// A query's weight for the lane's key.
    fn weight(&self) -> String {
        format!(
            "            let weight = select(0.0, exp(params.scale * ({}) - end_of[query]), seen);\n",
            self.product("key", "left", "at")
        )
    }

    fn keys(&self) -> [String; 3] {
        let dropped = if self.dropout { " * factor" } else { "" };
        let before = self.own("key", "qkv[own + params.fours", "")
            + &self.own("value", "qkv[own + 2u * params.fours", "")
            + &self.sums();
        let each = self.weight()
            + &format!(
                "            let gradient = {};
            let dscore = weight * (gradient{dropped} - delta_of[query]);
",
                self.product("value", "right", "at")
            )
            + &self.lines(|d| format!("            sum{d} += dscore * left[at + {d}u];\n"));
        let after = self.store("dqkv[own + params.fours", " * params.scale");
        [before, each, after]
    }

    fn values(&self) -> [String; 3] {
        let dropped = if self.dropout { " * factor" } else { "" };
        let before = self.own("key", "qkv[own + params.fours", "") + &self.sums();
        let each = self.weight()
            + &format!("            let kept = weight{dropped};\n")
            + &self.lines(|d| format!("            sum{d} += kept * right[at + {d}u];\n"));
        let after = self.store("dqkv[own + 2u * params.fours", "");
        [before, each, after]
    }
}
