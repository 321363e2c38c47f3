// partial[slot * LANES + lane] = sum of squares of every LANES-th four elements: a piece of the global
// norm.
struct Params { count: u32, slot: u32, pad: u32, pad0: u32 }

{{bindings}}

const LANES: u32 = {{lanes}}u;

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= LANES { return; }
    var sum = vec4<f32>(0.0);
    for (var i = id.x; i < params.count; i += LANES) {
        sum += x[i] * x[i];
    }
    partial[params.slot * LANES + id.x] = (sum.x + sum.y) + (sum.z + sum.w);
}
