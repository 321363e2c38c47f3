// table[index[r]] += x[r] for every row in order, skipping one index (nn.Embedding's padding_idx).
// Nothing is added by two lanes: no atomics, and the order of the sum is the same on every adapter. A lane
// owns four columns and walks the rows or, with the flag `group`, four columns of the first row of an
// index, and walks the rows after it for others of that index. With the flag `part` the table has the entries
// from `first` on, and rows of others are another launch's.
struct Params { rows: u32, cols4: u32, skip: i32, first: u32, entries: u32, pad: u32, pad0: u32, pad1: u32 }

{{bindings}}

{{^group}}
@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let col = id.x;
    if col >= params.cols4 { return; }
    for (var row = 0u; row < params.rows; row++) {
        let target_row = index[row];
        {{^part}}let entry = u32(target_row);
        if target_row != params.skip {{{/part}}
        {{#part}}let entry = u32(target_row) - params.first;
        if target_row != params.skip && entry < params.entries {{{/part}}
            table[entry * params.cols4 + col] += x[row * params.cols4 + col];
        }
    }
}
{{/group}}
{{#group}}
@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let col = id.x;
    let first = id.y;
    let target_row = index[first];
    if col >= params.cols4 || target_row == params.skip { return; }
    {{^part}}let entry = u32(target_row);{{/part}}
    {{#part}}let entry = u32(target_row) - params.first;
    if entry >= params.entries { return; }{{/part}}
    // Four rows are on their way at a time, here and below.
    for (var row = 0u; row < first; row += 4u) {
        let rows = min(vec4<u32>(row, row + 1u, row + 2u, row + 3u), vec4<u32>(first - 1u));
        let indices = vec4<i32>(index[rows.x], index[rows.y], index[rows.z], index[rows.w]);
        if any(indices == vec4<i32>(target_row)) { return; }
    }
    let at = entry * params.cols4 + col;
    var sum = table[at];
    for (var row = first; row < params.rows; row += 4u) {
        let last = params.rows - 1u;
        let rows = min(vec4<u32>(row, row + 1u, row + 2u, row + 3u), vec4<u32>(last));
        let indices = vec4<i32>(index[rows.x], index[rows.y], index[rows.z], index[rows.w]);
        let hit = (indices == vec4<i32>(target_row)) & (row + vec4<u32>(0u, 1u, 2u, 3u) <= vec4<u32>(last));
        if any(hit) {
            let none = vec4<f32>(0.0);
            let x0 = select(none, x[rows.x * params.cols4 + col], hit.x);
            let x1 = select(none, x[rows.y * params.cols4 + col], hit.y);
            let x2 = select(none, x[rows.z * params.cols4 + col], hit.z);
            let x3 = select(none, x[rows.w * params.cols4 + col], hit.w);
            sum = (((sum + x0) + x1) + x2) + x3;
        }
    }
    table[at] = sum;
}
{{/group}}
