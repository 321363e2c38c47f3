// Mean cross-entropy of logits [rows, classes] with label smoothing, over the rows whose label is not below
// zero, and its gradient times scale; no such row, no loss. With the flag `weighted` each class has a weight,
// and the mean is by the weights of the rows' labels. With `focal` (without smoothing) a row counts the less
// the surer it is: times (1 - p) to the power of gamma. One lane does it all where a batch has a few dozen
// numbers; with the flag `group` a workgroup's lanes, one a row, which are more with `many`.
struct Params { rows: u32, classes: u32, smoothing: f32, scale: f32, gamma: f32, pad: u32, pad0: u32, pad1: u32 }

{{bindings}}

{{row}}

fn weight(label: u32) -> f32 {
{{#weighted}}
    return weights[label];
{{/weighted}}
{{^weighted}}
    return 1.0;
{{/weighted}}
}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(local_invocation_index) lane: u32) {
    var counted = 0.0;
    for (var row = lane; row < params.rows; row += LANES) {
        if labels[row] >= 0 { counted += weight(u32(labels[row])); }
    }
    var count = total(vec4<f32>(counted, 0.0, 0.0, 0.0), lane).x;
    if count == 0.0 { count = 1.0; }
{{#weighted}}
    var all_weights = 0.0;
    for (var c = 0u; c < params.classes; c++) { all_weights += weight(c); }
{{/weighted}}
    var loss_sum = 0.0;
    for (var row = lane; row < params.rows; row += LANES) {
        let start = row * params.classes;
        if labels[row] < 0 {
            for (var c = 0u; c < params.classes; c++) { dlogits[start + c] = 0.0; }
            continue;
        }
        var most = -3.0e38;
        for (var c = 0u; c < params.classes; c++) { most = max(most, logits[start + c]); }
        let label = u32(labels[row]);
        var sum = 0.0;
        var mean = 0.0;
        var others = 0.0;
        for (var c = 0u; c < params.classes; c++) {
            let above = logits[start + c] - most;
            sum += exp(above);
            mean += weight(c) * above / f32(params.classes);
            others += select(exp(above), 0.0, c == label);
        }
        let log_sum = log(sum);
{{#focal}}
        let log_p = logits[start + label] - most - log_sum;
        let rest = others / sum;
        var slope = 0.0;
        if rest > 0.0 {
            let modulator = weight(label) * pow(rest, params.gamma);
            loss_sum -= modulator * log_p;
            slope = modulator * (1.0 - params.gamma * exp(log_p) * log_p / rest);
        }
        for (var c = 0u; c < params.classes; c++) {
            let probability = exp(logits[start + c] - most - log_sum);
            dlogits[start + c] = params.scale * slope * (probability - select(0.0, 1.0, c == label)) / count;
        }
{{/focal}}
{{^focal}}
        let hit = (1.0 - params.smoothing) * weight(label);
        var mass = 1.0;
{{#weighted}}
        mass = params.smoothing * all_weights / f32(params.classes);
        loss_sum += hit * log_sum + mass * log_sum - hit * (logits[start + label] - most) - params.smoothing * mean;
        mass += hit;
{{/weighted}}
{{^weighted}}
        loss_sum += log_sum - hit * (logits[start + label] - most) - params.smoothing * mean;
{{/weighted}}
        for (var c = 0u; c < params.classes; c++) {
            let expected = select(0.0, hit, c == label) + params.smoothing * weight(c) / f32(params.classes);
            let probability = exp(logits[start + c] - most - log_sum);
            dlogits[start + c] = params.scale * (mass * probability - expected) / count;
        }
{{/focal}}
    }
    loss_sum = total(vec4<f32>(loss_sum, 0.0, 0.0, 0.0), lane).x;
    if lane == 0u { loss[0] = loss_sum / count; }
}
