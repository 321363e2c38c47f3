// What the softmax gathered, scattered back: for each token and head, by place, the sum of the scores'
// gradient over the keys (with the flag `keys`: the token is the query) and over the queries (with `queries`:
// the token is the key) at distances of that place. Places rise with the distance i - j, so that each is one
// run of distances. A row is a head's token; a lane walks its places or, with the flag `group`, the lanes of a
// workgroup share them and look for where each begins. He et al., arXiv 2006.03654.
struct Params {
    rows: u32, heads: u32, batch: u32, longest: u32, span: u32, columns: u32, pad: u32, pad0: u32,
}

{{bindings}}

{{row}}

{{sequence}}

{{square}}

{{#group}}
// The first of so many distances from `start` on whose place is this or a later one.
fn begin_of(place: u32, start: u32, count: u32) -> u32 {
    var low = start;
    var high = start + count;
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
    let query = query_at(row, params.heads, params.batch);
    let length = query.sequence.length;
    let stride = query.sequence.stride;
    let token = query.place;
    let to = (query.sequence.first + token) * params.columns + query.head * params.span;
    let last = 2u * params.longest - 2u;
    {{#keys}}
    {
        // Key j at the distance token - j, counted from -(longest - 1).
        let from_row = query.start + token + params.longest - 1u;
        let start = token + params.longest - length;
        var at = start;
        for (var place = lane; place < params.span; place += LANES) {
            var sum = 0.0;
            {{#group}}
            let end = begin_of(place + 1u, start, length);
            for (at = begin_of(place, start, length); at < end; at++) { sum += dscores[from_row - at]; }
            {{/group}}
            {{^group}}
            while at < start + length && u32(places[min(at, last)]) == place {
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
        let start = params.longest - 1u - token;
        let from_col = query.start - token * stride + token;
        let to_queries = to + {{#keys}}params.heads * params.span{{/keys}}{{^keys}}0u{{/keys}};
        var at = start;
        for (var place = lane; place < params.span; place += LANES) {
            var sum = 0.0;
            {{#group}}
            let end = begin_of(place + 1u, start, length);
            for (at = begin_of(place, start, length); at < end; at++) { sum += dscores[from_col + (at - start) * stride]; }
            {{/group}}
            {{^group}}
            while at < start + length && u32(places[min(at, last)]) == place {
                sum += dscores[from_col + (at - start) * stride];
                at++;
            }
            {{/group}}
            sums[to_queries + place] = sum;
        }
    }
    {{/queries}}
}
