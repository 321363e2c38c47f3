// out = x * mask / (1 - p), row by row; the backward pass is the same kernel over the gradient. `cols` counts fours
// of columns or, with the flag `scalar`, columns.
struct Params { rows: u32, cols: u32, site: u32, threshold: u32, keep_scale: f32, pad: u32, pad0: u32, pad1: u32 }

{{bindings}}

{{philox}}

{{row}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>,
        @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let row = this_row(id, group, groups);
    let lane = this_lane(index);
    if row >= params.rows { return; }
    let start = row * params.cols;
    let draw = this_draw(row, 0u);
    {{#fours}}
    for (var c = lane; c < params.cols; c += LANES) { output[start + c] = x[start + c] * dropout_factors(c, draw); }
    {{/fours}}
    {{#scalar}}
    for (var block = lane; block * 4u < params.cols; block += LANES) {
        let factors = dropout_factors(block, draw);
        for (var i = 0u; i < 4u; i++) {
            let col = block * 4u + i;
            if col < params.cols { output[start + col] = x[start + col] * factors[i]; }
        }
    }
    {{/scalar}}
}
