//! Texts whose buffers hold halves: two IEEE 754 binary16 numbers in a word of 32 bits.
//!
//! A kernel's text is written for floats. Where a binding holds halves, each of its accesses becomes a call that
//! unpacks or packs them, so that one text serves both, and a kernel computes in `f32` whatever it reads and writes.
//! WGSL packs halves on every adapter: the feature `shader-f16` would compute in them too, but many adapters and
//! browsers have it not.

use crate::{Element, Fused, Gemm, Shader};

/// The bindings that hold halves where activations and their gradients do.
const ACTIVATIONS: &[&str] = &[
    "x",
    "residual",
    "y",
    "xhat",
    "added",
    "dy",
    "more",
    "dsum",
    "dx",
    "output",
    "qkv",
    "scores",
    "probabilities",
    "dropped",
    "dscores",
    "context",
    "dcontext",
    "dqkv",
    "a",
    "b",
    "c",
];

/// Kernels that read an activation number by number.
const SINGLE_READERS: &[&str] = &["windows", "relative_backward", "disentangled_backward"];
/// Kernels that only see parameters.
const OF_PARAMETERS: &[&str] = &["add_parts", "sum_squares", "adamw"];

/// Which of a kernel's storage bindings hold halves, a bit each in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Halves(pub u32);

impl Halves {
    /// Whether the binding of this number holds halves.
    #[must_use]
    pub fn has(self, binding: usize) -> bool {
        self.0 >> binding & 1 == 1
    }

    /// The complete text of a kernel with these bindings, where some of them hold halves.
    #[must_use]
    pub fn apply(self, text: String, bindings: &[(&'static str, Element)]) -> String {
        let numbered = bindings.iter().enumerate();
        let halves: Vec<_> = numbered
            .filter(|(number, _)| self.has(*number))
            .map(|(_, binding)| *binding)
            .collect();
        if halves.is_empty() {
            return text;
        }
        let names: Vec<&str> = halves.iter().map(|(name, _)| *name).collect();
        let mut text = accesses(&without_comments(&text), &names);
        for (name, element) in halves {
            let (floats, words, functions) = match element {
                Element::Vec4 => ("vec4<f32>", "vec2<u32>", FOURS),
                Element::F32 | Element::I32 => ("f32", "u32", SINGLE),
            };
            text = text.replace(
                &format!(" {name}: array<{floats}>;"),
                &format!(" {name}: array<{words}>;"),
            );
            text += &functions.replace("NAME", name);
        }
        text + include_str!("../wgsl/half.wgsl")
    }
}

const FOURS: &str = "
fn load_NAME(at: u32) -> vec4<f32> {
    let words = NAME[at];
    return vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y));
}
fn store_NAME(at: u32, value: vec4<f32>) { NAME[at] = pack_halves(value); }
";

// Of two neighbours in a word, two invocations can't each write one.
const SINGLE: &str = "
fn load_NAME(at: u32) -> f32 {
    let pair = unpack2x16float(NAME[at / 2u]);
    return select(pair.x, pair.y, at % 2u == 1u);
}
";

fn without_comments(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once("//") {
        Some((code, _)) => code,
        None => line,
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Writes `load_x(i)` for `x[i]`, and `store_x(i, value);` for `x[i] = value;`.
fn accesses(text: &str, names: &[&str]) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, name, index, after)) = next_access(rest, names) {
        written += before;
        let index = accesses(index, names);
        let assigned = after
            .strip_prefix(" = ")
            .and_then(|after| after.split_once(';'));
        rest = match assigned {
            Some((value, after)) => {
                let value = accesses(value, names);
                written += &format!("store_{name}({index}, {value});");
                after
            }
            None => {
                written += &format!("load_{name}({index})");
                after
            }
        };
    }
    written + rest
}

/// The first access to one of these arrays: what stands before it, its name and index, and what stands behind it.
fn next_access<'a, 'n>(
    text: &'a str,
    names: &[&'n str],
) -> Option<(&'a str, &'n str, &'a str, &'a str)> {
    text.match_indices('[').find_map(|(open, _)| {
        let before = &text[..open];
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let start = before.rfind(|c| !is_part(c)).map_or(0, |at| at + 1);
        let name = names.iter().find(|name| **name == &before[start..])?;
        let mut depth = 0;
        let close = text[open..].find(|c| {
            depth += match c {
                '[' => 1,
                ']' => -1,
                _ => 0,
            };
            depth == 0
        })? + open;
        Some((
            &text[..start],
            *name,
            &text[open + 1..close],
            &text[close + 1..],
        ))
    })
}

fn of_activations(bindings: &[(&'static str, Element)], singles: &[&str]) -> Halves {
    let holds = |name: &str, element: Element| {
        ACTIVATIONS.contains(&name) && (element == Element::Vec4 || singles.contains(&name))
    };
    let numbered = bindings.iter().enumerate();
    Halves(
        numbered
            .filter(|(_, (name, element))| holds(name, *element))
            .map(|(number, _)| 1 << number)
            .sum(),
    )
}

impl Shader {
    /// The storage bindings of the variant with these flags, with the elements of each.
    #[must_use]
    pub fn bindings(&self, flags: &[&str]) -> Vec<(&'static str, Element)> {
        let active = self.active_bindings(flags);
        active
            .map(|binding| (binding.name, binding.element))
            .collect()
    }

    /// Which bindings of the variant with these flags hold halves where activations do.
    #[must_use]
    pub fn halves(&self, flags: &[&str]) -> Halves {
        if OF_PARAMETERS.contains(&self.name) {
            return Halves::default();
        }
        let singles: &[&str] = match SINGLE_READERS.contains(&self.name) {
            true => &["x", "dscores"],
            false => &[],
        };
        of_activations(&self.bindings(flags), singles)
    }
}

impl Gemm {
    /// Which bindings hold halves where activations do: none of a tile of one number, which a lane can't write alone.
    #[must_use]
    pub fn halves(&self) -> Halves {
        match self.tile.vec4 {
            true => of_activations(&self.bindings(), &["a"]),
            false => Halves::default(),
        }
    }
}

impl Fused {
    /// Which bindings hold halves where activations do.
    #[must_use]
    pub fn halves(&self) -> Halves {
        of_activations(&self.bindings(), &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accesses_to_halves_become_calls_and_others_stay() {
        let text = "// x[i] = 1;\nlet a = x[i + y[2]] * xs[i] + v.x[i];\nx[at + 4u] = x[y[i]] + 1.0;\nif x[0] == 2.0 {}\n";
        let told = accesses(&without_comments(text), &["x", "y"]);
        assert_eq!(
            told,
            "\nlet a = load_x(i + load_y(2)) * xs[i] + v.x[i];\n\
             store_x(at + 4u, load_x(load_y(i)) + 1.0);\nif load_x(0) == 2.0 {}\n"
        );
    }

    #[test]
    fn only_the_bindings_that_hold_halves_change() {
        let bindings = [("x", Element::Vec4), ("y", Element::F32)];
        let text = "var<storage, read_write> x: array<vec4<f32>>;\nvar<storage, read_write> y: array<f32>;\n";
        assert_eq!(Halves(0).apply(text.to_owned(), &bindings), text);
        let first = Halves(1).apply(text.to_owned(), &bindings);
        assert!(first.contains(" x: array<vec2<u32>>;") && first.contains(" y: array<f32>;"));
        let second = Halves(2).apply(text.to_owned(), &bindings);
        assert!(second.contains(" x: array<vec4<f32>>;") && second.contains(" y: array<u32>;"));
        assert!(second.contains("fn load_y") && !second.contains("load_x"));
    }
}
