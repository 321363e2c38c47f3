// dscores = P * (dP - sum(dP * P)) with dP the gradient through the dropout mask, and P with its mask
// applied once more.
struct Params {
    rows: u32, heads: u32, batch: u32, site: u32, threshold: u32, keep_scale: f32, pad: u32, pad0: u32,
}

{{bindings}}

{{philox}}

{{row}}

{{sequence}}

{{square}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>,
        @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let row = this_row(id, group, groups);
    let lane = this_lane(index);
    if row >= params.rows { return; }
    let query = query_at(row, params.heads, params.batch);
    let length = query.sequence.length;
    let start = query.start;
    var sum = 0.0;
    {{#dropout}}let draw = this_draw(query.sequence.first + query.place, query.head);{{/dropout}}
    for (var block = lane; block * 4u < length; block += LANES) {
        {{#dropout}}let factors = dropout_factors(block, draw);{{/dropout}}
        for (var i = 0u; i < 4u; i++) {
            let col = block * 4u + i;
            if col < length {
                var gradient = dy[start + col];
                {{#dropout}}
                gradient *= factors[i];
                dropped[start + col] = probabilities[start + col] * factors[i];
                {{/dropout}}
                dscores[start + col] = gradient;
                sum += gradient * probabilities[start + col];
            }
        }
    }
    sum = total(vec4<f32>(sum, 0.0, 0.0, 0.0), lane).x;
    // Each lane the columns that it wrote.
    let width = {{^group}}length{{/group}}{{#group}}4u{{/group}};
    for (var begin = lane * width; begin < length; begin += width * LANES) {
        for (var c = begin; c < min(begin + width, length); c++) {
            dscores[start + c] = probabilities[start + c] * (dscores[start + c] - sum);
        }
    }
}
