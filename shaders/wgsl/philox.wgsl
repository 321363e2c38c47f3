// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), counter
// (column block, position and head, place, step), key (seed low, seed high + site).
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

// What a row's mask is drawn by. It lies in a buffer and not among the parameters: the seed, low word first, and
// the step, then each row's position in its sequence and the sequence's place in the step.
struct Draw { key: vec2<u32>, position: u32, place: u32, step: u32 }

fn this_draw(row: u32, head: u32) -> Draw {
    return Draw(
        vec2<u32>(u32(noise[0]), u32(noise[1]) + params.site), u32(noise[4u + 2u * row]) | (head << 16u),
        u32(noise[5u + 2u * row]), u32(noise[2])
    );
}

// The factors of four neighbouring columns: 0 where dropped, 1 / (1 - p) where kept.
fn dropout_factors(column_block: u32, draw: Draw) -> vec4<f32> {
    let bits = philox(vec4<u32>(column_block, draw.position, draw.place, draw.step), draw.key);
    return select(vec4<f32>(0.0), vec4<f32>(params.keep_scale), bits >= vec4<u32>(params.threshold));
}
