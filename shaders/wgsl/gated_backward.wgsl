// The gradient of both halves of x in y = activation(left) * right.
struct Params { count: u32, wide: u32, pad: u32, pad0: u32 }

{{bindings}}

{{activation}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * {{workgroup_size}}u;
    if i >= params.count { return; }
    let at = i / params.wide * params.wide + i;
    let left = x[at];
    dx[at] = dy[i] * x[at + params.wide] * activation_slope(left);
    dx[at + params.wide] = dy[i] * activation(left);
}
