// Attention probabilities, query row by query row: softmax over the sequence's keys, with the flag `window` over
// those no further away than that, zero elsewhere; and, where dropout is on, the same row with its
// mask applied. To a score comes, with the flag `relative`, its head's number for the distance's bucket (MPNet,
// arXiv 2004.09297) and, with `disentangled`, the query's product with the distance's key (`keys`) and the
// key's with the distance's query (`queries`), which lie in `products` by token, head and place (DeBERTa, arXiv
// 2006.03654). With the flag `fours`, four keys are read and written at a time, as halves need.
struct Params {
    rows: u32, heads: u32, batch: u32, longest: u32, window: u32,
    // Of the products: numbers a head, numbers a token.
    span: u32, columns: u32,
    site: u32, threshold: u32, keep_scale: f32, pad: u32, pad0: u32,
}

{{bindings}}

{{philox}}

{{row}}

{{sequence}}

{{square}}

{{#biased}}
// What comes to the score of query i and key j.
fn added(query: Query, j: u32) -> f32 {
    let i = query.place;
    let place = u32(places[i + params.longest - 1u - j]);
    {{#relative}}
    return table[place * params.heads + query.head];
    {{/relative}}
    {{#disentangled}}
    let first = query.sequence.first;
    let at = query.head * params.span + place;
    var sum = 0.0;
    {{#keys}}sum += products[(first + i) * params.columns + at];{{/keys}}
    {{#queries}}sum += products[(first + j) * params.columns + at{{#keys}} + params.heads * params.span{{/keys}}];{{/queries}}
    return sum;
    {{/disentangled}}
}
{{/biased}}

{{#fours}}
const LOWEST = -3.0e38;

// Which of four keys lie in this range.
fn seen(four: u32, first: u32, end: u32) -> vec4<bool> {
    let keys = vec4<u32>(4u * four) + vec4<u32>(0u, 1u, 2u, 3u);
    return (keys >= vec4<u32>(first)) & (keys < vec4<u32>(end));
}

fn scores_at(query: Query, four: u32) -> vec4<f32> {
    var numbers = scores[query.start / 4u + four];
    {{#biased}}
    let last = query.sequence.length - 1u;
    for (var c = 0u; c < 4u; c++) { numbers[c] += added(query, min(4u * four + c, last)); }
    {{/biased}}
    return numbers;
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
    {{^window}}
    let first = query.sequence.unseen;
    let end = length;
    {{/window}}
    {{#window}}
    // Some queries that are padding see nothing.
    let first = max(query.sequence.unseen, max(query.place, params.window) - params.window);
    let end = min(length, query.place + params.window + 1u);
    {{/window}}
    {{#scalar}}
    // Lanes that share a row have whole fours of it, as masks are drawn.
    let width = {{^group}}length{{/group}}{{#group}}4u{{/group}};
    let apart = width * LANES;
    var most = -3.0e38;
    for (var begin = lane * width; begin < length; begin += apart) {
        for (var c = max(begin, first); c < min(begin + width, end); c++) {
            {{^biased}}most = max(most, scores[start + c]);{{/biased}}
            {{#biased}}
            let score = scores[start + c] + added(query, c);
            probabilities[start + c] = score;
            most = max(most, score);
            {{/biased}}
        }
    }
    most = highest(most, lane);
    var sum = 0.0;
    for (var begin = lane * width; begin < length; begin += apart) {
        for (var c = max(begin, first); c < min(begin + width, end); c++) {
            let weight = exp({{^biased}}scores{{/biased}}{{#biased}}probabilities{{/biased}}[start + c] - most);
            probabilities[start + c] = weight;
            sum += weight;
        }
    }
    let scale = 1.0 / total(vec4<f32>(sum, 0.0, 0.0, 0.0), lane).x;
    for (var begin = lane * width; begin < length; begin += apart) {
        for (var c = begin; c < min(begin + width, length); c++) {
            let inside = c >= first && c < end;
            probabilities[start + c] = select(0.0, probabilities[start + c] * scale, inside);
        }
    }
    {{#dropout}}
    let draw = this_draw(query.sequence.first + query.place, query.head);
    for (var block = lane; block * 4u < length; block += LANES) {
        let factors = dropout_factors(block, draw);
        for (var i = 0u; i < 4u; i++) {
            let col = block * 4u + i;
            if col < length { dropped[start + col] = probabilities[start + col] * factors[i]; }
        }
    }
    {{/dropout}}
    {{/scalar}}
    {{#fours}}
    // A score is read three times, so that no number in between is rounded.
    let fours = (length + 3u) / 4u;
    var most = LOWEST;
    for (var four = lane; four < fours; four += LANES) {
        let numbers = select(vec4<f32>(LOWEST), scores_at(query, four), seen(four, first, end));
        most = max(most, max(max(numbers.x, numbers.y), max(numbers.z, numbers.w)));
    }
    most = highest(most, lane);
    var sums = vec4<f32>(0.0);
    for (var four = lane; four < fours; four += LANES) {
        sums += select(vec4<f32>(0.0), exp(scores_at(query, four) - most), seen(four, first, end));
    }
    sums = total(sums, lane);
    let scale = 1.0 / ((sums.x + sums.y) + (sums.z + sums.w));
    {{#dropout}}let draw = this_draw(query.sequence.first + query.place, query.head);{{/dropout}}
    for (var four = lane; four < fours; four += LANES) {
        let weights = exp(scores_at(query, four) - most) * scale;
        let kept = select(vec4<f32>(0.0), weights, seen(four, first, end));
        probabilities[start / 4u + four] = kept;
        {{#dropout}}dropped[start / 4u + four] = kept * dropout_factors(four, draw);{{/dropout}}
    }
    {{/fours}}
}
