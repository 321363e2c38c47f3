// Adds to gamma's gradient the sum over rows of dy * xhat, to beta's behind it that of dy; four
// columns a lane.
struct Params { rows: u32, cols4: u32, pad: u32, pad0: u32 }

{{bindings}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let col = id.x;
    if col >= params.cols4 { return; }
    var gamma = vec4<f32>(0.0);
    var beta = vec4<f32>(0.0);
    for (var row = 0u; row < params.rows; row++) {
        let gradient = dy[row * params.cols4 + col];
        gamma += gradient * xhat[row * params.cols4 + col];
        beta += gradient;
    }
    daffine[col] += gamma;
    daffine[params.cols4 + col] += beta;
}
