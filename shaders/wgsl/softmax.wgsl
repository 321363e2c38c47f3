// Attention probabilities of one query row a lane: softmax over the keys inside the sequence's
// length, zero on padding; and, where dropout is on, the same row with its mask applied.
struct Params { rows: u32, seq: u32, rows_per_sequence: u32, pad_left: u32, stride: u32, site: u32, threshold: u32, keep_scale: f32 }

{{bindings}}

{{philox}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.rows { return; }
    let length = u32(lengths[row / params.rows_per_sequence]);
    let first = select(0u, params.seq - length, params.pad_left != 0u);
    let end = first + length;
    let start = row * params.stride;
    var highest = -3.0e38;
    for (var c = first; c < end; c++) { highest = max(highest, scores[start + c]); }
    var sum = 0.0;
    for (var c = first; c < end; c++) {
        let weight = exp(scores[start + c] - highest);
        probabilities[start + c] = weight;
        sum += weight;
    }
    let scale = 1.0 / sum;
    for (var c = 0u; c < params.seq; c++) {
        let inside = c >= first && c < end;
        probabilities[start + c] = select(0.0, probabilities[start + c] * scale, inside);
    }
    {{#dropout}}
    let draw = this_draw();
    for (var block = 0u; block * 4u < params.seq; block++) {
        let factors = dropout_factors(block, row, draw);
        for (var lane = 0u; lane < 4u; lane++) {
            let col = block * 4u + lane;
            if col < params.seq { dropped[start + col] = probabilities[start + col] * factors[lane]; }
        }
    }
    {{/dropout}}
}
