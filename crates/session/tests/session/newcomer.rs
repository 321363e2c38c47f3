//! The files of a person who has never trained a model, taken as the window and the page take them: what
//! is found in a file is trained on, and nothing is chosen by hand.

use std::path::Path;

use tunesmith_protocol::{DataArguments, Event, Inspection, ProblemType, RunConfig};
use tunesmith_session::inspect;

use crate::support::Place;

/// A file with the columns and the kind of labels that are found in it, and what is told of it.
struct File {
    name: &'static str,
    text: &'static str,
    label: &'static str,
    kind: ProblemType,
    labels: usize,
    warning: Option<&'static str>,
}

const fn file(name: &'static str, text: &'static str, label: &'static str) -> File {
    File {
        name,
        text,
        label,
        kind: ProblemType::SingleLabel,
        labels: 3,
        warning: None,
    }
}

const FILES: [File; 8] = [
    file("semicolons.csv", "Text", "Category"),
    file("windows-1252.csv", "text", "topic"),
    file("array.json", "message", "intent"),
    file("tickets.xlsx", "subject", "department"),
    file("category.csv", "title", "category"),
    File {
        warning: Some(
            "split 'train': 5 rows of 48 have no label in the column 'label' and are left out",
        ),
        ..file("missing.csv", "text", "label")
    },
    File {
        kind: ProblemType::Regression,
        labels: 5,
        ..file("numbers.csv", "review", "stars")
    },
    File {
        labels: 200,
        ..file("labels-200.csv", "question", "product")
    },
];

fn found(data: &DataArguments) -> Inspection {
    let config = RunConfig {
        data: data.clone(),
        ..RunConfig::default()
    };
    pollster::block_on(inspect(config, &mut |_| ())).unwrap()
}

#[test]
fn a_newcomers_files_train_as_they_are_found() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/newcomer");
    for file in FILES {
        let mut place = Place::new();
        let path = folder.join(file.name).display().to_string();
        place.config.data = DataArguments {
            train_file: Some(path),
            validation_split_percentage: Some(10),
            overwrite_cache: true,
            ..DataArguments::default()
        };
        let found = found(&place.config.data);
        assert_eq!(found.text_column_names, [file.text], "{}", file.name);
        assert_eq!(found.label_column_name.as_deref(), Some(file.label));
        assert_eq!(found.problem_type, Some(file.kind), "{}", file.name);
        assert_eq!(found.label_counts.len(), file.labels, "{}", file.name);
        let warned = found
            .warnings
            .iter()
            .any(|text| Some(text.as_str()) == file.warning);
        assert_eq!(warned, file.warning.is_some(), "{:?}", found.warnings);

        place.config.data.text_column_names = Some(found.text_column_names);
        place.config.data.label_column_name = found.label_column_name;
        place.config.model.ignore_mismatched_sizes = true;
        place.config.training.max_steps = 2;
        let records = place.run();
        let last = records.last().map(|record| &record.event);
        assert!(
            matches!(last, Some(Event::Done(_))),
            "{}: {last:?}",
            file.name
        );
    }
}

#[test]
fn what_will_go_wrong_with_data_is_told_when_it_is_opened() {
    let place = Place::new();
    let rows: String = (0..12)
        .map(|i| format!("a long day {i},long\na short day {i},short\n"))
        .collect();
    place.write(
        "train.csv",
        &format!("text,length\n{rows}a long day 3,short\n"),
    );
    place.write(
        "dev.csv",
        "text,length\na short day 1,short\na new day,long\n",
    );
    let found = found(&DataArguments {
        train_file: Some(place.path("train.csv").display().to_string()),
        validation_file: Some(place.path("dev.csv").display().to_string()),
        ..DataArguments::default()
    });
    let told = found.warnings.join("\n");
    for part in [
        "train: 1 row has the text of an earlier one with another label (row 24 says short, row 6 long)",
        "validation: 1 of 2 rows is also trained on (row 0 is row 3 of train)",
    ] {
        assert!(told.contains(part), "{part:?} is not in {told:?}");
    }
}

#[test]
fn a_file_without_labels_or_with_one_class_is_told_when_it_is_opened() {
    let place = Place::new();
    let inspected = |name: &str, text: &str| {
        place.write(name, text);
        found(&DataArguments {
            train_file: Some(place.path(name).display().to_string()),
            ..DataArguments::default()
        })
    };
    let none = inspected("none.csv", "id,text\n1,a long day\n2,a short one\n");
    assert_eq!((none.label_column_name, none.problem_type), (None, None));
    let one = inspected("one.csv", "text,category\na long day,x\na short one,x\n");
    assert_eq!(one.label_column_name.as_deref(), Some("category"));
    assert_eq!(one.problem_type, None);
    assert!(one.warnings[0].contains("category"), "{:?}", one.warnings);
}
