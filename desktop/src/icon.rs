//! The app's icon: a tuning fork, drawn by distances, so that it is sharp at every size.

/// Pixels along the edge of the icon that is installed.
pub const SIZE: usize = 256;

const GROUND: [f32; 3] = [13.0, 107.0, 99.0];
const FORK: [f32; 3] = [255.0, 255.0, 255.0];

/// The icon, `[size, size]` pixels of red, green, blue and alpha.
#[must_use]
pub fn pixels(size: usize) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(4 * size * size);
    let unit = 1.0 / size as f32;
    for row in 0..size {
        for column in 0..size {
            let [x, y] = [column, row].map(|place| (place as f32 + 0.5) * unit);
            // How much of a pixel lies inside of an edge at this distance.
            let inside = |distance: f32| (0.5 - distance / unit).clamp(0.0, 1.0);
            let fork = inside(fork(x, y));
            for (ground, fork_colour) in GROUND.into_iter().zip(FORK) {
                pixels.push((ground + (fork_colour - ground) * fork).round() as u8);
            }
            pixels.push((255.0 * inside(square(x, y))).round() as u8);
        }
    }
    pixels
}

/// Distance to a square with round corners, in widths of the icon; negative inside.
fn square(x: f32, y: f32) -> f32 {
    const HALF: f32 = 0.48;
    const RADIUS: f32 = 0.22;
    let [dx, dy] = [x, y].map(|place| (place - 0.5).abs() - (HALF - RADIUS));
    let outside = dx.max(0.0).hypot(dy.max(0.0));
    outside + dx.max(dy).min(0.0) - RADIUS
}

/// Distance to a tuning fork: two prongs, the bow that joins them, and the stem.
fn fork(x: f32, y: f32) -> f32 {
    const WIDTH: f32 = 0.042;
    const PRONGS: f32 = 0.13;
    const TOP: f32 = 0.18;
    const BOW: f32 = 0.46;
    const FOOT: f32 = 0.82;
    let stroke = |from: (f32, f32), to: (f32, f32)| {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let along = ((x - from.0) * dx + (y - from.1) * dy) / (dx * dx + dy * dy);
        let along = along.clamp(0.0, 1.0);
        (x - from.0 - along * dx).hypot(y - from.1 - along * dy) - WIDTH
    };
    let left = stroke((0.5 - PRONGS, TOP), (0.5 - PRONGS, BOW));
    let right = stroke((0.5 + PRONGS, TOP), (0.5 + PRONGS, BOW));
    let stem = stroke((0.5, BOW + PRONGS), (0.5, FOOT));
    let bow = if y >= BOW {
        ((x - 0.5).hypot(y - BOW) - PRONGS).abs() - WIDTH
    } else {
        1.0
    };
    left.min(right).min(stem).min(bow)
}
