// output[i] = x[i], of which one holds floats and the other halves; four numbers a lane.
struct Params { count: u32, pad: u32, pad0: u32, pad1: u32 }

{{bindings}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * {{workgroup_size}}u;
    if i >= params.count { return; }
    output[i] = x[i];
}
