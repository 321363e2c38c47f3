// Mean cross-entropy of logits [rows, classes] with label smoothing, and its gradient times scale.
// One lane does it all: a batch has a few dozen numbers here.
struct Params { rows: u32, classes: u32, smoothing: f32, scale: f32 }

{{bindings}}

@compute @workgroup_size(1)
fn main() {
    let count = f32(params.rows);
    var total = 0.0;
    for (var row = 0u; row < params.rows; row++) {
        let start = row * params.classes;
        var highest = -3.0e38;
        for (var c = 0u; c < params.classes; c++) { highest = max(highest, logits[start + c]); }
        var sum = 0.0;
        var mean = 0.0;
        for (var c = 0u; c < params.classes; c++) {
            sum += exp(logits[start + c] - highest);
            mean += (logits[start + c] - highest) / f32(params.classes);
        }
        let log_sum = log(sum);
        let label = u32(labels[row]);
        total += log_sum - (1.0 - params.smoothing) * (logits[start + label] - highest) - params.smoothing * mean;
        for (var c = 0u; c < params.classes; c++) {
            let expected = select(0.0, 1.0 - params.smoothing, c == label) + params.smoothing / f32(params.classes);
            let probability = exp(logits[start + c] - highest - log_sum);
            dlogits[start + c] = params.scale * (probability - expected) / count;
        }
    }
    loss[0] = total / count;
}
