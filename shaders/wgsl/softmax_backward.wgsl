// dscores = P * (dP - sum(dP * P)) with dP the gradient through the dropout mask, and P with its mask
// applied once more; one row a lane.
struct Params { rows: u32, seq: u32, stride: u32, site: u32, threshold: u32, keep_scale: f32, pad: u32, pad0: u32 }

{{bindings}}

{{philox}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.rows { return; }
    let start = row * params.stride;
    var sum = 0.0;
    {{#dropout}}let draw = this_draw();{{/dropout}}
    for (var block = 0u; block * 4u < params.seq; block++) {
        {{#dropout}}let factors = dropout_factors(block, row, draw);{{/dropout}}
        for (var lane = 0u; lane < 4u; lane++) {
            let col = block * 4u + lane;
            if col < params.seq {
                var gradient = dy[start + col];
                {{#dropout}}
                gradient *= factors[lane];
                dropped[start + col] = probabilities[start + col] * factors[lane];
                {{/dropout}}
                dscores[start + col] = gradient;
                sum += gradient * probabilities[start + col];
            }
        }
    }
    for (var c = 0u; c < params.seq; c++) {
        dscores[start + c] = probabilities[start + c] * (dscores[start + c] - sum);
    }
}
