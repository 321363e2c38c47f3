// The gradient of what the windows were read from: the sum of a token's number in every window that holds
// it. One number a lane.
struct Params { count: u32, hidden: u32, kernel: u32, batch: u32 }

{{bindings}}

{{sequence}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * {{workgroup_size}}u;
    if i >= params.count { return; }
    let col = i % params.hidden;
    let row = i / params.hidden;
    let sequence = sequence_at(sequence_of(row, params.batch));
    let place = i32(row - sequence.first);
    var sum = 0.0;
    for (var t = 0u; place >= i32(sequence.unseen) && t < params.kernel; t++) {
        let from_place = place + i32((params.kernel - 1u) / 2u) - i32(t);
        if from_place >= 0 && from_place < i32(sequence.length) {
            let from_row = sequence.first + u32(from_place);
            sum += dy[(from_row * params.hidden + col) * params.kernel + t];
        }
    }
    dx[i] = sum;
}
