// y = activation(left half of x) * right half of x, row by row: GeGLU with GELU. Shazeer, arXiv 2002.05202.
// `wide` counts what a lane handles: fours, or with the flag `scalar` single numbers.
struct Params { count: u32, wide: u32, pad: u32, pad0: u32 }

{{bindings}}

{{activation}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * {{workgroup_size}}u;
    if i >= params.count { return; }
    let at = i / params.wide * params.wide + i;
    y[i] = activation(x[at]) * x[at + params.wide];
}
