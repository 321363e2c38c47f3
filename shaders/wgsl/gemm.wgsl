// C[z] = alpha * op(A[z]) * op(B[z]) (+ bias) (+ C[z]), one tile of ROWS x COLS results a lane, a
// subgroup, or a workgroup.
//
// The tile lives in registers. On a software renderer, which pays for every load lane by lane, the
// fewest loads per multiplication win and no workgroup memory is used; on a GPU, what a workgroup's
// lanes all need is loaded once and lies there. Rows and columns beyond the edge are read clamped and
// not stored, but for the columns up to the next multiple of 4.
//
// Attention's products are as large as their sequences, which lie one after another: a workgroup beyond its
// sequence's edge has nothing to do.
struct Params {
    m: u32, n: u32, k: u32,
    lda: u32, ldb: u32, ldc: u32,
    // The batch index z splits into (z / inner, z % inner), each with a stride per matrix.
    inner: u32,
    a_outer: u32, a_inner: u32,
    b_outer: u32, b_inner: u32,
    c_outer: u32, c_inner: u32,
    a_start: u32, b_start: u32, c_start: u32,
    alpha: f32,
    accumulate: u32,
    // ROWS, where a compiler must not know it.
    rows: u32,
    // Where the batch's products are parts of one over k, the steps of a part.
    part: u32,
}

{{bindings}}

const ROWS: u32 = {{rows}}u;
const COLS: u32 = {{cols}}u;
{{memory}}

// What a product of the batch measures.
struct Size { m: u32, n: u32, k: u32, lda: u32, ldb: u32, ldc: u32 }

{{^given}}
{{#workgroup}}
var<workgroup> uniform_length: u32;
{{/workgroup}}
{{/given}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin({{lane}}) lane: u32) {
    // All lanes of a workgroup share their rows.
    let row = group.y * ROWS;
    let col = {{col}};
    let outer = group.z / params.inner;
    let inner = group.z % params.inner;
    {{#given}}
    let size = Size(params.m, params.n, {{k}}, params.lda, params.ldb, params.ldc);
    let a_base = params.a_start + outer * params.a_outer + inner * params.a_inner;
    let b_base = params.b_start + outer * params.b_outer + inner * params.b_inner;
    let c_base = params.c_start + outer * params.c_outer + inner * params.c_inner;
    {{/given}}
    {{^given}}
    let first = u32(sequences[4u * outer]);
    {{#workgroup}}
    if lane == 0u { uniform_length = u32(sequences[4u * outer + 1u]); }
    let length = workgroupUniformLoad(&uniform_length);
    {{/workgroup}}
    {{^workgroup}}
    let length = u32(sequences[4u * outer + 1u]);
    {{/workgroup}}
    let stride = (length + 3u) / 4u * 4u;
    let scores = params.inner * u32(sequences[4u * outer + 2u]) + inner * length * stride;
    let b_base = params.b_start + first * params.ldb + inner * params.b_inner;
    {{#to_scores}}
    let size = Size(length, length, params.k, params.lda, params.ldb, stride);
    let a_base = params.a_start + first * params.lda + inner * params.a_inner;
    let c_base = scores;
    {{/to_scores}}
    {{#from_scores}}
    let size = Size(length, params.n, length, stride, params.ldb, params.ldc);
    let a_base = scores;
    let c_base = params.c_start + first * params.ldc + inner * params.c_inner;
    {{/from_scores}}
    if row >= size.m || group.x * {{group_cols}}u >= size.n { return; }
    {{/given}}
    {{#alone}}
    // Where lanes share what they load, one beyond the edge still has elements to hand round.
    if col >= size.n { return; }
    {{/alone}}
{{body}}
}
