// One query's scores by one head. The rows of a batch's scores lie by sequence, then by head, then by query, so
// that a score's row over the number of heads is a token of its sequence.
struct Query { sequence: Sequence, head: u32, place: u32, start: u32 }

fn query_at(row: u32, heads: u32, batch: u32) -> Query {
    let sequence = sequence_at(sequence_of(row / heads, batch));
    let local = row - heads * sequence.first;
    return Query(
        sequence, local / sequence.length, local % sequence.length,
        heads * sequence.scores + local * sequence.stride
    );
}
