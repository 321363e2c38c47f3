//! The two placeholders of a shader's text: `{{name}}` and `{{#flag}}…{{/flag}}`.

/// Keeps the text of every section whose flag is set and drops the others.
pub(crate) fn sections(text: &str, flags: &[&str]) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, section)) = rest.split_once("{{#") {
        kept += before;
        let Some((flag, body)) = section.split_once("}}") else {
            break;
        };
        let close = format!("{{{{/{flag}}}}}");
        let Some((body, after)) = body.split_once(close.as_str()) else {
            break;
        };
        if flags.contains(&flag) {
            kept += body;
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
