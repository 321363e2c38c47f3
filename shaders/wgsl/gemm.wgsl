// C[z] = alpha * op(A[z]) * op(B[z]) (+ bias) (+ C[z]), one tile of ROWS x COLS results a lane.
//
// The tile lives in registers and no workgroup memory is used: a software renderer pays for every
// load lane by lane, so the fewest loads per multiplication win. Rows and columns beyond the edge
// are read clamped and never stored.
struct Params {
    m: u32, n: u32, k: u32,
    lda: u32, ldb: u32, ldc: u32,
    // The batch index z splits into (z / inner, z % inner), each with a stride per matrix.
    inner: u32,
    a_outer: u32, a_inner: u32,
    b_outer: u32, b_inner: u32,
    c_outer: u32, c_inner: u32,
    alpha: f32,
    accumulate: u32,
    pad: u32,
}

{{bindings}}

const ROWS: u32 = {{rows}}u;
const COLS: u32 = {{cols}}u;

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let tiles_n = (params.n + COLS - 1u) / COLS;
    let tiles_m = (params.m + ROWS - 1u) / ROWS;
    if id.x >= tiles_n * tiles_m { return; }
    let row = (id.x % tiles_m) * ROWS;
    let col = (id.x / tiles_m) * COLS;
    let outer = id.z / params.inner;
    let inner = id.z % params.inner;
    let a_base = outer * params.a_outer + inner * params.a_inner;
    let b_base = outer * params.b_outer + inner * params.b_inner;
    let c_base = outer * params.c_outer + inner * params.c_inner;
{{body}}
}
