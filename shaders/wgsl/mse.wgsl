// Mean squared error of logits against targets, element by element, and its gradient times scale:
// by one lane or, with the flag `group`, one lane an element.
struct Params { count: u32, scale: f32, pad: u32, pad0: u32 }

{{bindings}}

{{row}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    for (var i = lane; i < params.count; i += LANES) {
        let difference = logits[i] - targets[i];
        sum += difference * difference;
        dlogits[i] = params.scale * 2.0 * difference / f32(params.count);
    }
    sum = total(vec4<f32>(sum, 0.0, 0.0, 0.0), lane).x;
    if lane == 0u { loss[0] = sum / f32(params.count); }
}
