//! Writing parameters, and the optimizer.

use tunesmith_kernels::{
    AdamWHyper, AdamWState, BlockLayout, Blocks, Update, adamw, gradient_norm, scaled_gradient_norm,
};

use crate::support::{compare, gradients, read, read_all, values};

#[test]
fn values_are_written_where_no_binding_can_start() {
    compare("write", |device| {
        let (mut blocks, slots) = gradients(&[100, 70], device);
        blocks.write(slots[0].part(36, 28), &values(28, 1), device);
        blocks.write(slots[1].part(3, 67), &values(67, 2), device);
        read_all(&blocks, &slots)
    });
}

#[test]
fn one_optimizer_step() {
    let tensors = [
        (1, Update::Undecayed),
        (63, Update::Decayed),
        (64, Update::Undecayed),
        (5000, Update::Decayed),
        (3000, Update::Decayed),
    ];
    // All in one block, and in several as where a binding is small.
    for (max_norm, max_bytes) in [(0.0, None), (0.5, Some(20_480))] {
        compare(&format!("adamw, clipped at {max_norm}"), |device| {
            let (layout, slots) = BlockLayout::new(&tensors, max_bytes);
            let filled = |salt: u64, power: i32| {
                let mut blocks = Blocks::zeros(&layout, device);
                for slot in &slots {
                    let values = values(slot.count, salt + slot.count as u64);
                    let values: Vec<f32> = values.into_iter().map(|x| x.powi(power)).collect();
                    blocks.write(*slot, &values, device);
                }
                blocks
            };
            let (mut values, mut gradients) = (filled(1, 1), filled(2, 1));
            let (mut exp_avg, mut exp_avg_sq) = (filled(3, 1), filled(4, 2));
            let norm = gradient_norm(&gradients, max_norm, device);
            // A power of two is taken out to the bit.
            gradients.scale(1024.0);
            let scaled = scaled_gradient_norm(&gradients, max_norm, 1024.0, device);
            let [plain, unscaled] = [&norm, &scaled].map(|norm| read(norm.values()));
            assert_eq!(unscaled, [plain[0], plain[1] / 1024.0]);
            gradients.scale(1.0 / 1024.0);
            let hyper = AdamWHyper::new(1e-3, [0.9, 0.999], 1e-8, 3, device);
            let state = AdamWState {
                values: &mut values,
                gradients: &mut gradients,
                exp_avg: &mut exp_avg,
                exp_avg_sq: &mut exp_avg_sq,
            };
            adamw(&hyper, &norm, 0.01, state);
            for gradient in read_all(&gradients, &slots) {
                assert!(gradient.iter().all(|g| *g == 0.0), "the gradient is zeroed");
            }
            let mut all = vec![read(norm.values())];
            for blocks in [&values, &exp_avg, &exp_avg_sq] {
                all.extend(read_all(blocks, &slots));
            }
            all
        });
    }
}
