// What the softmax gathered, scattered back: for each token and head, by place, the sum of the scores'
// gradient over the keys (with the flag `keys`: the token is the query) and over the queries (with `queries`:
// the token is the key) at distances of that place. Places rise with the distance i - j, so that each is one
// run of distances. A row is a head's token; a lane walks its places or, with the flag `group`, the lanes of a
// workgroup share them and look for where each begins. He et al., arXiv 2006.03654.
struct Params { rows: u32, seq: u32, stride: u32, heads: u32, span: u32, columns: u32, pad: u32, pad0: u32 }

{{bindings}}

{{row}}

{{#group}}
// The first of `seq` distances from `start` on whose place is this or a later one.
fn begin_of(place: u32, start: u32) -> u32 {
    var low = start;
    var high = start + params.seq;
    while low < high {
        let middle = (low + high) / 2u;
        if u32(places[middle]) < place { low = middle + 1u; } else { high = middle; }
    }
    return low;
}
{{/group}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>,
        @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let row = this_row(id, group, groups);
    let lane = this_lane(index);
    if row >= params.rows { return; }
    let token = row % params.seq;
    let head = row / params.seq % params.heads;
    let sequence = row / params.seq / params.heads;
    let to = (sequence * params.seq + token) * params.columns + head * params.span;
    let last = 2u * params.seq - 2u;
    {{#keys}}
    {
        // Key j at the distance token - j, counted from -(seq - 1).
        let from_row = row * params.stride + token + params.seq - 1u;
        var at = token;
        for (var place = lane; place < params.span; place += LANES) {
            var sum = 0.0;
            {{#group}}
            let end = begin_of(place + 1u, token);
            for (at = begin_of(place, token); at < end; at++) { sum += dscores[from_row - at]; }
            {{/group}}
            {{^group}}
            while at < token + params.seq && u32(places[min(at, last)]) == place {
                sum += dscores[from_row - at];
                at++;
            }
            {{/group}}
            sums[to + place] = sum;
        }
    }
    {{/keys}}
    {{#queries}}
    {
        // Query i at the distance i - token.
        let start = params.seq - 1u - token;
        let from_col = (row - token) * params.stride + token;
        let to_queries = to + {{#keys}}params.heads * params.span{{/keys}}{{^keys}}0u{{/keys}};
        var at = start;
        for (var place = lane; place < params.span; place += LANES) {
            var sum = 0.0;
            {{#group}}
            let end = begin_of(place + 1u, start);
            for (at = begin_of(place, start); at < end; at++) { sum += dscores[from_col + (at - start) * params.stride]; }
            {{/group}}
            {{^group}}
            while at < start + params.seq && u32(places[min(at, last)]) == place {
                sum += dscores[from_col + (at - start) * params.stride];
                at++;
            }
            {{/group}}
            sums[to_queries + place] = sum;
        }
    }
    {{/queries}}
}
