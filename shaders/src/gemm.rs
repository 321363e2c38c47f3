//! The matrix product's text: a register tile, unrolled for its layout.
//!
//! The unrolling is written out here and not left to the driver's compiler, so that every adapter
//! compiles the same straight line of multiplications.

use crate::{declare, template};

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

/// How much of C one invocation computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tile {
    /// Rows of C.
    pub rows: u32,
    /// Columns of C; a multiple of 4 where `vec4` loads are used.
    pub cols: u32,
    /// Whether operands are read four floats at a time, which needs aligned leading dimensions.
    pub vec4: bool,
    /// Invocations of a workgroup.
    pub workgroup_size: u32,
}

impl Tile {
    /// For software renderers: about 16 GFLOP/s on two cores, as 16 x 16 reaches, compiled in 2 s
    /// instead of 20.
    pub const LARGE: Self = Self {
        rows: 8,
        cols: 8,
        vec4: true,
        workgroup_size: 8,
    };
    /// For GPUs: few registers a lane, many lanes.
    pub const SMALL: Self = Self {
        rows: 4,
        cols: 4,
        vec4: true,
        workgroup_size: 64,
    };
    /// For shapes that are not multiples of four: one result a lane.
    pub const SCALAR: Self = Self {
        rows: 1,
        cols: 1,
        vec4: false,
        workgroup_size: 64,
    };
}

/// One variant of the matrix product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Gemm {
    /// Which operand is transposed.
    pub layout: Layout,
    /// How much of C one invocation computes.
    pub tile: Tile,
    /// Whether a row of `bias` is added to every row of C.
    pub bias: bool,
}

impl Gemm {
    /// Every variant that the kernels may ask for.
    pub fn variants() -> Vec<Self> {
        let mut all = Vec::new();
        for tile in [Tile::LARGE, Tile::SMALL, Tile::SCALAR] {
            for layout in [Layout::Nn, Layout::Nt, Layout::Tn] {
                all.extend([false, true].map(|bias| Self { layout, tile, bias }));
            }
        }
        all
    }

    /// The complete WGSL of this variant.
    pub fn complete(&self) -> String {
        let vec4 = self.tile.vec4;
        let wide = |vec4| if vec4 { "vec4<f32>" } else { "f32" };
        let mut bindings = vec![
            ("a", wide(vec4 && self.layout == Layout::Nt)),
            ("b", wide(vec4)),
        ];
        if self.bias {
            bindings.push(("bias", wide(vec4)));
        }
        bindings.push(("c", wide(vec4)));
        let values = [
            ("bindings", declare(bindings.into_iter())),
            ("rows", self.tile.rows.to_string()),
            ("cols", self.tile.cols.to_string()),
            ("workgroup_size", self.tile.workgroup_size.to_string()),
            (
                "body",
                if vec4 {
                    self.tile_body()
                } else {
                    self.scalar_body()
                },
            ),
        ];
        template::fill(include_str!("../wgsl/gemm.wgsl"), &values)
    }

    // One result: the sum over k of two scalar loads.
    fn scalar_body(&self) -> String {
        let (a, b) = match self.layout {
            Layout::Nn => ("row * params.lda + k", "k * params.ldb + col"),
            Layout::Nt => ("row * params.lda + k", "col * params.ldb + k"),
            Layout::Tn => ("k * params.lda + row", "k * params.ldb + col"),
        };
        let bias = if self.bias { " + bias[col]" } else { "" };
        format!(
            "    var sum = 0.0;
    for (var k = 0u; k < params.k; k++) {{ sum += a[a_base + {a}] * b[b_base + {b}]; }}
    let at = c_base + row * params.ldc + col;
    var value = params.alpha * sum{bias};
    if params.accumulate != 0u {{ value += c[at]; }}
    c[at] = value;
"
        )
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
        }
        match self.layout {
            Layout::Nt => self.steps_of_four(&mut text),
            Layout::Nn | Layout::Tn => self.steps_of_one(&mut text),
        }
        for i in 0..rows {
            text += &format!("    if row + {i}u < params.m {{\n");
            for j in 0..vectors {
                let bias = if self.bias {
                    format!(" + bias[col / 4u + {j}u]")
                } else {
                    String::new()
                };
                text += &format!(
                    "        if col + {first}u < params.n {{
            let at = (c_base + (row + {i}u) * params.ldc + col) / 4u + {j}u;
            var value = params.alpha * acc{i}_{j}{bias};
            if params.accumulate != 0u {{ value += c[at]; }}
            c[at] = value;
        }}
",
                    first = 4 * j
                );
            }
            text += "    }\n";
        }
        text
    }

    // Where each row of the tile's operands starts, clamped to the last row there is.
    fn addresses(&self, text: &mut String) {
        let Tile { rows, cols, .. } = self.tile;
        for i in 0..rows {
            let row = format!("min(row + {i}u, params.m - 1u)");
            let at = match self.layout {
                Layout::Nn => format!("a_base + {row} * params.lda"),
                Layout::Nt => format!("(a_base + {row} * params.lda) / 4u"),
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
                    format!("(b_base + min(col + {j}u, params.n - 1u) * params.ldb) / 4u")
                }
                _ => format!("b_base / 4u + min(col / 4u + {j}u, (params.n + 3u) / 4u - 1u)"),
            };
            *text += &format!("    let b_at{j} = {at};\n");
        }
    }

    // B's rows lie along n: a step of k reads `rows` scalars of A and `cols / 4` vectors of B.
    fn steps_of_one(&self, text: &mut String) {
        let vectors = self.tile.cols / 4;
        *text += "    for (var k = 0u; k < params.k; k++) {\n";
        for j in 0..vectors {
            *text += &format!("        let b{j} = b[b_at{j} + k * (params.ldb / 4u)];\n");
        }
        let step = if self.layout == Layout::Tn {
            "k * params.lda"
        } else {
            "k"
        };
        for i in 0..self.tile.rows {
            *text += &format!("        let a{i} = a[a_at{i} + {step}];\n");
            for j in 0..vectors {
                *text += &format!("        acc{i}_{j} += a{i} * b{j};\n");
            }
        }
        *text += "    }\n";
    }

    // Both operands lie along k: a step of four k reads `rows + cols` vectors, and transposes B's.
    fn steps_of_four(&self, text: &mut String) {
        let Tile { rows, cols, .. } = self.tile;
        *text += "    for (var k = 0u; k < params.k / 4u; k++) {\n";
        for j in 0..cols {
            *text += &format!("        let b{j} = b[b_at{j} + k];\n");
        }
        for j in 0..cols / 4 {
            for lane in ["x", "y", "z", "w"] {
                let parts: Vec<_> = (0..4).map(|c| format!("b{}.{lane}", 4 * j + c)).collect();
                *text += &format!(
                    "        let t{j}_{lane} = vec4<f32>({});\n",
                    parts.join(", ")
                );
            }
        }
        for i in 0..rows {
            *text += &format!("        let a{i} = a[a_at{i} + k];\n");
            for lane in ["x", "y", "z", "w"] {
                for j in 0..cols / 4 {
                    *text += &format!("        acc{i}_{j} += a{i}.{lane} * t{j}_{lane};\n");
                }
            }
        }
        *text += "    }\n";
    }
}
