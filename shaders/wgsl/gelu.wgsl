// y = x * Phi(x), the exact (erf) GELU. Hendrycks and Gimpel, arXiv 1606.08415.
struct Params { count: u32, pad: u32, pad0: u32, pad1: u32 }

{{bindings}}

{{erf}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * {{workgroup_size}}u;
    if i >= params.count { return; }
    let value = x[i];
    y[i] = 0.5 * value * (1.0 + erf(value * 0.7071067811865476));
}
