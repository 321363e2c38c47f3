//! A workgroup's tile of the matrix product, whose operands go through workgroup memory: what a GPU wants.

use crate::gemm::{Epilogue, Gemm, LANES, Layout, Tile};

impl Gemm {
    // Columns of A, and rows of B, that are in workgroup memory at a time: each lane brings a block of
    // 4 x 4 of either.
    fn round(&self) -> u32 {
        16 * self.tile.lanes / self.tile.rows
    }

    // `left` holds the tile's rows of op(A) by fours, `right` the columns of op(B): all fours of one k, then
    // those of the next.
    pub(crate) fn memory(&self) -> String {
        let fours = self.tile.rows / 4 * self.round();
        format!(
            "var<workgroup> left: array<vec4<f32>, {fours}>;
var<workgroup> right: array<vec4<f32>, {fours}>;
"
        )
    }

    // A workgroup's tile: 8 x 8 lanes, each with every eighth four of rows and of columns.
    pub(crate) fn staged_body(&self) -> String {
        let Tile { rows, .. } = self.tile;
        let fours = rows / 4;
        let each = fours / 8;
        // Where the fours of one k lie is mixed with k, so that the eight lanes which a GPU serves at once
        // store to and load from different banks.
        let mix = 32 / self.round();
        let sums = self.epilogue == Epilogue::RowSums;
        let mut text = "    let lane_row = lane / 8u;\n    let lane_col = lane % 8u;\n".to_owned();
        let operands = [
            Operand {
                name: "a",
                memory: "left",
                first: "row",
                count: "size.m",
                along_k: self.layout != Layout::Tn,
            },
            Operand {
                name: "b",
                memory: "right",
                first: "col",
                count: "size.n",
                along_k: self.layout == Layout::Nt,
            },
        ];
        for operand in &operands {
            operand.addresses(&mut text, fours, self.round() / 4);
        }
        for h in 0..each {
            for r in 0..4 {
                for j in 0..each {
                    text += &format!("    var acc{h}{r}_{j} = vec4<f32>(0.0);\n");
                }
            }
            if sums {
                text += &format!("    var sum{h} = vec4<f32>(0.0);\n");
            }
        }
        text += &format!(
            "    for (var k = 0u; k < size.k; k += {}u) {{\n",
            self.round()
        );
        for operand in &operands {
            operand.stage(&mut text, fours, mix);
        }
        text += "        workgroupBarrier();\n";
        text += &format!(
            "        for (var four = 0u; four < {}u; four++) {{\n",
            self.round() / 4
        );
        for kk in 0..4 {
            text += &format!("            let at{kk} = (4u * four + {kk}u) * {fours}u;\n");
            for h in 0..each {
                for (side, memory, lane) in [("x", "left", "lane_row"), ("y", "right", "lane_col")]
                {
                    text += &format!(
                        "            let {side}{kk}_{h} = {memory}[at{kk} + (({lane} + {}u) ^ (four * {mix}u))];\n",
                        8 * h
                    );
                }
            }
            for h in 0..each {
                for (r, component) in LANES.iter().enumerate() {
                    for j in 0..each {
                        text += &format!(
                            "            acc{h}{r}_{j} += x{kk}_{h}.{component} * y{kk}_{j};\n"
                        );
                    }
                }
                if sums {
                    text += &format!("            if group.x == 0u {{ sum{h} += x{kk}_{h}; }}\n");
                }
            }
        }
        text += "        }\n        workgroupBarrier();\n    }\n";
        self.staged_stores(&mut text, each);
        text
    }

    fn staged_stores(&self, text: &mut String, each: u32) {
        let bias = if self.epilogue == Epilogue::Bias {
            " + bias[at_col / 4u]"
        } else {
            ""
        };
        for h in 0..each {
            for r in 0..4 {
                for j in 0..each {
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
                        row = 32 * h + r,
                        col = 32 * j
                    );
                }
            }
            if self.epilogue == Epilogue::RowSums {
                *text += &format!(
                    "    if group.x == 0u && lane_col == 0u && row / 4u + lane_row + {first}u < size.m / 4u {{ sums[row / 4u + lane_row + {first}u] += sum{h}; }}\n",
                    first = 8 * h
                );
            }
        }
    }
}

/// One side of a product, as a workgroup brings it to its memory.
struct Operand {
    name: &'static str,
    memory: &'static str,
    /// The tile's first row of op(A), or column of op(B).
    first: &'static str,
    /// How many there are.
    count: &'static str,
    /// Whether a row of it as it is stored runs along k.
    along_k: bool,
}

impl Operand {
    // Which block a lane brings, and where it starts: neighbouring lanes read neighbouring fours.
    fn addresses(&self, text: &mut String, fours: u32, rounds: u32) {
        let Self {
            name, first, count, ..
        } = self;
        if self.along_k {
            *text += &format!(
                "    let {name}_four = lane / {rounds}u;\n    let {name}_k = lane % {rounds}u;\n"
            );
            for i in 0..4 {
                *text += &format!(
                    "    let {name}_at{i} = ({name}_base + min({first} + 4u * {name}_four + {i}u, {count} - 1u) * size.ld{name}) / 4u;\n"
                );
            }
        } else {
            *text += &format!(
                "    let {name}_four = lane % {fours}u;\n    let {name}_k = lane / {fours}u;\n    let {name}_at = {name}_base / 4u + min({first} / 4u + {name}_four, ({count} + 3u) / 4u - 1u);\n"
            );
        }
    }

    // Both operands count as zero beyond k: what lies there may be anything.
    fn stage(&self, text: &mut String, fours: u32, mix: u32) {
        let Self { name, memory, .. } = self;
        *text += &format!("        let {name}_first = k + 4u * {name}_k;\n");
        for i in 0..4 {
            *text += &format!("        var {name}{i} = vec4<f32>(0.0);\n");
        }
        if self.along_k {
            *text += &format!("        if {name}_first < size.k {{\n");
            *text += &format!(
                "            let inside = vec4<u32>({name}_first, {name}_first + 1u, {name}_first + 2u, {name}_first + 3u) < vec4<u32>(size.k);\n"
            );
            for i in 0..4 {
                *text += &format!(
                    "            {name}{i} = select(vec4<f32>(0.0), {name}[{name}_at{i} + {name}_first / 4u], inside);\n"
                );
            }
            *text += "        }\n";
        } else {
            for i in 0..4 {
                *text += &format!(
                    "        if {name}_first + {i}u < size.k {{ {name}{i} = {name}[{name}_at + ({name}_first + {i}u) * (size.ld{name} / 4u)]; }}\n"
                );
            }
        }
        *text += &format!(
            "        let {name}_to = 4u * {name}_k * {fours}u + ({name}_four ^ ({name}_k * {mix}u));\n"
        );
        for (i, component) in LANES.iter().enumerate() {
            let value = if self.along_k {
                let parts: Vec<_> = (0..4).map(|c| format!("{name}{c}.{component}")).collect();
                format!("vec4<f32>({})", parts.join(", "))
            } else {
                format!("{name}{i}")
            };
            *text += &format!(
                "        {memory}[{name}_to + {}u] = {value};\n",
                i as u32 * fours
            );
        }
    }
}
