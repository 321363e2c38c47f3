// dx of the mean over a sequence's first tokens: its gradient over their number, and zero for the tokens after
// them; four columns a lane.
struct Params { tokens: u32, cols4: u32, most: u32, batch: u32 }

{{bindings}}

{{sequence}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * {{workgroup_size}}u;
    if i >= params.tokens * params.cols4 { return; }
    let token = i / params.cols4;
    let number = sequence_of(token, params.batch);
    let sequence = sequence_at(number);
    let count = min(sequence.length, params.most);
    let inside = token - sequence.first < count;
    dx[i] = select(vec4<f32>(0.0), dy[number * params.cols4 + i % params.cols4] / f32(count), inside);
}
