// Adds to C the parts over k of a product, [parts, count], and with the flag `sums` to the sums of A's columns
// theirs, [parts, sums]; both by fours, four numbers a lane, in order.
struct Params { count: u32, sums: u32, parts: u32, pad: u32 }

{{bindings}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * {{workgroup_size}}u;
    var total = vec4<f32>(0.0);
    if i < params.count {
        for (var part = 0u; part < params.parts; part++) { total += parts[part * params.count + i]; }
        c[i] += total;
        return;
    }
    {{#sums}}
    let four = i - params.count;
    if four >= params.sums { return; }
    for (var part = 0u; part < params.parts; part++) { total += parts_of_sums[part * params.sums + four]; }
    sums[four] += total;
    {{/sums}}
}
