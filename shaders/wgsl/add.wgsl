// out = residual + x * mask / (1 - p), row by row, four columns at a time.
struct Params { rows: u32, cols4: u32, site: u32, threshold: u32, keep_scale: f32, pad: u32, pad0: u32, pad1: u32 }

{{bindings}}

{{philox}}

{{row}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>,
        @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let row = this_row(id, group, groups);
    let lane = this_lane(index);
    if row >= params.rows { return; }
    let start = row * params.cols4;
    {{#dropout}}let draw = this_draw(row, 0u);{{/dropout}}
    for (var c = lane; c < params.cols4; c += LANES) {
        var value = x[start + c];
        {{#dropout}}value *= dropout_factors(c, draw);{{/dropout}}
        output[start + c] = residual[start + c] + value;
    }
}
