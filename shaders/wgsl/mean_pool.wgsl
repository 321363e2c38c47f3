// output[b] = the mean of the rows of x that are sequence b's tokens; four columns a lane.
struct Params { batch: u32, cols4: u32, seq: u32, pad_left: u32 }

{{bindings}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * {{workgroup_size}}u;
    if i >= params.batch * params.cols4 { return; }
    let sequence = i / params.cols4;
    let length = u32(lengths[sequence]);
    let first = sequence * params.seq + select(0u, params.seq - length, params.pad_left != 0u);
    var sum = vec4<f32>(0.0);
    for (var row = first; row < first + length; row++) { sum += x[row * params.cols4 + i % params.cols4]; }
    output[i] = sum / f32(length);
}
