//! A workgroup's tile of the matrix product, whose operands go through workgroup memory: what a GPU wants.
//!
//! The lanes stand in rows and columns over the tile. Each has as many fours of rows and of columns as there
//! are results for it, apart from each other by the lanes between. In every round the lanes bring `depth` steps
//! of k of both operands to workgroup memory, four floats at a time as they are stored, and multiply them from
//! there; what lies along k is turned in registers.

use crate::gemm::{Epilogue, Gemm, LANES, Layout};
use crate::tile::Staging;

/// Fours that a GPU serves at once from workgroup memory: as many places beside each other are mixed.
const MIXED: u32 = 8;

impl Gemm {
    pub(crate) fn memory(&self, staging: Staging) -> String {
        self.operands(staging)
            .map(|operand| {
                format!(
                    "var<workgroup> {}: array<vec4<f32>, {}>;\n",
                    operand.memory,
                    operand.fours * staging.depth
                )
            })
            .concat()
    }

    fn operands(&self, staging: Staging) -> [Operand; 2] {
        let tile = self.tile;
        let of = |size: u32, lanes_beside: u32, along_k: bool| Operand {
            along_k,
            fours: size / 4,
            apart: lanes_beside,
            lanes: tile.lanes,
            depth: staging.depth,
            ..Operand::default()
        };
        let lane_columns = tile.lanes / staging.lane_rows;
        [
            Operand {
                name: "a",
                memory: "left",
                first: "row",
                count: "size.m",
                lane: "lane_row",
                ..of(tile.rows, staging.lane_rows, self.layout != Layout::Tn)
            },
            Operand {
                name: "b",
                memory: "right",
                first: "col",
                count: "size.n",
                lane: "lane_col",
                ..of(tile.cols, lane_columns, self.layout == Layout::Nt)
            },
        ]
    }

    pub(crate) fn staged_body(&self, staging: Staging) -> String {
        let operands = self.operands(staging);
        let [left, right] = &operands;
        let sums = self.epilogue == Epilogue::RowSums;
        let columns = self.tile.lanes / staging.lane_rows;
        let mut text = format!(
            "    let lane_row = lane / {columns}u;\n    let lane_col = lane % {columns}u;\n"
        );
        for operand in &operands {
            operand.addresses(&mut text);
        }
        for h in 0..left.each() {
            for r in 0..4 {
                for j in 0..right.each() {
                    text += &format!("    var acc{h}{r}_{j} = vec4<f32>(0.0);\n");
                }
            }
            if sums {
                text += &format!("    var sum{h} = vec4<f32>(0.0);\n");
            }
        }
        text += &format!(
            "    for (var k = 0u; k < size.k; k += {}u) {{\n",
            staging.depth
        );
        for operand in &operands {
            operand.stage(&mut text);
        }
        text += "        workgroupBarrier();\n";
        text += &format!(
            "        for (var four = 0u; four < {}u; four++) {{\n",
            staging.depth / 4
        );
        for operand in &operands {
            operand.take(&mut text);
        }
        for kk in 0..4 {
            for h in 0..left.each() {
                for r in 0..4 {
                    let x = left.one(h, r, kk);
                    for j in 0..right.each() {
                        text += &format!(
                            "            acc{h}{r}_{j} += {x} * {};\n",
                            right.four(j, kk)
                        );
                    }
                }
                if sums {
                    let x = left.four(h, kk);
                    text += &format!("            if group.x == 0u {{ sum{h} += {x}; }}\n");
                }
            }
        }
        text += "        }\n        workgroupBarrier();\n    }\n";
        self.staged_stores(&mut text, left, right);
        text
    }

    fn staged_stores(&self, text: &mut String, left: &Operand, right: &Operand) {
        let bias = if self.epilogue == Epilogue::Bias {
            " + bias[at_col / 4u]"
        } else {
            ""
        };
        for h in 0..left.each() {
            for r in 0..4 {
                for j in 0..right.each() {
                    *text += &format!(
                        "    {{
        let at_row = row + 4u * lane_row + {row}u;
        let at_col = col + 4u * lane_col + {col}u;
        if at_row < size.m && at_col < size.n {{
            let at = (c_base + at_row * size.ldc + at_col) / 4u;
            var value = params.alpha * acc{h}{r}_{j}{bias};
            if params.accumulate != 0u {{ value += c[at]; }}
            c[at] = value;
        }}
    }}
",
                        row = 4 * left.apart * h + r,
                        col = 4 * right.apart * j
                    );
                }
            }
            if self.epilogue == Epilogue::RowSums {
                *text += &format!(
                    "    {{
        let four = row / 4u + lane_row + {first}u;
        if group.x == 0u && lane_col == 0u && four < size.m / 4u {{ {sums} }}
    }}
",
                    first = left.apart * h,
                    sums = self.store_sums(&format!("sum{h}"))
                );
            }
        }
    }
}

/// One side of a product, as a workgroup brings it to its memory.
#[derive(Default)]
struct Operand {
    name: &'static str,
    memory: &'static str,
    /// The tile's first row of op(A), or column of op(B).
    first: &'static str,
    /// How many there are.
    count: &'static str,
    /// Which of its fours a lane begins with.
    lane: &'static str,
    /// Whether a row of it as it is stored runs along k.
    along_k: bool,
    /// Fours of the tile's rows, or columns.
    fours: u32,
    /// A lane's fours are so far apart.
    apart: u32,
    lanes: u32,
    depth: u32,
}

impl Operand {
    /// Fours of a lane's results.
    fn each(&self) -> u32 {
        self.fours / self.apart
    }

    /// Fours that a lane brings in a round.
    fn loads(&self) -> u32 {
        self.fours * self.depth / self.lanes
    }

    /// Where in workgroup memory a four lies, by a step of k or, along k, by the four steps and the place among
    /// the four rows; the fours of a step are mixed, so that lanes beside each other use different banks both
    /// when they store and when they load.
    fn place(&self, step: &str, four: &str) -> String {
        format!(
            "({step}) * {}u + (({four}) ^ (({step}) % {MIXED}u))",
            self.fours
        )
    }

    // Which fours a lane brings, and from where: neighbouring lanes read neighbouring fours.
    fn addresses(&self, text: &mut String) {
        let Self {
            name, first, count, ..
        } = self;
        let beside = if self.along_k {
            self.depth / 4
        } else {
            self.fours
        };
        let lines = self.lanes / beside;
        if self.along_k {
            *text += &format!("    let {name}_k = 4u * (lane % {beside}u);\n");
        } else {
            *text += &format!(
                "    let {name}_four = lane % {beside}u;
    let {name}_at = {name}_base / 4u + min({first} / 4u + {name}_four, ({count} + 3u) / 4u - 1u);\n"
            );
        }
        for i in 0..self.loads() {
            *text += &format!(
                "    let {name}_line{i} = lane / {beside}u + {}u;\n",
                i * lines
            );
            let (step, four) = if self.along_k {
                *text += &format!(
                    "    let {name}_at{i} = ({name}_base + min({first} + {name}_line{i}, {count} - 1u) * size.ld{name}) / 4u;\n"
                );
                (
                    format!("{name}_k + {name}_line{i} % 4u"),
                    format!("{name}_line{i} / 4u"),
                )
            } else {
                (format!("{name}_line{i}"), format!("{name}_four"))
            };
            *text += &format!("    let {name}_to{i} = {};\n", self.place(&step, &four));
        }
    }

    // Both operands count as zero beyond k: what lies there may be anything.
    fn stage(&self, text: &mut String) {
        let Self { name, memory, .. } = self;
        if self.along_k {
            *text += &format!(
                "        let {name}_first = k + {name}_k;
        let {name}_inside = vec4<u32>({name}_first, {name}_first + 1u, {name}_first + 2u, {name}_first + 3u) < vec4<u32>(size.k);\n"
            );
        }
        for i in 0..self.loads() {
            *text += &format!("        var {name}{i} = vec4<f32>(0.0);\n");
            *text += &if self.along_k {
                format!(
                    "        if {name}_first < size.k {{ {name}{i} = select(vec4<f32>(0.0), {name}[{name}_at{i} + {name}_first / 4u], {name}_inside); }}\n"
                )
            } else {
                format!(
                    "        if k + {name}_line{i} < size.k {{ {name}{i} = {name}[{name}_at + (k + {name}_line{i}) * (size.ld{name} / 4u)]; }}\n"
                )
            };
            *text += &format!("        {memory}[{name}_to{i}] = {name}{i};\n");
        }
    }

    // A lane's fours of four steps of k.
    fn take(&self, text: &mut String) {
        let Self {
            name, memory, lane, ..
        } = self;
        for h in 0..self.each() {
            for s in 0..4 {
                let place = self.place(
                    &format!("4u * four + {s}u"),
                    &format!("{lane} + {}u", self.apart * h),
                );
                *text += &format!("            let {name}{h}_{s} = {memory}[{place}];\n");
            }
            if self.along_k && self.name == "b" {
                for (kk, component) in LANES.iter().enumerate() {
                    let parts: Vec<_> = (0..4).map(|s| format!("b{h}_{s}.{component}")).collect();
                    *text += &format!(
                        "            let t{h}_{kk} = vec4<f32>({});\n",
                        parts.join(", ")
                    );
                }
            }
        }
    }

    /// The number of a lane's row at a step of the four.
    fn one(&self, h: u32, row: usize, kk: usize) -> String {
        let name = self.name;
        if self.along_k {
            format!("{name}{h}_{row}.{}", LANES[kk])
        } else {
            format!("{name}{h}_{kk}.{}", LANES[row])
        }
    }

    /// The numbers of four columns, or rows that don't lie along k, at a step of the four.
    fn four(&self, h: u32, kk: usize) -> String {
        if self.along_k {
            format!("t{h}_{kk}")
        } else {
            format!("{}{h}_{kk}", self.name)
        }
    }
}
