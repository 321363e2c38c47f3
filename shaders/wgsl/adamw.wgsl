// One AdamW step of a block of parameters, as torch.optim.AdamW does it (Loshchilov and Hutter, arXiv
// 1711.05101), four elements a lane; the first `decayed` fours decay. The gradient is scaled by the
// clip factor and left at zero for the next step.
// hyper = (learning rate, beta1, beta2, epsilon, 1 - beta1^t, sqrt(1 - beta2^t),
// 1 - beta1, 1 - beta2).
struct Params { count: u32, decayed: u32, weight_decay: f32, pad: u32 }

{{bindings}}

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.x + id.y * groups.x * {{workgroup_size}}u;
    if i >= params.count { return; }
    let weight_decay = select(0.0, params.weight_decay, i < params.decayed);
    let g = gradient[i] * norm[1];
    let m = hyper[1] * momentum[i] + hyper[6] * g;
    let v = hyper[2] * variance[i] + hyper[7] * g * g;
    momentum[i] = m;
    variance[i] = v;
    let kept = parameter[i] * (1.0 - hyper[0] * weight_decay);
    parameter[i] = kept - (hyper[0] / hyper[4]) * m / (sqrt(v) / hyper[5] + hyper[3]);
    gradient[i] = vec4<f32>(0.0);
}
