
// Four numbers as halves, rounded to the nearest, ties to even; what is too large becomes infinite, NaN stays NaN.
// Not `pack2x16float`: how that rounds is left to the adapter, and of what is too large it makes anything.
fn pack_halves(value: vec4<f32>) -> vec2<u32> {
    let bits = bitcast<vec4<u32>>(value);
    let size = bits & vec4<u32>(0x7fffffffu);
    // The exponent's bias is 112 less, and 13 bits are rounded off.
    let normal = (size + vec4<u32>(0xc8000fffu) + ((size >> vec4<u32>(13u)) & vec4<u32>(1u))) >> vec4<u32>(13u);
    // Below 2^-14 halves are multiples of 2^-24, as floats between 0.5 and 1 are: adding rounds to one.
    let small = bitcast<vec4<u32>>(bitcast<vec4<f32>>(size) + vec4<f32>(0.5)) - vec4<u32>(0x3f000000u);
    var rounded = select(normal, small, size < vec4<u32>(0x38800000u));
    rounded = select(rounded, vec4<u32>(0x7c00u), size >= vec4<u32>(0x477ff000u));
    rounded = select(rounded, vec4<u32>(0x7e00u), size > vec4<u32>(0x7f800000u));
    rounded |= (bits >> vec4<u32>(16u)) & vec4<u32>(0x8000u);
    return vec2<u32>(rounded.x | (rounded.y << 16u), rounded.z | (rounded.w << 16u));
}
