// out[r] = word[ids[r]] + position[r % seq] + type[type_ids[r]]; four columns a lane.
struct Params { rows: u32, cols4: u32, seq: u32, pad: u32 }

{{bindings}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * {{workgroup_size}}u;
    if i >= params.rows * params.cols4 { return; }
    let row = i / params.cols4;
    let col = i % params.cols4;
    output[i] = word[u32(ids[row]) * params.cols4 + col]
        + position[(row % params.seq) * params.cols4 + col]
        + token_type[u32(type_ids[row]) * params.cols4 + col];
}
