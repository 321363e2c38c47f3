//! The placeholders of a shader's text: `{{name}}`, `{{#flag}}…{{/flag}}` and, for what is there without the
//! flag, `{{^flag}}…{{/flag}}`.

/// Keeps the text of every section whose flag is set, or is not where it asks for that, and drops the others.
pub(crate) fn sections(text: &str, flags: &[&str]) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("{{#").into_iter().chain(rest.find("{{^")).min() {
        let wanted = rest[start..].starts_with("{{#");
        let Some((flag, body)) = rest[start + 3..].split_once("}}") else {
            break;
        };
        let close = format!("{{{{/{flag}}}}}");
        let Some((body, after)) = body.split_once(close.as_str()) else {
            break;
        };
        kept += &rest[..start];
        if flags.contains(&flag) == wanted {
            kept += &sections(body, flags);
        }
        rest = after;
    }
    kept + rest
}

/// Replaces every `{{name}}` by its value, once more for the placeholders that values bring along.
pub(crate) fn fill(text: &str, values: &[(&str, String)]) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{{{name}}}}}"), value)
    })
}
