// d(sum) of y = LayerNorm(sum) * gamma + beta, with the flag `more` added to what it has besides, and, where x was
// dropped out before the sum, dx.
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
    var sum = vec4<f32>(0.0);
    var projected = vec4<f32>(0.0);
    for (var c = lane; c < params.cols4; c += LANES) {
        let scaled = dy[start + c] * affine[c];
        sum += scaled;
        projected += scaled * xhat[start + c];
    }
    sum = total(sum, lane);
    projected = total(projected, lane);
    let count = f32(params.cols4 * 4u);
    let mean = (sum.x + sum.y + sum.z + sum.w) / count;
    let slope = (projected.x + projected.y + projected.z + projected.w) / count;
    let reciprocal = rstd[row];
    for (var c = lane; c < params.cols4; c += LANES) {
        var gradient = reciprocal * (dy[start + c] * affine[c] - mean - xhat[start + c] * slope);
        {{#more}}gradient += more[start + c];{{/more}}
        dsum[start + c] = gradient;
        {{#dropout}}dx[start + c] = gradient * dropout_factors(c, draw);{{/dropout}}
    }
}
