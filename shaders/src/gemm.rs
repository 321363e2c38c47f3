//! The matrix product's text: a register tile, unrolled for its layout; on a GPU its operands go through
//! workgroup memory.
//!
//! The unrolling is written out here and not left to the driver's compiler, so that every adapter
//! compiles the same straight line of multiplications.

use std::fmt::{self, Display, Formatter};

use crate::{Element, declare, template};

/// The components of a `vec4`.
pub(crate) const LANES: [&str; 4] = ["x", "y", "z", "w"];

/// Which operand of `C = op(A) op(B)` is stored transposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// A is `[m, k]`, B is `[k, n]`.
    Nn,
    /// A is `[m, k]`, B is `[n, k]`: a linear layer's forward pass over `[out, in]` weights.
    Nt,
    /// A is `[k, m]`, B is `[k, n]`: the gradient of weights.
    Tn,
}

impl Layout {
    /// Every layout, in order.
    pub const ALL: [Self; 3] = [Self::Nn, Self::Nt, Self::Tn];
}

/// What is done to a tile besides multiplying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Epilogue {
    /// Nothing.
    None,
    /// A row of `bias` is added to every row of C: a linear layer, in [`Layout::Nt`].
    Bias,
    /// The sums of A's columns as it is stored are added to `sums` `[m]`: a bias's gradient beside its
    /// weight's, in [`Layout::Tn`].
    RowSums,
}

/// What decides the sizes of a batch's products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sizes {
    /// The parameters: all are of one size.
    Given,
    /// The tokens of a sequence are C's rows and columns, the scores of a head: queries times keys.
    ToScores,
    /// The tokens of a sequence are C's rows, and A is the scores of a head: scores times values.
    FromScores,
}

/// How the invocations that compute a tile together hand each other what they load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sharing {
    /// Not at all: each computes a tile of its own.
    None,
    /// By `subgroupBroadcast`.
    Subgroup,
    /// Through workgroup memory.
    Workgroup,
}

/// How much of C one invocation, one subgroup or one workgroup computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tile {
    /// Rows of C.
    pub rows: u32,
    /// Columns of C; a multiple of 4 where `vec4` loads are used.
    pub cols: u32,
    /// Whether operands are read four floats at a time, which needs aligned leading dimensions.
    pub vec4: bool,
    /// Invocations that compute the tile together.
    pub lanes: u32,
    /// How they do.
    pub sharing: Sharing,
    /// Invocations of a workgroup.
    pub workgroup_size: u32,
}

impl Tile {
    /// For software renderers with subgroups of 8 (llvmpipe): a load costs its driver some seven
    /// instructions a lane, so the fewest loads win. 60 GFLOP/s on two cores, compiled in 0.4 s.
    pub const SHARED_8: Self = Self {
        rows: 32,
        cols: 32,
        vec4: true,
        lanes: 8,
        sharing: Sharing::Subgroup,
        workgroup_size: 8,
    };
    /// The same for subgroups of 4 (SwiftShader).
    pub const SHARED_4: Self = Self {
        rows: 16,
        cols: 16,
        vec4: true,
        lanes: 4,
        sharing: Sharing::Subgroup,
        workgroup_size: 4,
    };
    /// For large products on software renderers without subgroups, as a browser has them: 30% quicker there
    /// than the next one, and three times as long to compile.
    pub const LARGEST: Self = Self {
        rows: 12,
        cols: 12,
        vec4: true,
        lanes: 1,
        sharing: Sharing::None,
        workgroup_size: 4,
    };
    /// For software renderers where the lanes of a subgroup can't share what they load.
    pub const LARGE: Self = Self {
        rows: 8,
        cols: 8,
        vec4: true,
        lanes: 1,
        sharing: Sharing::None,
        workgroup_size: 8,
    };
    /// For GPUs, which pay most for memory: 64 lanes bring 32 x 32 of either operand to workgroup memory,
    /// and each computes 4 x 4. What ONNX Runtime Web and TensorFlow.js run on every GPU.
    pub const STAGED: Self = Self {
        rows: 32,
        cols: 32,
        vec4: true,
        lanes: 64,
        sharing: Sharing::Workgroup,
        workgroup_size: 64,
    };
    /// The same with 8 x 8 a lane: half the loads, and a quarter of the workgroups to fill a GPU with.
    pub const STAGED_LARGE: Self = Self {
        rows: 64,
        cols: 64,
        ..Self::STAGED
    };
    /// For small products, and on a GPU for those whose A is not aligned: few registers a lane, many lanes.
    pub const SMALL: Self = Self {
        rows: 4,
        cols: 4,
        vec4: true,
        lanes: 1,
        sharing: Sharing::None,
        workgroup_size: 64,
    };
    /// For shapes that are not multiples of four: one result a lane.
    pub const SCALAR: Self = Self {
        rows: 1,
        cols: 1,
        vec4: false,
        lanes: 1,
        sharing: Sharing::None,
        workgroup_size: 64,
    };

    /// What there is to choose from for large products.
    pub const CHOICE: [Self; 7] = [
        Self::SMALL,
        Self::LARGE,
        Self::LARGEST,
        Self::SHARED_4,
        Self::SHARED_8,
        Self::STAGED,
        Self::STAGED_LARGE,
    ];

    /// The tile that the lanes of a subgroup of this size compute together, where there is one.
    pub fn shared(lanes: u32) -> Option<Self> {
        [Self::SHARED_8, Self::SHARED_4]
            .into_iter()
            .find(|tile| tile.lanes == lanes)
    }

    /// Whether a product of `m` rows and `n` columns is large enough for it: what a workgroup's lanes compute
    /// beyond the edges is wasted.
    pub fn suits(&self, m: usize, n: usize) -> bool {
        self.sharing != Sharing::Workgroup || (m >= self.rows as usize && n >= self.cols as usize)
    }

    /// Whether a device can run it: `subgroup` is the size of its subgroups, if they are usable.
    pub fn runs_with(&self, subgroup: Option<u32>) -> bool {
        self.sharing != Sharing::Subgroup || subgroup == Some(self.lanes)
    }
}

impl Display for Tile {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { rows, cols, .. } = self;
        let whose = match self.sharing {
            Sharing::None => "a lane",
            Sharing::Subgroup => "a subgroup",
            Sharing::Workgroup => "a workgroup",
        };
        write!(f, "{rows}x{cols} {whose}")
    }
}

/// One variant of the matrix product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Gemm {
    /// Which operand is transposed.
    pub layout: Layout,
    /// How much of C one invocation, subgroup or workgroup computes.
    pub tile: Tile,
    /// What else is done.
    pub epilogue: Epilogue,
    /// A and B lie in one buffer, which may be bound only once: WebGPU refuses bindings that overlap
    /// where one of them can be written to, as all of cubecl's can.
    pub one_input: bool,
    /// What decides the sizes.
    pub sizes: Sizes,
}

impl Gemm {
    /// Every variant that the kernels may ask for.
    pub fn variants() -> Vec<Self> {
        let kinds = [
            (Layout::Nn, Epilogue::None, false, Sizes::Given),
            (Layout::Nt, Epilogue::None, false, Sizes::Given),
            (Layout::Nt, Epilogue::Bias, false, Sizes::Given),
            (Layout::Tn, Epilogue::None, false, Sizes::Given),
            (Layout::Tn, Epilogue::RowSums, false, Sizes::Given),
            // Attention's.
            (Layout::Nt, Epilogue::None, true, Sizes::ToScores),
            (Layout::Nt, Epilogue::None, false, Sizes::ToScores),
            (Layout::Nn, Epilogue::None, false, Sizes::FromScores),
            (Layout::Tn, Epilogue::None, false, Sizes::FromScores),
        ];
        let tiles = Tile::CHOICE.into_iter().chain([Tile::SCALAR]);
        tiles
            .flat_map(|tile| {
                kinds.map(|(layout, epilogue, one_input, sizes)| Self {
                    layout,
                    tile,
                    epilogue,
                    one_input,
                    sizes,
                })
            })
            .collect()
    }

    /// The storage bindings in order, with the elements of each.
    pub fn bindings(&self) -> Vec<(&'static str, Element)> {
        let floats = |wide: bool| if wide { Element::Vec4 } else { Element::F32 };
        let vec4 = floats(self.tile.vec4);
        let together = self.tile.sharing != Sharing::None;
        let a = self.tile.vec4 && (together || self.layout == Layout::Nt);
        let mut bindings = vec![("a", floats(a))];
        if !self.one_input {
            bindings.push(("b", vec4));
        }
        if self.epilogue == Epilogue::Bias {
            bindings.push(("bias", vec4));
        }
        if self.sizes != Sizes::Given {
            bindings.push(("sequences", Element::I32));
        }
        bindings.push(("c", vec4));
        if self.epilogue == Epilogue::RowSums {
            bindings.push(("sums", floats(together)));
        }
        bindings
    }

    /// The complete WGSL of this variant.
    pub fn complete(&self) -> String {
        let Tile {
            rows,
            cols,
            vec4,
            sharing,
            workgroup_size,
            ..
        } = self.tile;
        let (lane, col, mut body) = match sharing {
            Sharing::Subgroup => (
                "subgroup_invocation_id",
                "group.x * COLS + lane * 4u".to_owned(),
                self.shared_body(),
            ),
            Sharing::Workgroup => (
                "local_invocation_index",
                "group.x * COLS".to_owned(),
                self.staged_body(),
            ),
            Sharing::None => (
                "local_invocation_index",
                format!("(group.x * {workgroup_size}u + lane) * COLS"),
                if vec4 {
                    self.tile_body()
                } else {
                    self.scalar_body()
                },
            ),
        };
        if self.one_input {
            body = body.replace("b[", "a[");
        }
        let group_cols = match sharing {
            Sharing::None => workgroup_size * cols,
            Sharing::Subgroup | Sharing::Workgroup => cols,
        };
        let values = [
            ("bindings", declare(self.bindings())),
            ("rows", rows.to_string()),
            ("cols", cols.to_string()),
            ("group_cols", group_cols.to_string()),
            ("workgroup_size", workgroup_size.to_string()),
            ("lane", lane.to_owned()),
            ("col", col),
            (
                "memory",
                if sharing == Sharing::Workgroup {
                    self.memory()
                } else {
                    String::new()
                },
            ),
            ("body", body),
        ];
        let mut flags = vec![match self.sizes {
            Sizes::Given => "given",
            Sizes::ToScores => "to_scores",
            Sizes::FromScores => "from_scores",
        }];
        flags.push(match sharing {
            Sharing::None => "alone",
            Sharing::Subgroup => "subgroup",
            Sharing::Workgroup => "workgroup",
        });
        let text = template::sections(include_str!("../wgsl/gemm.wgsl"), &flags);
        template::fill(&text, &values)
    }

    // One result: the sum over k of two scalar loads.
    fn scalar_body(&self) -> String {
        let (a, b) = match self.layout {
            Layout::Nn => ("row * size.lda + k", "k * size.ldb + col"),
            Layout::Nt => ("row * size.lda + k", "col * size.ldb + k"),
            Layout::Tn => ("k * size.lda + row", "k * size.ldb + col"),
        };
        let bias = if self.epilogue == Epilogue::Bias {
            " + bias[col]"
        } else {
            ""
        };
        let mut text = format!(
            "    var sum = 0.0;
    for (var k = 0u; k < size.k; k++) {{ sum += a[a_base + {a}] * b[b_base + {b}]; }}
    let at = c_base + row * size.ldc + col;
    var value = params.alpha * sum{bias};
    if params.accumulate != 0u {{ value += c[at]; }}
    c[at] = value;
"
        );
        if self.epilogue == Epilogue::RowSums {
            text += &format!(
                "    if col == 0u {{
        var total = 0.0;
        for (var k = 0u; k < size.k; k++) {{ total += a[a_base + {a}]; }}
        sums[row] += total;
    }}
"
            );
        }
        text
    }

    fn tile_body(&self) -> String {
        let Tile { rows, cols, .. } = self.tile;
        let vectors = cols / 4;
        let mut text = String::new();
        self.addresses(&mut text);
        for i in 0..rows {
            for j in 0..vectors {
                text += &format!("    var acc{i}_{j} = vec4<f32>(0.0);\n");
            }
            if self.epilogue == Epilogue::RowSums {
                text += &format!("    var sum{i} = 0.0;\n");
            }
        }
        match self.layout {
            Layout::Nt => self.steps_of_four(&mut text),
            Layout::Nn | Layout::Tn => self.steps_of_one(&mut text),
        }
        for i in 0..rows {
            text += &format!("    if row + {i}u < size.m {{\n");
            for j in 0..vectors {
                let bias = if self.epilogue == Epilogue::Bias {
                    format!(" + bias[col / 4u + {j}u]")
                } else {
                    String::new()
                };
                text += &format!(
                    "        if col + {first}u < size.n {{
            let at = (c_base + (row + {i}u) * size.ldc + col) / 4u + {j}u;
            var value = params.alpha * acc{i}_{j}{bias};
            if params.accumulate != 0u {{ value += c[at]; }}
            c[at] = value;
        }}
",
                    first = 4 * j
                );
            }
            if self.epilogue == Epilogue::RowSums {
                text += &format!("        if col == 0u {{ sums[row + {i}u] += sum{i}; }}\n");
            }
            text += "    }\n";
        }
        text
    }

    // Where each row of the tile's operands starts, clamped to the last row there is.
    fn addresses(&self, text: &mut String) {
        let Tile { rows, cols, .. } = self.tile;
        for i in 0..rows {
            let row = format!("min(row + {i}u, size.m - 1u)");
            let at = match self.layout {
                Layout::Nn => format!("a_base + {row} * size.lda"),
                Layout::Nt => format!("(a_base + {row} * size.lda) / 4u"),
                Layout::Tn => format!("a_base + {row}"),
            };
            *text += &format!("    let a_at{i} = {at};\n");
        }
        let columns = if self.layout == Layout::Nt {
            cols
        } else {
            cols / 4
        };
        for j in 0..columns {
            let at = match self.layout {
                Layout::Nt => {
                    format!("(b_base + min(col + {j}u, size.n - 1u) * size.ldb) / 4u")
                }
                _ => format!("b_base / 4u + min(col / 4u + {j}u, (size.n + 3u) / 4u - 1u)"),
            };
            *text += &format!("    let b_at{j} = {at};\n");
        }
    }

    // B's rows lie along n: a step of k reads `rows` scalars of A and `cols / 4` vectors of B.
    fn steps_of_one(&self, text: &mut String) {
        let vectors = self.tile.cols / 4;
        *text += "    for (var k = 0u; k < size.k; k++) {\n";
        for j in 0..vectors {
            *text += &format!("        let b{j} = b[b_at{j} + k * (size.ldb / 4u)];\n");
        }
        let step = if self.layout == Layout::Tn {
            "k * size.lda"
        } else {
            "k"
        };
        for i in 0..self.tile.rows {
            *text += &format!("        let a{i} = a[a_at{i} + {step}];\n");
            if self.epilogue == Epilogue::RowSums {
                *text += &format!("        sum{i} += a{i};\n");
            }
            for j in 0..vectors {
                *text += &format!("        acc{i}_{j} += a{i} * b{j};\n");
            }
        }
        *text += "    }\n";
    }

    // Both operands lie along k: a step of four k reads `rows + cols` vectors, and transposes B's.
    fn steps_of_four(&self, text: &mut String) {
        let Tile { rows, cols, .. } = self.tile;
        *text += "    for (var k = 0u; k < size.k / 4u; k++) {\n";
        for j in 0..cols {
            *text += &format!("        let b{j} = b[b_at{j} + k];\n");
        }
        for j in 0..cols / 4 {
            for lane in LANES {
                let parts: Vec<_> = (0..4).map(|c| format!("b{}.{lane}", 4 * j + c)).collect();
                *text += &format!(
                    "        let t{j}_{lane} = vec4<f32>({});\n",
                    parts.join(", ")
                );
            }
        }
        for i in 0..rows {
            *text += &format!("        let a{i} = a[a_at{i} + k];\n");
            for lane in LANES {
                for j in 0..cols / 4 {
                    *text += &format!("        acc{i}_{j} += a{i}.{lane} * t{j}_{lane};\n");
                }
            }
        }
        *text += "    }\n";
    }

    // A subgroup's tile: a lane holds a few columns of all rows. Every lane loads other elements of A
    // and hands them round by broadcast, so that no float is loaded twice in a step of four k.
    fn shared_body(&self) -> String {
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
                    "    if group.x == 0u && row / 4u + {first}u + lane < size.m / 4u {{ sums[row / 4u + {first}u + lane] += sum{g}; }}\n",
                    first = g * lanes
                );
            }
        }
    }
}
