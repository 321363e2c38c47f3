// out = x * mask / (1 - p), one row a lane; the backward pass is the same kernel over the gradient.
struct Params { rows: u32, cols: u32, site: u32, threshold: u32, keep_scale: f32, pad: u32, pad0: u32, pad1: u32 }

{{bindings}}

{{philox}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.rows { return; }
    let start = row * params.cols;
    let draw = this_draw();
    for (var block = 0u; block * 4u < params.cols; block++) {
        let factors = dropout_factors(block, row, draw);
        for (var lane = 0u; lane < 4u; lane++) {
            let col = block * 4u + lane;
            if col < params.cols { output[start + col] = x[start + col] * factors[lane]; }
        }
    }
}
