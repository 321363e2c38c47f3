// Attention and its gradients without a matrix of scores in memory (Dao et al., arXiv 2205.14135): a lane has a
// token of its own, a query or with the flag `by_key` a key, and goes through all others of its sequence, which the
// workgroup brings to its memory a few at a time. Scores are computed again wherever they are needed, from the
// highest score and the sum that `ends` keeps of each query, as the logarithm of the sum of all exponentials.
//
// The flags: `context` is the forward pass, `queries`, `keys` and `values` are the gradients of these.
struct Params {
    heads: u32, fours: u32, scale: f32, site: u32, threshold: u32, keep_scale: f32, pad: u32, pad0: u32,
}

{{bindings}}

{{philox}}

{{sequence}}

const LANES = {{workgroup_size}}u;
// Tokens in workgroup memory at a time.
const OTHERS = {{others}}u;
// Of a head's numbers.
const FOURS = {{fours}}u;
const LOWEST = -3.0e38;

var<workgroup> uniform_length: u32;
{{^by_key}}
// Keys and values.
{{/by_key}}
{{#by_key}}
// Queries and the context's gradient.
{{/by_key}}
var<workgroup> left: array<vec4<f32>, {{memory}}>;
var<workgroup> right: array<vec4<f32>, {{memory}}>;
{{#by_key}}
var<workgroup> end_of: array<f32, {{others}}>;
{{#keys}}var<workgroup> delta_of: array<f32, {{others}}>;{{/keys}}
{{#dropout}}
// Of each query in memory and each lane's key.
var<workgroup> factors: array<f32, {{masks}}>;
{{/dropout}}
{{/by_key}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let sequence = sequence_at(group.z);
    if lane == 0u { uniform_length = sequence.length; }
    let length = workgroupUniformLoad(&uniform_length);
    // A workgroup beyond its sequence's end has nothing to do.
    if group.x * LANES >= length { return; }
    let head = group.y;
    let place = group.x * LANES + lane;
    let row = sequence.first + min(place, length - 1u);
    // A token's query, key and value of all heads.
    let own = row * 3u * params.fours + head * FOURS;
    let context_own = row * params.fours + head * FOURS;
    // What goes between buffers and registers goes through an array and a loop whose end a compiler can't tell:
    // unrolled, that would be most of a software renderer's time to compile.
    var moved: array<vec4<f32>, 40>;
    let width = params.fours / params.heads;
    {{#by_key}}let seen = place >= sequence.unseen;{{/by_key}}
{{before}}
    for (var begin = 0u; begin < length; begin += OTHERS) {
        workgroupBarrier();
        for (var i = lane; i < OTHERS * FOURS; i += LANES) {
            let other = sequence.first + min(begin + i / FOURS, length - 1u);
            let at = other * 3u * params.fours + head * FOURS + i % FOURS;
            {{^by_key}}
            left[i] = qkv[at + params.fours];
            right[i] = qkv[at + 2u * params.fours];
            {{/by_key}}
            {{#by_key}}
            left[i] = qkv[at];
            right[i] = dcontext[other * params.fours + head * FOURS + i % FOURS];
            {{/by_key}}
        }
        {{#by_key}}
        if lane < OTHERS {
            let other = (sequence.first + min(begin + lane, length - 1u)) * params.heads + head;
            end_of[lane] = ends[other];
            {{#keys}}delta_of[lane] = deltas[other];{{/keys}}
        }
        {{#dropout}}
        // Four keys' factors are drawn together.
        for (var i = lane; i < OTHERS * LANES / 4u; i += LANES) {
            let query = i / (LANES / 4u);
            let block = i % (LANES / 4u);
            let draw = this_draw(sequence.first + min(begin + query, length - 1u), head);
            let drawn = dropout_factors(group.x * LANES / 4u + block, draw);
            for (var c = 0u; c < 4u; c++) { factors[query * LANES + 4u * block + c] = drawn[c]; }
        }
        {{/dropout}}
        {{/by_key}}
        workgroupBarrier();
        {{^by_key}}
        for (var four = 0u; four < OTHERS / 4u; four++) {
            let key = begin + 4u * four;
            let keys = vec4<u32>(key, key + 1u, key + 2u, key + 3u);
            let count = min(4u, max(length, key) - key);
            let seen = (keys >= vec4<u32>(sequence.unseen)) & (keys < vec4<u32>(length));
            {{#dropout}}let factors = dropout_factors(key / 4u, draw);{{/dropout}}
{{each}}
        }
        {{/by_key}}
        {{#by_key}}
        let count = min(OTHERS, length - begin);
        for (var query = 0u; query < count; query++) {
            let at = query * FOURS;
            {{#dropout}}let factor = factors[query * LANES + lane];{{/dropout}}
{{each}}
        }
        {{/by_key}}
    }
    if place < length {
{{after}}
    }
}
