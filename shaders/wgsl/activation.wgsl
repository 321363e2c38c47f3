// The activation that the variant's flag names, and its slope, over four numbers or, with the flag `scalar`,
// over one.
{{#fours}}alias V = vec4<f32>;{{/fours}}
{{#scalar}}alias V = f32;{{/scalar}}
{{#gelu}}
{{erf}}
// x * Phi(x), the exact (erf) GELU. Hendrycks and Gimpel, arXiv 1606.08415.
fn activation(x: V) -> V { return 0.5 * x * (1.0 + erf(x * 0.7071067811865476)); }
fn activation_slope(x: V) -> V {
    let cdf = 0.5 * (1.0 + erf(x * 0.7071067811865476));
    let density = 0.3989422804014327 * exp(-0.5 * x * x);
    return cdf + x * density;
}
{{/gelu}}
{{#gelu_tanh}}
{{tanh}}
// The same paper's approximation by tanh, with sqrt(2 / pi).
fn approximate(x: V) -> V { return stable_tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)); }
fn activation(x: V) -> V { return 0.5 * x * (1.0 + approximate(x)); }
fn activation_slope(x: V) -> V {
    let t = approximate(x);
    return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * (0.7978845608028654 * (1.0 + 0.134145 * x * x));
}
{{/gelu_tanh}}
{{#relu}}
fn activation(x: V) -> V { return select(x, V(0.0), x < V(0.0)); }
fn activation_slope(x: V) -> V { return select(V(0.0), V(1.0), x > V(0.0)); }
{{/relu}}
{{#silu}}
// x * sigmoid(x), without an exponential that can overflow.
fn sigmoid(x: V) -> V {
    let decay = exp(-abs(x));
    return select(V(1.0), decay, x < V(0.0)) / (1.0 + decay);
}
fn activation(x: V) -> V { return x * sigmoid(x); }
fn activation_slope(x: V) -> V {
    let s = sigmoid(x);
    return s * (1.0 + x * (1.0 - s));
}
{{/silu}}
{{#tanh}}
{{tanh}}
fn activation(x: V) -> V { return stable_tanh(x); }
fn activation_slope(x: V) -> V {
    let y = stable_tanh(x);
    return 1.0 - y * y;
}
{{/tanh}}
