// table[index[r]] += x[r] for every row in order, skipping one index (nn.Embedding's padding_idx).
// A lane owns four columns and walks the rows, so nothing is added by two lanes: no atomics, and the
// order of the sum is the same on every adapter.
struct Params { rows: u32, cols4: u32, skip: i32, pad: u32 }

{{bindings}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let col = id.x;
    if col >= params.cols4 { return; }
    for (var row = 0u; row < params.rows; row++) {
        let target_row = index[row];
        if target_row != params.skip {
            table[u32(target_row) * params.cols4 + col] += x[row * params.cols4 + col];
        }
    }
}
