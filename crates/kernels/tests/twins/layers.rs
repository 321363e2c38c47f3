//! What a layer is made of besides attention.

use burn::tensor::{Device, Tensor, TensorData};
use tunesmith_kernels::{
    Activation, BlockLayout, Blocks, EmbeddingTables, Precision, Update, View, activate,
    activate_backward, add, add_layer_norm, cast, dropout, embedding, gated, gated_backward,
    indices, layer_norm, layer_norm_backward, layer_norm_backward_parameters, linear,
    linear_backward_input, linear_backward_input_new, linear_backward_parameters, scatter_add,
};

use crate::support::{
    compare, compare_in_each, gradients, matrix, matrix_in, noise, read, read_all, renderers,
    values, vector,
};

fn linear_layer([rows, inner, out]: [usize; 3]) {
    compare_in_each(
        &format!("linear {rows}x{inner}x{out}"),
        |precision, device| {
            let matrix_in = |rows, cols, salt| matrix_in(precision, [rows, cols], salt, device);
            let x = matrix_in(rows, inner, 1);
            let weight = View::from(&matrix(out, inner, 2, device));
            let bias = View::from(&vector(out, 3, device));
            let dy = matrix_in(rows, out, 4);
            let y = linear(&x, &weight, Some(&bias));
            let added = matrix_in(rows, inner, 5);
            let dx = linear_backward_input(&dy, &weight, added);
            let new = linear_backward_input_new(&dy, &weight);
            let (mut sums, slots) = gradients(&[out * inner, out], device);
            linear_backward_parameters(&dy, &x, &mut sums, slots[0], Some(slots[1]));
            let mut all = vec![read(y), read(dx), read(new)];
            // Without a bias.
            all.push(read(linear(&x, &weight, None)));
            linear_backward_parameters(&dy, &x, &mut sums, slots[0], None);
            all.extend(read_all(&sums, &slots));
            all
        },
    );
}

#[test]
fn linear_layers() {
    // Rows and columns beside the tiles' edges, a head of 2, and sizes that are no multiple of 4.
    for shape in [
        [1, 4, 4],
        [63, 64, 36],
        [64, 32, 32],
        [65, 100, 132],
        [17, 8, 2],
        [5, 6, 3],
        // So many rows that a GPU's gradient of the weights is computed in parts.
        [300, 36, 40],
    ] {
        linear_layer(shape);
    }
}

#[test]
fn layer_norms() {
    for (rows, cols, parts, residual, p) in [
        (1, 4, 2, false, 0.0),
        (65, 64, 2, true, 0.1),
        (63, 36, 2, true, 0.0),
        (64, 132, 2, false, 0.1),
        // Gamma alone.
        (1, 4, 1, true, 0.0),
        (65, 132, 1, false, 0.0),
        (63, 36, 1, true, 0.1),
    ] {
        compare_in_each(
            &format!("layer_norm {rows}x{cols} of {parts} {residual} {p}"),
            |precision, device| {
                let matrix_in = |salt| matrix_in(precision, [rows, cols], salt, device);
                let [x, r, dy] = [1, 2, 3].map(matrix_in);
                let affine = View::from(&vector(parts * cols, 4, device));
                let site = noise(p, &[rows as u32], device);
                let (y, saved) = layer_norm(&x, residual.then_some(&r), &affine, 1e-12, &site);
                let (dsum, dx) = layer_norm_backward(&dy, &saved, &affine, None, &site);
                let (mut sums, slots) = gradients(&[parts * cols], device);
                layer_norm_backward_parameters(&dy, &saved, &mut sums, slots[0]);
                let mut all = vec![read(y), read(dsum), read(dx)];
                // The sum may go on, and has a gradient of its own then.
                let (sum, y, saved) = add_layer_norm(&x, &r, &affine, 1e-12, &site);
                let more = matrix_in(5);
                let (dsum, dx) = layer_norm_backward(&dy, &saved, &affine, Some(&more), &site);
                all.extend([read(sum), read(y), read(dsum), read(dx)]);
                all.extend(read_all(&sums, &slots));
                all
            },
        );
    }
}

/// Numbers of either sign, up to where exponentials overflow.
fn steep(rows: usize, cols: usize, device: &Device) -> Tensor<2> {
    let numbers = values(rows * cols, 1);
    let numbers: Vec<f32> = numbers
        .iter()
        .map(|x| 5.0 * x + 100.0 * x.powi(9))
        .collect();
    Tensor::from_data(TensorData::new(numbers, [rows, cols]), device)
}

#[test]
fn activations() {
    for (rows, cols) in [(1, 1), (1, 4), (63, 64), (65, 36), (33, 7)] {
        for kind in Activation::ALL {
            compare_in_each(&format!("{kind:?} {rows}x{cols}"), |precision, device| {
                let x = cast(steep(rows, cols, device), precision);
                let dy = matrix_in(precision, [rows, cols], 2, device);
                vec![
                    read(activate(kind, &x)),
                    read(activate_backward(kind, &x, &dy)),
                ]
            });
        }
    }
}

#[test]
fn gated_activations() {
    for (rows, wide) in [(1, 1), (2, 4), (65, 36), (33, 7)] {
        for kind in Activation::ALL {
            compare_in_each(
                &format!("gated {kind:?} {rows}x{wide}"),
                |precision, device| {
                    // A right half as steep would make much of the last bits of the left.
                    let sides = [steep(rows, wide, device), matrix(rows, wide, 3, device)];
                    let [left, right] = sides.map(read);
                    let x: Vec<f32> = left
                        .chunks(wide)
                        .zip(right.chunks(wide))
                        .flat_map(|(left, right)| [left, right].concat())
                        .collect();
                    let x = Tensor::from_data(TensorData::new(x, [rows, 2 * wide]), device);
                    let x = cast(x, precision);
                    let dy = matrix_in(precision, [rows, wide], 2, device);
                    vec![read(gated(kind, &x)), read(gated_backward(kind, &x, &dy))]
                },
            );
        }
    }
}

#[test]
fn residual_sums() {
    for (rows, cols, p) in [(1, 4, 0.0), (65, 36, 0.1), (63, 132, 0.0), (64, 64, 0.5)] {
        compare_in_each(&format!("add {rows}x{cols} {p}"), |precision, device| {
            let [residual, x] = [1, 2].map(|salt| matrix_in(precision, [rows, cols], salt, device));
            let site = noise(p, &[rows as u32], device);
            vec![read(add(&residual, &x, &site)), read(dropout(x, &site))]
        });
    }
    // The mask is that of the op whose gradient it takes.
    let device = Device::flex();
    let (zeros, x) = (Tensor::zeros([5, 8], &device), matrix(5, 8, 1, &device));
    let site = noise(0.5, &[3, 2], &device);
    assert_eq!(read(add(&zeros, &x, &site)), read(dropout(x, &site)));
}

#[test]
fn halves_are_the_same_bits_on_every_device() {
    // Of every exponent a half may have and some beyond, ties among them.
    let numbers: Vec<f32> = (0..1 << 16)
        .map(|i| f32::from_bits((0x3200_0000 + i * 0x1800) | (i & 1) << 31))
        .collect();
    let halved = |device: &Device| {
        let data = TensorData::new(numbers.clone(), [256, 256]);
        let halves = cast(Tensor::from_data(data, device), Precision::F16);
        let numbers = read(halves).into_iter();
        numbers.map(f32::to_bits).collect::<Vec<_>>()
    };
    let wanted = halved(&Device::flex());
    assert!(
        wanted.contains(&f32::INFINITY.to_bits()) && wanted.contains(&(2f32.powi(-24)).to_bits())
    );
    for renderer in renderers() {
        assert_eq!(halved(&renderer.device), wanted, "{}", renderer.name);
    }
}

#[test]
fn dropout_masks_are_the_same_bits_on_every_device() {
    for (rows, cols) in [(1, 1), (63, 65), (5, 4), (3, 261)] {
        let mask = |device: &Device| {
            let site = noise(0.1, &[rows as u32], device);
            read(dropout(Tensor::ones([rows, cols], device), &site))
        };
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        let wanted = bits(mask(&Device::flex()));
        assert_eq!(wanted.len(), rows * cols);
        for renderer in renderers() {
            assert_eq!(bits(mask(&renderer.device)), wanted, "{}", renderer.name);
        }
    }
    let device = Device::flex();
    let site = noise(0.1, &[1000], &device);
    let mask = read(dropout(Tensor::ones([1000, 100], &device), &site));
    let dropped = mask.iter().filter(|x| **x == 0.0).count();
    // Three standard deviations of a binomial with p = 0.1.
    assert!(
        (9_700..=10_300).contains(&dropped),
        "{dropped} of 100000 dropped"
    );
}

#[test]
fn embeddings_and_their_gradients() {
    for (position, token_type) in [(true, true), (true, false), (false, true), (false, false)] {
        compare(&format!("embedding {position} {token_type}"), |device| {
            let views =
                [(11, 1), (5, 2), (2, 3)].map(|(n, salt)| View::from(&matrix(n, 36, salt, device)));
            let tables = EmbeddingTables {
                word: &views[..1],
                position: position.then_some(&views[1]),
                token_type: token_type.then_some(&views[2]),
            };
            let ids = indices(&[0, 10, 3, 3, 7, 3, 0, 1, 2, 9], device);
            // As families have them that count from behind the padding's.
            let positions = indices(&[2, 3, 4, 0, 0, 0, 0, 2, 3, 1], device);
            let types = indices(&[0, 0, 1, 1, 0, 1, 0, 1, 1, 0], device);
            let y = embedding(&tables, 36, &ids, &positions, &types);
            let dy = matrix(10, 36, 4, device);
            let (mut sums, slots) = gradients(&[11 * 36, 11 * 36], device);
            scatter_add(&dy, &ids, None, &mut sums, (&slots[..1], true));
            scatter_add(&dy, &ids, Some(0), &mut sums, (&slots[1..], true));
            let mut all = vec![read(y)];
            all.extend(read_all(&sums, &slots));

            // A table that no binding can hold lies in several, to the same bits.
            let counts = [4, 4, 3].map(|rows| rows * 36);
            let (mut table, pieces) = gradients(&counts, device);
            let mut words = read(matrix(11, 36, 1, device));
            for slot in &pieces {
                let rest = words.split_off(slot.count);
                table.write(*slot, &words, device);
                words = rest;
            }
            let word: Vec<View> = pieces.iter().map(|slot| table.view(*slot)).collect();
            let in_pieces = EmbeddingTables {
                word: &word,
                ..tables
            };
            let y = read(embedding(&in_pieces, 36, &ids, &positions, &types));
            assert_eq!(y, all[0], "looked up in pieces");
            let added = |counts: &[usize]| {
                let tensors: Vec<_> = counts
                    .iter()
                    .map(|count| (*count, Update::Decayed))
                    .collect();
                let (layout, slots) = BlockLayout::new(&tensors, None);
                let mut sums = Blocks::zeros(&layout, device);
                scatter_add(&dy, &ids, Some(0), &mut sums, (&slots, true));
                read_all(&sums, &slots).concat()
            };
            assert_eq!(added(&counts), added(&[11 * 36]), "added to pieces");
            // One that has the first rows alone takes theirs.
            let (mut few, few_slots) = gradients(&[4 * 36, 7 * 36], device);
            let untouched = read(few.tensor(few_slots[1]));
            scatter_add(&dy, &ids, Some(0), &mut few, (&few_slots[..1], false));
            assert_eq!(
                read(few.tensor(few_slots[1])),
                untouched,
                "added beyond the rows"
            );
            all.push(read(few.tensor(few_slots[0])));
            all
        });
    }
}
