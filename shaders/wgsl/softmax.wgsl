// Attention probabilities, query row by query row: softmax over the keys inside the sequence's length and, with
// the flag `window`, no further away than that, zero elsewhere; and, where dropout is on, the same row with its
// mask applied. To a score comes, with the flag `relative`, its head's number for the distance's bucket (MPNet,
// arXiv 2004.09297) and, with `disentangled`, the query's product with the distance's key (`keys`) and the
// key's with the distance's query (`queries`), which lie in `products` by token, head and place (DeBERTa, arXiv
// 2006.03654).
struct Params {
    rows: u32, seq: u32, rows_per_sequence: u32, pad_left: u32, stride: u32,
    window: u32,
    // Of the table or the products: heads, numbers a head, numbers a token.
    heads: u32, span: u32, columns: u32,
    site: u32, threshold: u32, keep_scale: f32,
}

{{bindings}}

{{philox}}

{{row}}

{{#biased}}
// What comes to the score of query i and key j.
fn added(sequence: u32, head: u32, i: u32, j: u32) -> f32 {
    let place = u32(places[i + params.seq - 1u - j]);
    {{#relative}}
    return table[place * params.heads + head];
    {{/relative}}
    {{#disentangled}}
    let at = head * params.span + place;
    var sum = 0.0;
    {{#keys}}sum += products[(sequence * params.seq + i) * params.columns + at];{{/keys}}
    {{#queries}}sum += products[(sequence * params.seq + j) * params.columns + at{{#keys}} + params.heads * params.span{{/keys}}];{{/queries}}
    return sum;
    {{/disentangled}}
}
{{/biased}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>,
        @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let row = this_row(id, group, groups);
    let lane = this_lane(index);
    if row >= params.rows { return; }
    let length = u32(lengths[row / params.rows_per_sequence]);
    {{^window}}
    let first = select(0u, params.seq - length, params.pad_left != 0u);
    let end = first + length;
    {{/window}}
    {{#window}}
    // Empty for some of the queries that are padding.
    let query_row = row % params.seq;
    let token = select(0u, params.seq - length, params.pad_left != 0u);
    let first = max(token, max(query_row, params.window) - params.window);
    let end = min(token + length, query_row + params.window + 1u);
    {{/window}}
    let start = row * params.stride;
    // Lanes that share a row have whole fours of it, as masks are drawn.
    let width = {{^group}}params.seq{{/group}}{{#group}}4u{{/group}};
    let apart = width * LANES;
    var most = -3.0e38;
    for (var begin = lane * width; begin < params.seq; begin += apart) {
        for (var c = max(begin, first); c < min(begin + width, end); c++) {
            {{^biased}}most = max(most, scores[start + c]);{{/biased}}
            {{#biased}}
            let score = scores[start + c] + added(row / params.rows_per_sequence, row / params.seq % params.heads, row % params.seq, c);
            probabilities[start + c] = score;
            most = max(most, score);
            {{/biased}}
        }
    }
    most = highest(most, lane);
    var sum = 0.0;
    for (var begin = lane * width; begin < params.seq; begin += apart) {
        for (var c = max(begin, first); c < min(begin + width, end); c++) {
            let weight = exp({{^biased}}scores{{/biased}}{{#biased}}probabilities{{/biased}}[start + c] - most);
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
