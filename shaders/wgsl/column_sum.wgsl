// out[n] += sum over rows of x[r, n]: the gradient of a bias. One column a lane.
struct Params { rows: u32, cols: u32, pad: u32, pad0: u32 }

{{bindings}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let col = id.x;
    if col >= params.cols { return; }
    var sum = {{zero}};
    for (var row = 0u; row < params.rows; row++) {
        sum += x[row * params.cols + col];
    }
    output[col] += sum;
}
