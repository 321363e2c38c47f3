// One AdamW step of a block of parameters, as torch.optim.AdamW does it (Loshchilov and Hutter, arXiv
// 1711.05101), FOURS times four elements a lane, of the fours from `start` to `count`; those before
// `decayed` decay. The gradient is scaled by the clip factor and left at zero for the next step.
// hyper = (learning rate, beta1, beta2, epsilon, 1 - beta1^t, sqrt(1 - beta2^t),
// 1 - beta1, 1 - beta2).
struct Params { count: u32, decayed: u32, weight_decay: f32, start: u32 }

{{bindings}}

const FOURS: u32 = {{fours}}u;

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
    let clip = norm[1];
    let beta1 = hyper[1];
    let beta2 = hyper[2];
    let epsilon = hyper[3];
    let correction2 = hyper[5];
    let rest1 = hyper[6];
    let rest2 = hyper[7];
    let rate = hyper[0] / hyper[4];
    let decay = hyper[0] * params.weight_decay;
    let first = params.start + (group.x + group.y * groups.x) * FOURS * {{workgroup_size}}u + lane;
    for (var four = 0u; four < FOURS; four++) {
        let i = first + four * {{workgroup_size}}u;
        if i >= params.count { return; }
        let g = gradient[i] * clip;
        let m = beta1 * momentum[i] + rest1 * g;
        let v = beta2 * variance[i] + rest2 * g * g;
        momentum[i] = m;
        variance[i] = v;
        let kept = parameter[i] * (1.0 - select(0.0, decay, i < params.decayed));
        parameter[i] = kept - rate * m / (sqrt(v) / correction2 + epsilon);
        gradient[i] = vec4<f32>(0.0);
    }
}
