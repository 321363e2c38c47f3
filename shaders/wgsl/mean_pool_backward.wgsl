// dx of the mean over a sequence's tokens: its gradient over their number, and zero on padding.
struct Params { batch: u32, cols4: u32, seq: u32, pad_left: u32 }

{{bindings}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * {{workgroup_size}}u;
    if i >= params.batch * params.seq * params.cols4 { return; }
    let row = i / params.cols4;
    let sequence = row / params.seq;
    let place = row % params.seq;
    let length = u32(lengths[sequence]);
    let first = select(0u, params.seq - length, params.pad_left != 0u);
    let inside = place >= first && place < first + length;
    dx[i] = select(vec4<f32>(0.0), dy[sequence * params.cols4 + i % params.cols4] / f32(length), inside);
}
