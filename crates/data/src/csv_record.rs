//! How a line of a CSV file is written.

/// A line of a CSV file (RFC 4180), with quotes where a field needs them.
pub fn csv_record(fields: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let quoted = fields.into_iter().map(|field| {
        let field = field.as_ref();
        match field.contains([',', '"', '\n', '\r']) || field.trim() != field {
            true => format!("\"{}\"", field.replace('"', "\"\"")),
            false => field.to_owned(),
        }
    });
    let quoted: Vec<String> = quoted.collect();
    match quoted.as_slice() {
        // An empty line would be no row.
        [field] if field.is_empty() => "\"\"\n".to_owned(),
        fields => format!("{}\n", fields.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let csv = csv_record(["a", "b,c", "say \"x\"", "two\nlines", ""]);
        assert_eq!(csv, "a,\"b,c\",\"say \"\"x\"\"\",\"two\nlines\",\n");
    }
}
