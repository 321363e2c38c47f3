// Adds to the table [buckets, heads] of what a distance adds to a head's scores (T5's, and MPNet's, Song et
// al., arXiv 2004.09297) the sum of the scores' gradient over all sequences, queries and keys at distances of
// the bucket. A number of the table is a lane's or, with the flag `group`, a workgroup's, whose lanes share
// the queries.
struct Params { rows: u32, heads: u32, batch: u32, longest: u32 }

{{bindings}}

{{row}}

{{sequence}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>,
        @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let row = this_row(id, group, groups);
    let lane = this_lane(index);
    if row >= params.rows { return; }
    let bucket = row / params.heads;
    let head = row % params.heads;
    let middle = params.longest - 1u;
    var sum = 0.0;
    for (var number = 0u; number < params.batch; number++) {
        let sequence = sequence_at(number);
        let length = sequence.length;
        let start = params.heads * sequence.scores + head * length * sequence.stride;
        for (var distance = params.longest - length; distance < params.longest + length - 1u; distance++) {
            if u32(places[distance]) != bucket { continue; }
            // The queries that have a key this far away.
            let first = max(distance, middle) - middle;
            let count = length - (max(distance, middle) - min(distance, middle));
            for (var i = first + lane; i < first + count; i += LANES) {
                sum += dscores[start + i * sequence.stride + i + middle - distance];
            }
        }
    }
    sum = total(vec4<f32>(sum, 0.0, 0.0, 0.0), lane).x;
    if lane == 0u { table[row] += sum; }
}
