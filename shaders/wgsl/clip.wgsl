// norm[0] = the global gradient norm, norm[1] = the factor that clips it to max_norm, as
// torch.nn.utils.clip_grad_norm_: min(1, max_norm / (norm + 1e-6)); max_norm 0 clips nothing.
// Of gradients that are `loss_scale` times what they should be: the norm is without it, and the factor takes it out.
struct Params { slots: u32, max_norm: f32, loss_scale: f32, pad0: u32 }

{{bindings}}

const LANES: u32 = {{lanes}}u;
var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    for (var i = lane; i < params.slots * LANES; i += 64u) { sum += partial[i]; }
    sums[lane] = sum;
    workgroupBarrier();
    if lane == 0u {
        var total = 0.0;
        for (var i = 0u; i < 64u; i++) { total += sums[i]; }
        let value = sqrt(total) / params.loss_scale;
        norm[0] = value;
        let clipped = select(1.0, min(1.0, params.max_norm / (value + 1e-6)), params.max_norm > 0.0);
        norm[1] = clipped / params.loss_scale;
    }
}
