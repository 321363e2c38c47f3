// output[b] = the mean of sequence b's first tokens, at most `most` of them; four columns a lane.
struct Params { batch: u32, cols4: u32, most: u32, pad: u32 }

{{bindings}}

{{sequence}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * {{workgroup_size}}u;
    if i >= params.batch * params.cols4 { return; }
    let sequence = sequence_at(i / params.cols4);
    let count = min(sequence.length, params.most);
    var sum = vec4<f32>(0.0);
    for (var row = sequence.first; row < sequence.first + count; row++) {
        sum += x[row * params.cols4 + i % params.cols4];
    }
    output[i] = sum / f32(count);
}
