// out[r] = word[ids[r]] (+ position[positions[r]]) (+ token_type[type_ids[r]]); four columns a lane. With the
// flag `part` the table has the words from `first` on, and rows of other words are left as they are.
struct Params { rows: u32, cols4: u32, first: u32, entries: u32 }

{{bindings}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * {{workgroup_size}}u;
    if i >= params.rows * params.cols4 { return; }
    let row = i / params.cols4;
    let col = i % params.cols4;
    {{^part}}let entry = u32(ids[row]);{{/part}}
    {{#part}}let entry = u32(ids[row]) - params.first;
    // One before the first wraps around, beyond the last.
    if entry >= params.entries { return; }{{/part}}
    var sum = word[entry * params.cols4 + col];
    {{#position}}sum += position[u32(positions[row]) * params.cols4 + col];{{/position}}
    {{#token_type}}sum += token_type[u32(type_ids[row]) * params.cols4 + col];{{/token_type}}
    output[i] = sum;
}
