// C[z] = alpha * op(A[z]) * op(B[z]) (+ bias) (+ C[z]), one tile of ROWS x COLS results a lane, a
// subgroup, or a workgroup.
//
// The tile lives in registers. On a software renderer, which pays for every load lane by lane, the
// fewest loads per multiplication win and no workgroup memory is used; on a GPU, what a workgroup's
// lanes all need is loaded once and lies there. Rows and columns beyond the edge are read clamped and
// not stored, but for the columns up to the next multiple of 4.
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
    pad: u32,
}

{{bindings}}

const ROWS: u32 = {{rows}}u;
const COLS: u32 = {{cols}}u;
{{memory}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin({{lane}}) lane: u32) {
    // All lanes of a workgroup share their rows.
    let row = group.y * ROWS;
    let col = {{col}};
    {{guard}}
    let outer = group.z / params.inner;
    let inner = group.z % params.inner;
    let a_base = params.a_start + outer * params.a_outer + inner * params.a_inner;
    let b_base = params.b_start + outer * params.b_outer + inner * params.b_inner;
    let c_base = params.c_start + outer * params.c_outer + inner * params.c_inner;
{{body}}
}
