// Mean squared error of logits against targets, element by element, and its gradient times scale.
struct Params { count: u32, scale: f32, pad: u32, pad0: u32 }

{{bindings}}

@compute @workgroup_size(1)
fn main() {
    var total = 0.0;
    for (var i = 0u; i < params.count; i++) {
        let difference = logits[i] - targets[i];
        total += difference * difference;
        dlogits[i] = params.scale * 2.0 * difference / f32(params.count);
    }
    loss[0] = total / f32(params.count);
}
