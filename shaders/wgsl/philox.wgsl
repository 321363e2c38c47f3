// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), counter
// (column block, row, site, step), key (seed low, seed high).
fn mul_hi(a: u32, b: u32) -> u32 {
    let al = a & 0xffffu; let ah = a >> 16u;
    let bl = b & 0xffffu; let bh = b >> 16u;
    let mid = ah * bl + ((al * bl) >> 16u);
    let low = al * bh + (mid & 0xffffu);
    return ah * bh + (mid >> 16u) + (low >> 16u);
}

fn philox(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
    var c = counter;
    var k = key;
    for (var round = 0u; round < 10u; round++) {
        let hi0 = mul_hi(0xD2511F53u, c.x);
        let lo0 = 0xD2511F53u * c.x;
        let hi1 = mul_hi(0xCD9E8D57u, c.z);
        let lo1 = 0xCD9E8D57u * c.z;
        c = vec4<u32>(hi1 ^ c.y ^ k.x, lo1, hi0 ^ c.w ^ k.y, lo0);
        k += vec2<u32>(0x9E3779B9u, 0xBB67AE85u);
    }
    return c;
}

// What every mask of a forward pass shares: the seed, low word first, and the pass. It lies in a
// buffer and not among the parameters, which then are the same in every step and uploaded once.
fn this_draw() -> vec3<u32> {
    return vec3<u32>(u32(noise[0]), u32(noise[1]), u32(noise[2]));
}

// The factors of four neighbouring columns: 0 where dropped, 1 / (1 - p) where kept.
fn dropout_factors(column_block: u32, row: u32, draw: vec3<u32>) -> vec4<f32> {
    let bits = philox(vec4<u32>(column_block, row, params.site, draw.z), draw.xy);
    return select(vec4<f32>(0.0), vec4<f32>(params.keep_scale), bits >= vec4<u32>(params.threshold));
}
