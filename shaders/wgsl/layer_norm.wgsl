// y = LayerNorm(residual + dropout(x)) * gamma + beta, one row a lane; keeps the normalised row and
// the reciprocal standard deviation for the backward pass. `affine` holds gamma, then beta. Ba et al., arXiv 1607.06450.
struct Params { rows: u32, cols4: u32, epsilon: f32, site: u32, threshold: u32, keep_scale: f32, pad: u32, pad0: u32 }

{{bindings}}

{{philox}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.rows { return; }
    let start = row * params.cols4;
    {{#dropout}}let draw = this_draw();{{/dropout}}
    var sum = vec4<f32>(0.0);
    for (var c = 0u; c < params.cols4; c++) {
        var value = x[start + c];
        {{#dropout}}value *= dropout_factors(c, row, draw);{{/dropout}}
        {{#residual}}value += residual[start + c];{{/residual}}
        xhat[start + c] = value;
        sum += value;
    }
    let count = f32(params.cols4 * 4u);
    let mean = (sum.x + sum.y + sum.z + sum.w) / count;
    var squares = vec4<f32>(0.0);
    for (var c = 0u; c < params.cols4; c++) {
        let centred = xhat[start + c] - mean;
        squares += centred * centred;
    }
    let variance = (squares.x + squares.y + squares.z + squares.w) / count;
    let reciprocal = 1.0 / sqrt(variance + params.epsilon);
    rstd[row] = reciprocal;
    for (var c = 0u; c < params.cols4; c++) {
        let normalised = (xhat[start + c] - mean) * reciprocal;
        xhat[start + c] = normalised;
        y[start + c] = normalised * affine[c] + affine[params.cols4 + c];
    }
}
