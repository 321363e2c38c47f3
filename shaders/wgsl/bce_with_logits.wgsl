// Mean binary cross-entropy of logits against targets in [0, 1], element by element, and its gradient times
// scale: max(x, 0) - x t + log(1 + exp(-|x|)), which no logit makes overflow. By one lane or, with the flag
// `group`, by a workgroup's lanes, which are more with `many`.
struct Params { count: u32, scale: f32, pad: u32, pad0: u32 }

{{bindings}}

{{row}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    for (var i = lane; i < params.count; i += LANES) {
        let x = logits[i];
        let decay = exp(-abs(x));
        sum += max(x, 0.0) - x * targets[i] + log(1.0 + decay);
        let probability = select(1.0, decay, x < 0.0) / (1.0 + decay);
        dlogits[i] = params.scale * (probability - targets[i]) / f32(params.count);
    }
    sum = total(vec4<f32>(sum, 0.0, 0.0, 0.0), lane).x;
    if lane == 0u { loss[0] = sum / f32(params.count); }
}
