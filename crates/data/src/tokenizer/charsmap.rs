//! The table of characters of SentencePiece's normalizers: a double array whose units point at each
//! other, and a text into which its leaves point. The crate `spm_precompiled` follows it without looking
//! where it goes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The longest replacement of one character; the longest of NFKC has 18.
pub(super) const MOST_CHARS: usize = 64;

/// Checks that no text can lead outside of the table.
pub(super) fn check(table: &str) -> Result<(), String> {
    let damaged = |what: &str| format!("its precompiled_charsmap is damaged: {what}");
    let bytes = STANDARD
        .decode(table)
        .map_err(|error| damaged(&format!("not base64 ({error})")))?;
    let Some((size, rest)) = bytes.split_first_chunk::<4>() else {
        return Err(damaged("it is empty"));
    };
    let size = u32::from_le_bytes(*size) as usize / 4 * 4;
    let Some((units, text)) = rest.split_at_checked(size) else {
        return Err(damaged("it is cut short"));
    };
    let text = std::str::from_utf8(text).map_err(|_| damaged("its text is not UTF-8"))?;
    let units: Vec<usize> = units
        .as_chunks::<4>()
        .0
        .iter()
        .map(|unit| u32::from_le_bytes(*unit) as usize)
        .collect();
    if walk(&units, text) {
        Ok(())
    } else {
        Err(damaged("it points outside of itself"))
    }
}

/// `DoubleArray::common_prefix_search` with all texts at once: every unit that can be reached, once.
fn walk(units: &[usize], text: &str) -> bool {
    let Some(root) = units.first() else {
        return false;
    };
    let mut seen = vec![false; units.len()];
    let mut open = vec![offset(*root)];
    while let Some(base) = open.pop() {
        for byte in 1..=255 {
            let Some(unit) = units.get(base ^ byte) else {
                return false;
            };
            let at = base ^ byte;
            if unit & ((1 << 31) | 0xFF) != byte || std::mem::replace(&mut seen[at], true) {
                continue;
            }
            let below = at ^ offset(*unit);
            if (unit >> 8) & 1 == 1 {
                let leaf = units.get(below).map(|leaf| leaf & ((1 << 31) - 1));
                let replacement = leaf.and_then(|start| text.get(start..));
                let length = replacement.map(|text| text.split('\0').next().unwrap_or_default());
                if length.is_none_or(|text| text.chars().count() > MOST_CHARS) {
                    return false;
                }
            }
            open.push(below);
        }
    }
    true
}

fn offset(unit: usize) -> usize {
    (unit >> 10) << ((unit & (1 << 9)) >> 6)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
pub(super) mod tests {
    use super::*;

    /// A table that replaces `a` by `text`.
    pub(crate) fn table(text: &str) -> String {
        let mut units = vec![0_u32; 1024];
        // The root's children lie at 256 ^ byte; the leaf of `a` at 512.
        units[0] = 256 << 10;
        let at = 256 ^ usize::from(b'a');
        units[at] = (((at ^ 512) as u32) << 10) | (1 << 8) | u32::from(b'a');
        units[512] = 0;
        let mut bytes = (units.len() as u32 * 4).to_le_bytes().to_vec();
        bytes.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
        bytes.extend(text.as_bytes());
        STANDARD.encode(bytes)
    }

    #[test]
    fn a_whole_table_is_taken_and_any_other_told() {
        check(&table("b\0")).unwrap();
        let bytes = STANDARD.decode(table("b\0")).unwrap();
        for (what, changed) in [
            ("is empty", Vec::new()),
            ("is cut short", bytes[..100].to_vec()),
            ("is not UTF-8", [&bytes[..], &[0xFF]].concat()),
            ("outside of itself", {
                let mut bytes = bytes.clone();
                bytes[6] = 0xFF;
                bytes
            }),
        ] {
            let message = check(&STANDARD.encode(changed)).unwrap_err();
            assert!(message.contains(what), "{message}");
        }
        assert!(check("***").unwrap_err().contains("not base64"));
        let long = check(&table(&"x".repeat(MOST_CHARS + 1))).unwrap_err();
        assert!(long.contains("outside"), "{long}");
    }
}
