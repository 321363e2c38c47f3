// Mean cross-entropy of logits [rows, classes] with label smoothing, and its gradient times scale.
// One lane does it all, for a batch has a few dozen numbers here; with the flag `group`, one lane a row.
struct Params { rows: u32, classes: u32, smoothing: f32, scale: f32 }

{{bindings}}

{{row}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(local_invocation_index) lane: u32) {
    let count = f32(params.rows);
    var loss_sum = 0.0;
    for (var row = lane; row < params.rows; row += LANES) {
        let start = row * params.classes;
        var most = -3.0e38;
        for (var c = 0u; c < params.classes; c++) { most = max(most, logits[start + c]); }
        var sum = 0.0;
        var mean = 0.0;
        for (var c = 0u; c < params.classes; c++) {
            sum += exp(logits[start + c] - most);
            mean += (logits[start + c] - most) / f32(params.classes);
        }
        let log_sum = log(sum);
        let label = u32(labels[row]);
        loss_sum += log_sum - (1.0 - params.smoothing) * (logits[start + label] - most) - params.smoothing * mean;
        for (var c = 0u; c < params.classes; c++) {
            let expected = select(0.0, 1.0 - params.smoothing, c == label) + params.smoothing / f32(params.classes);
            let probability = exp(logits[start + c] - most - log_sum);
            dlogits[start + c] = params.scale * (probability - expected) / count;
        }
    }
    loss_sum = total(vec4<f32>(loss_sum, 0.0, 0.0, 0.0), lane).x;
    if lane == 0u { loss[0] = loss_sum / count; }
}
