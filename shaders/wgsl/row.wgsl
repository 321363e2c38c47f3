// What a kernel over rows is made of: lane 0 of 1 has the row to itself or, with the flag `group`, the
// lanes of a workgroup share it, each with every LANES-th column.
{{^group}}
const LANES = 1u;
fn total(part: vec4<f32>, lane: u32) -> vec4<f32> { return part; }
fn highest(part: f32, lane: u32) -> f32 { return part; }
{{/group}}
{{#group}}
const LANES = {{workgroup_size}}u;
var<workgroup> parts: array<vec4<f32>, {{workgroup_size}}>;

// The sum of every lane's part, in one order on every adapter. All lanes call it.
fn total(part: vec4<f32>, lane: u32) -> vec4<f32> {
    workgroupBarrier();
    parts[lane] = part;
    for (var apart = LANES / 2u; apart > 0u; apart /= 2u) {
        workgroupBarrier();
        if lane < apart { parts[lane] += parts[lane + apart]; }
    }
    workgroupBarrier();
    return parts[0];
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
