// Attention probabilities, query row by query row: softmax over the keys inside the sequence's
// length, zero on padding; and, where dropout is on, the same row with its mask applied.
struct Params { rows: u32, seq: u32, rows_per_sequence: u32, pad_left: u32, stride: u32, site: u32, threshold: u32, keep_scale: f32 }

{{bindings}}

{{philox}}

{{row}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>,
        @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let row = this_row(id, group, groups);
    let lane = this_lane(index);
    if row >= params.rows { return; }
    let length = u32(lengths[row / params.rows_per_sequence]);
    let first = select(0u, params.seq - length, params.pad_left != 0u);
    let end = first + length;
    let start = row * params.stride;
    // Lanes that share a row have whole fours of it, as masks are drawn.
    let width = {{^group}}params.seq{{/group}}{{#group}}4u{{/group}};
    let apart = width * LANES;
    var most = -3.0e38;
    for (var begin = lane * width; begin < params.seq; begin += apart) {
        for (var c = max(begin, first); c < min(begin + width, end); c++) { most = max(most, scores[start + c]); }
    }
    most = highest(most, lane);
    var sum = 0.0;
    for (var begin = lane * width; begin < params.seq; begin += apart) {
        for (var c = max(begin, first); c < min(begin + width, end); c++) {
            let weight = exp(scores[start + c] - most);
            probabilities[start + c] = weight;
            sum += weight;
        }
    }
    let scale = 1.0 / total(vec4<f32>(sum, 0.0, 0.0, 0.0), lane).x;
    for (var begin = lane * width; begin < params.seq; begin += apart) {
        for (var c = begin; c < min(begin + width, params.seq); c++) {
            let inside = c >= first && c < end;
            probabilities[start + c] = select(0.0, probabilities[start + c] * scale, inside);
        }
    }
    {{#dropout}}
    let draw = this_draw();
    for (var block = lane; block * 4u < params.seq; block += LANES) {
        let factors = dropout_factors(block, row, draw);
        for (var i = 0u; i < 4u; i++) {
            let col = block * 4u + i;
            if col < params.seq { dropped[start + col] = probabilities[start + col] * factors[i]; }
        }
    }
    {{/dropout}}
}
