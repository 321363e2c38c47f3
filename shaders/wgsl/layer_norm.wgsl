// y = LayerNorm(residual + dropout(x)) * gamma (+ beta), row by row; keeps the normalised row and
// the reciprocal standard deviation for the backward pass, and with the flag `sum` what was normalised. `affine` holds gamma, then beta if there is one. With the flag `half`,
// where `xhat` holds halves, the sum is rounded to one before it is normalised. Ba et al., arXiv 1607.06450.
struct Params { rows: u32, cols4: u32, epsilon: f32, site: u32, threshold: u32, keep_scale: f32, pad: u32, pad0: u32 }

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
    for (var c = lane; c < params.cols4; c += LANES) {
        var value = x[start + c];
        {{#dropout}}value *= dropout_factors(c, draw);{{/dropout}}
        {{#residual}}value += residual[start + c];{{/residual}}
        {{#sum}}added[start + c] = value;{{/sum}}
        xhat[start + c] = value;
        {{#half}}value = xhat[start + c];{{/half}}
        sum += value;
    }
    sum = total(sum, lane);
    let count = f32(params.cols4 * 4u);
    let mean = (sum.x + sum.y + sum.z + sum.w) / count;
    var squares = vec4<f32>(0.0);
    for (var c = lane; c < params.cols4; c += LANES) {
        let centred = xhat[start + c] - mean;
        squares += centred * centred;
    }
    squares = total(squares, lane);
    let variance = (squares.x + squares.y + squares.z + squares.w) / count;
    let reciprocal = 1.0 / sqrt(variance + params.epsilon);
    if lane == 0u { rstd[row] = reciprocal; }
    for (var c = lane; c < params.cols4; c += LANES) {
        let normalised = (xhat[start + c] - mean) * reciprocal;
        xhat[start + c] = normalised;
        y[start + c] = normalised * affine[c]{{#beta}} + affine[params.cols4 + c]{{/beta}};
    }
}
