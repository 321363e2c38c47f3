// Rotary positions (Su et al., arXiv 2104.09864): in each head of query and key the pair (x[t], x[t + half])
// is turned by its position's angle t, whose cosines are the first half of the position's row of `table` and
// sines the second; with the flag `backward` it is turned back. The value is copied. A lane turns four pairs
// or, with the flag `scalar`, one; `pairs` and `heads` count accordingly: half a head, all heads of qkv.
struct Params { count: u32, pairs: u32, heads: u32, turned: u32, batch: u32, pad: u32, pad0: u32, pad1: u32 }

{{bindings}}

{{sequence}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * {{workgroup_size}}u;
    if i >= params.count { return; }
    let pair = i % params.pairs;
    let head = i / params.pairs;
    let token = head / params.heads;
    let position = token - sequence_at(sequence_of(token, params.batch)).first;
    let angle = position * 2u * params.pairs + pair;
    let at = head * 2u * params.pairs + pair;
    let x = qkv[at];
    let y = qkv[at + params.pairs];
    if head % params.heads >= params.turned {
        output[at] = x;
        output[at + params.pairs] = y;
        return;
    }
    let cosine = table[angle];
    let sine = {{#backward}}-{{/backward}}table[angle + params.pairs];
    output[at] = x * cosine - y * sine;
    output[at + params.pairs] = y * cosine + x * sine;
}
