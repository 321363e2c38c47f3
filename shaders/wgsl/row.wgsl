// What a kernel over rows is made of. A row is one lane's or, with the flag `group`, shared by the LANES
// lanes of a workgroup, which go through it side by side.
{{^group}}
const LANES = 1u;
fn this_row(id: vec3<u32>, group: vec3<u32>, groups: vec3<u32>) -> u32 {
    return id.x + id.y * groups.x * {{workgroup_size}}u;
}
fn this_lane(index: u32) -> u32 { return 0u; }
fn totals(part: vec4<f32>, lane: u32, kinds: u32) -> vec4<f32> { return part; }
fn highest(part: f32, lane: u32) -> f32 { return part; }
{{/group}}
{{#group}}
const LANES = {{workgroup_size}}u;
var<workgroup> parts: array<vec4<f32>, {{workgroup_size}}>;

fn this_row(id: vec3<u32>, group: vec3<u32>, groups: vec3<u32>) -> u32 {
    return group.x + group.y * groups.x;
}
fn this_lane(index: u32) -> u32 { return index; }

// The sum of the parts of all lanes of one kind, lane % kinds, in one order on every adapter. All lanes
// call it.
fn totals(part: vec4<f32>, lane: u32, kinds: u32) -> vec4<f32> {
    workgroupBarrier();
    parts[lane] = part;
    for (var apart = LANES / 2u; apart >= kinds; apart /= 2u) {
        workgroupBarrier();
        if lane < apart { parts[lane] += parts[lane + apart]; }
    }
    workgroupBarrier();
    return parts[lane % kinds];
}

// The highest of every lane's part. All lanes call it.
fn highest(part: f32, lane: u32) -> f32 {
    workgroupBarrier();
    parts[lane].x = part;
    for (var apart = LANES / 2u; apart > 0u; apart /= 2u) {
        workgroupBarrier();
        if lane < apart { parts[lane].x = max(parts[lane].x, parts[lane + apart].x); }
    }
    workgroupBarrier();
    return parts[0].x;
}
{{/group}}

// The sum of every lane's part.
fn total(part: vec4<f32>, lane: u32) -> vec4<f32> { return totals(part, lane, 1u); }
