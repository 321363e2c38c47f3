// Mean cross-entropy of logits [rows, classes] with label smoothing, over the rows whose label is not below
// zero, and its gradient times scale; no such row, no loss. One lane does it all where a batch has a few
// dozen numbers; with the flag `group` a workgroup's lanes, one a row, which are more with `many`.
struct Params { rows: u32, classes: u32, smoothing: f32, scale: f32 }

{{bindings}}

{{row}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(local_invocation_index) lane: u32) {
    var counted = 0.0;
    for (var row = lane; row < params.rows; row += LANES) { counted += select(0.0, 1.0, labels[row] >= 0); }
    let count = max(1.0, total(vec4<f32>(counted, 0.0, 0.0, 0.0), lane).x);
    var loss_sum = 0.0;
    for (var row = lane; row < params.rows; row += LANES) {
        let start = row * params.classes;
        if labels[row] < 0 {
            for (var c = 0u; c < params.classes; c++) { dlogits[start + c] = 0.0; }
            continue;
        }
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
