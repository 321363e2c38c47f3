//! The matrix product's text: a register tile, unrolled for its layout. Those that lanes compute together are in
//! `shared` (a subgroup) and `staged` (a workgroup).
//!
//! The unrolling is written out here and not left to the driver's compiler, so that every adapter
//! compiles the same straight line of multiplications.

use crate::tile::{Sharing, Tile};
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
    /// The parameters, but for k: a batch's products are parts of one over k, each with a C of its own.
    Parts,
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
        let parts = [
            (Layout::Tn, Epilogue::None, false, Sizes::Parts),
            (Layout::Tn, Epilogue::RowSums, false, Sizes::Parts),
        ];
        let tiles = Tile::CHOICE.into_iter().chain([Tile::SCALAR]);
        tiles
            .flat_map(|tile| {
                // Only a GPU has lanes to spare for parts.
                let parts = parts.into_iter().filter(move |_| tile.is_staged());
                kinds
                    .into_iter()
                    .chain(parts)
                    .map(move |(layout, epilogue, one_input, sizes)| Self {
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
        if matches!(self.sizes, Sizes::ToScores | Sizes::FromScores) {
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
            Sharing::Workgroup(staging) => (
                "local_invocation_index",
                "group.x * COLS".to_owned(),
                self.staged_body(staging),
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
            Sharing::Subgroup | Sharing::Workgroup(_) => cols,
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
                match sharing {
                    Sharing::Workgroup(staging) => self.memory(staging),
                    Sharing::None | Sharing::Subgroup => String::new(),
                },
            ),
            (
                "k",
                match self.sizes {
                    Sizes::Parts => "min(params.part, params.k - outer * params.part)",
                    _ => "params.k",
                }
                .to_owned(),
            ),
            ("body", body),
        ];
        let mut flags = vec![match self.sizes {
            Sizes::Given | Sizes::Parts => "given",
            Sizes::ToScores => "to_scores",
            Sizes::FromScores => "from_scores",
        }];
        flags.push(match sharing {
            Sharing::None => "alone",
            Sharing::Subgroup => "subgroup",
            Sharing::Workgroup(_) => "workgroup",
        });
        let text = template::sections(include_str!("../wgsl/gemm.wgsl"), &flags);
        template::fill(&text, &values)
    }

    // Adds a lane's sums of four of A's columns, number `four` of all; each part over k has sums of its own.
    pub(crate) fn store_sums(&self, sum: &str) -> String {
        match self.sizes {
            Sizes::Parts => format!("sums[outer * (size.m / 4u) + four] = {sum};"),
            _ => format!("sums[four] += {sum};"),
        }
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
}
