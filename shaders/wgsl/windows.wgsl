// What a convolution over a sequence's tokens multiplies its weight [out, hidden, kernel] with: column
// c * kernel + t of a row is column c of the row t - (kernel - 1) / 2 further on, and zero where that is not
// a token of the sequence. One number a lane.
struct Params { count: u32, hidden: u32, kernel: u32, seq: u32, pad_left: u32, pad: u32, pad0: u32, pad1: u32 }

{{bindings}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * {{workgroup_size}}u;
    if i >= params.count { return; }
    let col = i / params.kernel % params.hidden;
    let row = i / params.kernel / params.hidden;
    let sequence = row / params.seq;
    let length = i32(lengths[sequence]);
    let first = select(0, i32(params.seq) - length, params.pad_left != 0u);
    let place = i32(row % params.seq + i % params.kernel) - i32((params.kernel - 1u) / 2u);
    var value = 0.0;
    if place >= first && place < first + length {
        value = x[(sequence * params.seq + u32(place)) * params.hidden + col];
    }
    output[i] = value;
}
