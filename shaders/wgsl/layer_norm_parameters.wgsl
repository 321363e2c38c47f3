// Adds to gamma's gradient the sum over rows of dy * xhat, to beta's behind it, if there is one, that of dy; four columns a
// lane or, with the flag `group`, a few neighbouring fours a workgroup, whose lanes share the rows.
struct Params { rows: u32, cols4: u32, pad: u32, pad0: u32 }

{{bindings}}

{{row}}

const FOURS = {{^group}}1u{{/group}}{{#group}}{{group_fours}}u{{/group}};

@compute @workgroup_size({{workgroup_size}})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>,
        @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let lane = this_lane(index);
    let col = this_row(id, group, groups) * FOURS + lane % FOURS;
    // Lanes beyond the last column have parts of their own to add up.
    let read = min(col, params.cols4 - 1u);
    var gamma = vec4<f32>(0.0);
    {{#beta}}var beta = vec4<f32>(0.0);{{/beta}}
    for (var row = lane / FOURS; row < params.rows; row += LANES / FOURS) {
        let gradient = dy[row * params.cols4 + read];
        gamma += gradient * xhat[row * params.cols4 + read];
        {{#beta}}beta += gradient;{{/beta}}
    }
    gamma = totals(gamma, lane, FOURS);
    {{#beta}}beta = totals(beta, lane, FOURS);{{/beta}}
    if lane < FOURS && col < params.cols4 {
        daffine[col] += gamma;
        {{#beta}}daffine[params.cols4 + col] += beta;{{/beta}}
    }
}
