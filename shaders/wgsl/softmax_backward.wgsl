// dscores = P * (dP - sum(dP * P)) with dP the gradient through the dropout mask, and P with its mask
// applied once more. With the flag `fours`, four keys are read and written at a time, as halves need.
struct Params {
    rows: u32, heads: u32, batch: u32, site: u32, threshold: u32, keep_scale: f32, pad: u32, pad0: u32,
}

{{bindings}}

{{philox}}

{{row}}

{{sequence}}

{{square}}

{{#fours}}
// The gradient of four probabilities; none where there is no key.
fn gradients_at(at: u32, four: u32, length: u32{{#dropout}}, factors: vec4<f32>{{/dropout}}) -> vec4<f32> {
    let keys = vec4<u32>(4u * four) + vec4<u32>(0u, 1u, 2u, 3u);
    return select(vec4<f32>(0.0), dy[at]{{#dropout}} * factors{{/dropout}}, keys < vec4<u32>(length));
}
{{/fours}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>,
        @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let row = this_row(id, group, groups);
    let lane = this_lane(index);
    if row >= params.rows { return; }
    let query = query_at(row, params.heads, params.batch);
    let length = query.sequence.length;
    let start = query.start;
    {{#scalar}}
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
    {{/scalar}}
    {{#fours}}
    let fours = (length + 3u) / 4u;
    {{#dropout}}let draw = this_draw(query.sequence.first + query.place, query.head);{{/dropout}}
    var sums = vec4<f32>(0.0);
    for (var four = lane; four < fours; four += LANES) {
        let at = start / 4u + four;
        {{#dropout}}
        let factors = dropout_factors(four, draw);
        dropped[at] = probabilities[at] * factors;
        {{/dropout}}
        sums += gradients_at(at, four, length{{#dropout}}, factors{{/dropout}}) * probabilities[at];
    }
    sums = total(sums, lane);
    let sum = (sums.x + sums.y) + (sums.z + sums.w);
    for (var four = lane; four < fours; four += LANES) {
        let at = start / 4u + four;
        {{#dropout}}let factors = dropout_factors(four, draw);{{/dropout}}
        let gradient = gradients_at(at, four, length{{#dropout}}, factors{{/dropout}});
        dscores[at] = probabilities[at] * (gradient - sum);
    }
    {{/fours}}
}
