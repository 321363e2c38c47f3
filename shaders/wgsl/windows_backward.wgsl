// The gradient of what the windows were read from: the sum of a token's number in every window that holds
// it, and zero on padding. One number a lane.
struct Params { count: u32, hidden: u32, kernel: u32, seq: u32, pad_left: u32, pad: u32, pad0: u32, pad1: u32 }

{{bindings}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * {{workgroup_size}}u;
    if i >= params.count { return; }
    let col = i % params.hidden;
    let row = i / params.hidden;
    let sequence = row / params.seq;
    let place = i32(row % params.seq);
    let length = i32(lengths[sequence]);
    let first = select(0, i32(params.seq) - length, params.pad_left != 0u);
    var sum = 0.0;
    if place >= first && place < first + length {
        for (var t = 0u; t < params.kernel; t++) {
            let from_place = place + i32((params.kernel - 1u) / 2u) - i32(t);
            if from_place >= 0 && from_place < i32(params.seq) {
                let from_row = sequence * params.seq + u32(from_place);
                sum += dy[(from_row * params.hidden + col) * params.kernel + t];
            }
        }
    }
    dx[i] = sum;
}
