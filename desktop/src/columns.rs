//! Which columns can hold what; the page's `columns.ts` says the same.

use tunesmith_protocol::{ColumnKind, Inspection, ProblemType};

/// The columns that can be chosen, and what they hold. What is marked in a text lies in several columns,
/// `entities.start`, `entities.end` and such, and is chosen by what is before the dot.
pub(crate) fn choices(found: &Inspection) -> Vec<(String, ColumnKind)> {
    let has = |name: &str| found.columns.iter().any(|column| column.name == name);
    let mut choices = Vec::new();
    for column in &found.columns {
        let spans = column.name.rsplit_once('.').map(|(spans, _)| spans);
        let spans =
            spans.filter(|spans| has(&format!("{spans}.start")) && has(&format!("{spans}.end")));
        let choice = match spans {
            Some(spans) => (spans.to_owned(), ColumnKind::List),
            None => (column.name.clone(), column.kind),
        };
        if !choices.contains(&choice) {
            choices.push(choice);
        }
    }
    choices
}

/// Whether such a column can hold the text for these labels; without labels, any can.
pub(crate) fn holds_text(labels: Option<ProblemType>, kind: ColumnKind) -> bool {
    match labels {
        None => true,
        Some(ProblemType::Tokens) => matches!(kind, ColumnKind::Text | ColumnKind::List),
        Some(ProblemType::SingleLabel | ProblemType::MultiLabel | ProblemType::Regression) => {
            kind != ColumnKind::List
        }
    }
}

/// Whether such a column can hold these labels.
pub(crate) fn holds_labels(labels: Option<ProblemType>, kind: ColumnKind) -> bool {
    match labels {
        None => true,
        Some(ProblemType::SingleLabel | ProblemType::Regression) => kind != ColumnKind::List,
        Some(ProblemType::MultiLabel) => matches!(kind, ColumnKind::Text | ColumnKind::List),
        Some(ProblemType::Tokens) => kind == ColumnKind::List,
    }
}

/// The columns that could each be a label: in the rows that are shown they hold nothing but 0 and 1.
pub(crate) fn of_zeros_and_ones(found: &Inspection) -> Vec<String> {
    let is_one = |cell: &Option<String>| {
        let cell = cell.as_deref();
        cell.is_none_or(|cell| matches!(cell, "0" | "1" | "0.0" | "1.0" | "false" | "true"))
    };
    let columns = found.columns.iter().enumerate();
    columns
        .filter(|(place, column)| {
            let text = matches!(column.kind, ColumnKind::Text | ColumnKind::List);
            !text
                && found
                    .rows
                    .iter()
                    .all(|row| row.get(*place).is_none_or(is_one))
        })
        .map(|(_, column)| column.name.clone())
        .collect()
}

/// What has to be chosen or changed before the data can be learned from, in a sentence.
pub(crate) fn missing(found: &Inspection) -> Option<String> {
    let text = if found.text_column_names.is_empty() {
        "Choose the column with the text."
    } else if found.label_column_name.is_none() && found.label_column_names.is_empty() {
        "Choose the column to predict."
    } else if found.problem_type.is_none() {
        "There is nothing to learn from these labels: see the note beside the data."
    } else {
        return None;
    };
    Some(text.to_owned())
}

/// What a column is to a training.
pub(crate) fn role(found: &Inspection, name: &str) -> &'static str {
    let tokens = found.problem_type == Some(ProblemType::Tokens);
    let kind = found.columns.iter().find(|column| column.name == name);
    let is_list = kind.is_some_and(|column| column.kind == ColumnKind::List);
    match found.text_column_names.iter().position(|text| text == name) {
        Some(0) if tokens && is_list => return "words",
        Some(0) => return "text",
        Some(_) => return "second text",
        None => {}
    }
    let label = found.label_column_name.as_deref();
    let spans = name.rsplit_once('.').map(|(spans, _)| spans);
    match () {
        () if label == Some(name) && tokens => "tags",
        () if label == Some(name) => "label",
        () if tokens && label.is_some() && label == spans => "spans",
        () if found.label_column_names.iter().any(|label| label == name) => "label",
        () => "unused",
    }
}

/// The items of a list's cell, which has commas between them.
pub(crate) fn items(cell: &str) -> Vec<&str> {
    match cell {
        "" => Vec::new(),
        cell => cell.split(", ").collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tunesmith_protocol::ColumnInfo;

    fn inspection(columns: &[(&str, ColumnKind)]) -> Inspection {
        let column = |(name, kind): &(&str, ColumnKind)| ColumnInfo {
            name: (*name).to_owned(),
            kind: *kind,
        };
        Inspection {
            splits: Vec::new(),
            columns: columns.iter().map(column).collect(),
            rows: Vec::new(),
            text_column_names: vec!["text".to_owned()],
            label_column_name: None,
            label_column_names: Vec::new(),
            problem_type: None,
            label_counts: Vec::new(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn spans_are_chosen_as_one_column_and_each_of_theirs_is_called_so() {
        let mut found = inspection(&[
            ("text", ColumnKind::Text),
            ("marks.start", ColumnKind::List),
            ("marks.end", ColumnKind::List),
            ("marks.label", ColumnKind::List),
            ("a.b", ColumnKind::Number),
        ]);
        found.label_column_name = Some("marks".to_owned());
        found.problem_type = Some(ProblemType::Tokens);
        let names: Vec<String> = choices(&found).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["text", "marks", "a.b"]);
        let columns = found.columns.iter();
        let roles: Vec<&str> = columns.map(|column| role(&found, &column.name)).collect();
        assert_eq!(roles, ["text", "spans", "spans", "spans", "unused"]);
    }

    #[test]
    fn columns_of_0_and_1_are_told_by_the_rows_that_are_shown() {
        let mut found = inspection(&[
            ("id", ColumnKind::Number),
            ("a", ColumnKind::Number),
            ("b", ColumnKind::Other),
            ("text", ColumnKind::Text),
        ]);
        let row =
            |cells: [&str; 4]| cells.map(|cell| Some(cell.to_owned()).filter(|c| !c.is_empty()));
        found.rows = vec![
            row(["0", "0", "true", "1"]).to_vec(),
            row(["2", "1", "", "0"]).to_vec(),
        ];
        assert_eq!(of_zeros_and_ones(&found), ["a", "b"]);
    }

    #[test]
    fn a_lists_cell_has_commas_between_its_items_some_of_which_are_commas() {
        assert_eq!(items("Ada, ,, left"), ["Ada", ",", "left"]);
        assert!(items("").is_empty());
    }
}
