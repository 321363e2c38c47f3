// What a convolution over a sequence's tokens multiplies its weight [out, hidden, kernel] with: column
// c * kernel + t of a row is column c of the row t - (kernel - 1) / 2 further on, and zero where that is not
// a token of the sequence. One number a lane.
struct Params { count: u32, hidden: u32, kernel: u32, batch: u32 }

{{bindings}}

{{sequence}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * {{workgroup_size}}u;
    if i >= params.count { return; }
    let col = i / params.kernel % params.hidden;
    let row = i / params.kernel / params.hidden;
    let sequence = sequence_at(sequence_of(row, params.batch));
    let place = i32(row - sequence.first + i % params.kernel) - i32((params.kernel - 1u) / 2u);
    var value = 0.0;
    if place >= i32(sequence.unseen) && place < i32(sequence.length) {
        value = x[(sequence.first + u32(place)) * params.hidden + col];
    }
    output[i] = value;
}
