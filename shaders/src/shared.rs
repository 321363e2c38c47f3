//! A subgroup's tile of the matrix product, whose lanes hand each other what they load: what a software renderer
//! with subgroups wants.

use crate::gemm::{Epilogue, Gemm, LANES, Layout};
use crate::tile::Tile;

impl Gemm {
    // A subgroup's tile: a lane holds a few columns of all rows. Every lane loads other elements of A
    // and hands them round by broadcast, so that no float is loaded twice in a step of four k.
    pub(crate) fn shared_body(&self) -> String {
        let Tile {
            rows, cols, lanes, ..
        } = self.tile;
        let vectors = cols / (4 * lanes);
        let mut text = String::new();
        for r in 0..rows {
            for j in 0..vectors {
                text += &format!("    var acc{r}_{j} = vec4<f32>(0.0);\n");
            }
        }
        // What lane l loads of A: rows g * lanes + l along k, or four rows of each k.
        let groups = match self.layout {
            Layout::Nn | Layout::Nt => rows / lanes,
            Layout::Tn => rows / (4 * lanes),
        };
        for g in 0..groups {
            let first = g * lanes;
            text += &match self.layout {
                Layout::Nn | Layout::Nt => format!(
                    "    let a_at{g} = (a_base + min(row + {first}u + lane, size.m - 1u) * size.lda) / 4u;\n"
                ),
                Layout::Tn => format!(
                    "    let a_at{g} = a_base / 4u + min(row / 4u + {first}u + lane, (size.m + 3u) / 4u - 1u);\n"
                ),
            };
            if self.epilogue == Epilogue::RowSums {
                text += &format!("    var sum{g} = vec4<f32>(0.0);\n");
            }
        }
        for j in 0..vectors {
            match self.layout {
                Layout::Nt => {
                    for c in 0..4 {
                        text += &format!(
                            "    let b_at{j}_{c} = (b_base + min(col + {}u, size.n - 1u) * size.ldb) / 4u;\n",
                            4 * j * lanes + c
                        );
                    }
                }
                Layout::Nn | Layout::Tn => {
                    text += &format!(
                        "    let b_at{j} = b_base / 4u + min(col / 4u + {}u, (size.n + 3u) / 4u - 1u);\n",
                        j * lanes
                    );
                }
            }
        }
        text += "    for (var k = 0u; k < size.k; k += 4u) {\n";
        self.shared_loads(&mut text, groups, vectors);
        for r in 0..rows {
            for (kk, component) in LANES.iter().enumerate() {
                let (value, lane) = match self.layout {
                    Layout::Nn | Layout::Nt => (format!("a{}.{component}", r / lanes), r % lanes),
                    Layout::Tn => (
                        format!("a{}_{kk}.{}", r / (4 * lanes), LANES[(r % 4) as usize]),
                        r / 4 % lanes,
                    ),
                };
                text += &format!("        let s{r}_{kk} = subgroupBroadcast({value}, {lane}u);\n");
                for j in 0..vectors {
                    text += &format!("        acc{r}_{j} += s{r}_{kk} * b{kk}_{j};\n");
                }
            }
        }
        text += "    }\n";
        self.shared_stores(&mut text, groups, vectors);
        text
    }

    // Four k of the tile's operands. Where k ends within the four, A counts as zero: what lies there
    // may be anything.
    fn shared_loads(&self, text: &mut String, groups: u32, vectors: u32) {
        if self.layout == Layout::Nt {
            for j in 0..vectors {
                for c in 0..4 {
                    *text += &format!("        let t{j}_{c} = b[b_at{j}_{c} + k / 4u];\n");
                }
                for (kk, component) in LANES.iter().enumerate() {
                    let parts: Vec<_> = (0..4).map(|c| format!("t{j}_{c}.{component}")).collect();
                    *text += &format!("        let b{kk}_{j} = vec4<f32>({});\n", parts.join(", "));
                }
            }
        } else {
            for kk in 0..4 {
                *text += &format!("        let k{kk} = min(k + {kk}u, size.k - 1u);\n");
                for j in 0..vectors {
                    *text +=
                        &format!("        let b{kk}_{j} = b[b_at{j} + k{kk} * (size.ldb / 4u)];\n");
                }
            }
        }
        for g in 0..groups {
            match self.layout {
                Layout::Nt => *text += &format!("        let a{g} = a[a_at{g} + k / 4u];\n"),
                Layout::Nn => {
                    *text += &format!(
                        "        let a{g} = select(vec4<f32>(0.0), a[a_at{g} + k / 4u], vec4<u32>(k, k + 1u, k + 2u, k + 3u) < vec4<u32>(size.k));\n"
                    );
                }
                Layout::Tn => {
                    for kk in 0..4 {
                        *text += &format!(
                            "        let a{g}_{kk} = select(vec4<f32>(0.0), a[a_at{g} + k{kk} * (size.lda / 4u)], k + {kk}u < size.k);\n"
                        );
                    }
                    if self.epilogue == Epilogue::RowSums {
                        *text +=
                            &format!("        sum{g} += (a{g}_0 + a{g}_1) + (a{g}_2 + a{g}_3);\n");
                    }
                }
            }
        }
    }

    // The results go through an array and a loop: unrolled, the stores would be most of the text and
    // of the time to compile it. Mesa unrolls a loop that it can tell to end within 32 rounds, and
    // takes an array of up to 32 elements apart.
    fn shared_stores(&self, text: &mut String, groups: u32, vectors: u32) {
        let Tile { rows, lanes, .. } = self.tile;
        let count = rows * vectors;
        *text += &format!("    var results: array<vec4<f32>, {}>;\n", count.max(40));
        for r in 0..rows {
            for j in 0..vectors {
                *text += &format!("    results[{}] = acc{r}_{j};\n", r * vectors + j);
            }
        }
        let bias = if self.epilogue == Epilogue::Bias {
            " + bias[at_col / 4u]"
        } else {
            ""
        };
        *text += &format!(
            "    let count = min(params.rows, size.m - row) * {vectors}u;
    for (var i = 0u; i < count; i++) {{
        let at_col = col + i % {vectors}u * {step}u;
        if at_col < size.n {{
            let at = (c_base + (row + i / {vectors}u) * size.ldc + at_col) / 4u;
            var value = params.alpha * results[i]{bias};
            if params.accumulate != 0u {{ value += c[at]; }}
            c[at] = value;
        }}
    }}
",
            step = 4 * lanes
        );
        if self.epilogue == Epilogue::RowSums {
            for g in 0..groups {
                *text += &format!(
                    "    {{
        let four = row / 4u + {first}u + lane;
        if group.x == 0u && four < size.m / 4u {{ {sums} }}
    }}
",
                    first = g * lanes,
                    sums = self.store_sums(&format!("sum{g}"))
                );
            }
        }
    }
}
