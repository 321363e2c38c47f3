//! `id2label`, `label2id` and `num_labels` as transformers reads them: a file of two classes without
//! names has none of the three, names may be numbers, and `num_labels` overrules a map of another
//! length. `label2id` is never asked; it is written as the inverse of `id2label`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// More classes than any head has: a number beyond it is a mistake, and is not allocated.
const MOST: u64 = 1 << 20;

/// transformers' name of a class that has none.
pub(crate) fn default_name(id: usize) -> String {
    format!("LABEL_{id}")
}

/// Puts the labels of a `config.json` into one form, `id2label` with texts and its inverse, and gives the
/// names by id; none where the file has none.
pub(crate) fn read(
    fields: &mut Map<String, Value>,
) -> Result<Option<BTreeMap<usize, String>>, String> {
    let names = match fields.remove("id2label") {
        None | Some(Value::Null) => None,
        Some(Value::Object(names)) => Some(names),
        Some(other) => {
            return Err(format!(
                "id2label is {other}: it must be an object of class ids and names, such as {{\"0\": \"no\", \"1\": \"yes\"}}"
            ));
        }
    };
    fields.remove("label2id");
    let count = match fields.remove("num_labels") {
        None | Some(Value::Null) => None,
        Some(count) => {
            let fits = count.as_u64().filter(|count| *count <= MOST);
            Some(fits.ok_or_else(|| {
                format!("num_labels is {count}: it must be a whole number from 1 to {MOST}")
            })?)
        }
    };
    let names: Map<String, Value> = match (names, count) {
        (Some(names), None) => named(names)?,
        (Some(names), Some(count)) if names.len() as u64 == count => named(names)?,
        (_, Some(count)) => (0..count as usize)
            .map(|id| (id.to_string(), Value::from(default_name(id))))
            .collect(),
        (None, None) => return Ok(None),
    };
    if names.len() as u64 > MOST {
        return Err(format!("id2label has more than {MOST} classes"));
    }
    let ids = names.iter().filter_map(|(id, name)| {
        let id: u32 = id.parse().ok()?;
        Some((name.as_str()?.to_owned(), Value::from(id)))
    });
    let ids: Map<String, Value> = ids.collect();
    // An id that no head has (a negative one) counts as a label, as in transformers, and names none.
    let by_id = names.iter().enumerate().map(|(place, (id, name))| {
        let id = id.parse().unwrap_or(MOST as usize + place);
        (id, name.as_str().unwrap_or_default().to_owned())
    });
    let by_id = by_id.collect();
    fields.insert("label2id".to_owned(), Value::Object(ids));
    fields.insert("id2label".to_owned(), Value::Object(names));
    Ok(Some(by_id))
}

fn named(names: Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut texts = Map::new();
    for (key, name) in names {
        let id: i64 = key.trim().parse().map_err(|_| {
            format!(
                "id2label has the key {key:?}: its keys must be class ids, such as \"0\" and \"1\""
            )
        })?;
        // Python's `str` of each.
        let name = match name {
            Value::String(name) => name,
            Value::Bool(true) => "True".to_owned(),
            Value::Bool(false) => "False".to_owned(),
            Value::Null => "None".to_owned(),
            Value::Number(number) => number.to_string(),
            other => {
                return Err(format!(
                    "id2label names class {id} {other}: a name must be text or a number"
                ));
            }
        };
        texts.insert(id.to_string(), Value::from(name));
    }
    Ok(texts)
}
