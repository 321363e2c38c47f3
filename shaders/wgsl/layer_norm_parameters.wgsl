// Adds to gamma's gradient the sum over rows of dy * xhat, to beta's behind it that of dy; four
// columns a lane or, with the flag `group`, a workgroup, whose lanes share the rows.
struct Params { rows: u32, cols4: u32, pad: u32, pad0: u32 }

{{bindings}}

{{row}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>,
        @builtin(local_invocation_index) index: u32) {
    {{^group}}let col = id.x; let lane = 0u;{{/group}}
    {{#group}}let col = group.x; let lane = index;{{/group}}
    if col >= params.cols4 { return; }
    var gamma = vec4<f32>(0.0);
    var beta = vec4<f32>(0.0);
    for (var row = lane; row < params.rows; row += LANES) {
        let gradient = dy[row * params.cols4 + col];
        gamma += gradient * xhat[row * params.cols4 + col];
        beta += gradient;
    }
    gamma = total(gamma, lane);
    beta = total(beta, lane);
    if lane == 0u {
        daffine[col] += gamma;
        daffine[params.cols4 + col] += beta;
    }
}
