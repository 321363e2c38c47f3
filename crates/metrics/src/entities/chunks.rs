//! Entities as `conlleval` finds them: seqeval's `get_entities`.

use super::Chunk;

/// The first character and the type of a tag. An empty one is no entity.
fn parts(tag: &str) -> (char, &str) {
    let mut chars = tag.chars();
    let prefix = chars.next().unwrap_or('O');
    let rest = chars.as_str();
    let kind = rest.split_once('-').map_or(rest, |(_, kind)| kind);
    (prefix, if kind.is_empty() { "_" } else { kind })
}

pub(super) fn lenient<'a>(tags: &[&'a str]) -> Vec<Chunk<'a>> {
    let mut chunks = Vec::new();
    let (mut previous, mut previous_kind, mut start) = ('O', "", 0);
    // The last entity ends before a token that is none.
    for (i, tag) in tags.iter().copied().chain(["O"]).enumerate() {
        let (prefix, kind) = parts(tag);
        let outside = |prefix: char| matches!(prefix, 'O' | '.');
        let changes = previous_kind != kind;
        let ends = match (previous, prefix) {
            ('E' | 'S', _) | ('B' | 'I', 'B' | 'S' | 'O') => true,
            (before, _) => !outside(before) && changes,
        };
        let starts = match (previous, prefix) {
            (_, 'B' | 'S') | ('E' | 'S' | 'O', 'E' | 'I') => true,
            (_, now) => !outside(now) && changes,
        };
        if ends {
            chunks.push(Chunk {
                kind: previous_kind,
                start,
                end: i,
            });
        }
        if starts {
            start = i;
        }
        (previous, previous_kind) = (prefix, kind);
    }
    chunks
}
