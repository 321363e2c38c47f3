// Where a row of the batch lies: its first token, its tokens, how many of its first tokens no token sees, and its
// first score by one head. The buffer `sequences` has four words a row, then each token's row.
struct Sequence { first: u32, length: u32, unseen: u32, stride: u32, scores: u32 }

fn sequence_at(number: u32) -> Sequence {
    let length = u32(sequences[4u * number + 1u]);
    return Sequence(
        u32(sequences[4u * number]), length, u32(sequences[4u * number + 3u]), (length + 3u) / 4u * 4u,
        u32(sequences[4u * number + 2u])
    );
}

fn sequence_of(token: u32, batch: u32) -> u32 { return u32(sequences[4u * batch + token]); }
