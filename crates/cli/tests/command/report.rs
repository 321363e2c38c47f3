//! `report.html`, its tables, and `--report_to`: what a person looks at after a run.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Scratch, contains};

fn read(scratch: &Scratch, path: &str) -> String {
    let path = scratch.path(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of a table without quotes in it.
fn cells(csv: &str) -> Vec<Vec<&str>> {
    csv.lines().map(|line| line.split(',').collect()).collect()
}

#[test]
fn a_run_leaves_a_page_and_tables_that_agree_with_its_results() {
    let scratch = Scratch::ready();
    let shown = scratch
        .train("--num_train_epochs 4 --eval_strategy epoch --run_name <b>")
        .ok();
    contains(&shown, &["results:   out/report.html"]);
    let page = read(&scratch, "out/report.html");
    contains(
        &page,
        &[
            "model on train.csv",
            "Results on validation",
            "Calibration",
            "Learning rate",
            "labelled ↓ predicted →",
            "&lt;b&gt;",
        ],
    );
    assert!(
        !page.contains("<script") && !page.contains("http"),
        "{page}"
    );
    // 32 steps and 4 evaluations.
    let lines: Vec<usize> = page
        .split("<polyline")
        .skip(1)
        .filter_map(|line| line.split("points=\"").nth(1)?.split('"').next())
        .map(|points| points.split_whitespace().count())
        .collect();
    assert_eq!(lines[..2], [32, 4], "{lines:?}");

    let results: Value = serde_json::from_str(&read(&scratch, "out/eval_results.json")).unwrap();
    let matrix = read(&scratch, "out/report/validation/confusion_matrix.csv");
    let matrix = cells(&matrix);
    assert_eq!(matrix[0], ["label", "tame", "wild"]);
    let count = |row: usize, column: usize| matrix[row][column].parse::<u64>().unwrap();
    let right = count(1, 1) + count(2, 2);
    assert_eq!(right + count(1, 2) + count(2, 1), 16);
    assert_eq!(
        right as f64 / 16.0,
        results["eval_accuracy"].as_f64().unwrap()
    );
    let calibration = read(&scratch, "out/report/validation/calibration.csv");
    let counts = cells(&calibration).into_iter().skip(1);
    let sums = counts.fold([0, 0], |[all, right], row| {
        [
            all + row[2].parse::<u64>().unwrap(),
            right + row[3].parse::<u64>().unwrap(),
        ]
    });
    assert_eq!(sums, [16, right]);
    let wrong = fs::read_to_string(scratch.path("out/report/validation/most_wrong.csv"));
    let wrong = wrong.map_or(0, |wrong| wrong.lines().count() as u64 - 1);
    assert_eq!(wrong, 16 - right);
}

#[test]
fn each_kind_of_task_has_a_report() {
    let numbers = "text,score\nthe cat,1.5\nthe dog,0.5\nthe fox,4\nthe owl,2.5\n";
    let several = [
        json!({"text": "the cat", "labels": ["tame", "small"]}),
        json!({"text": "the cow", "labels": ["tame"]}),
        json!({"text": "the fox", "labels": []}),
    ];
    let tagged = [
        json!({"tokens": ["the", "cat", "sat"], "tags": ["O", "B-PET", "O"]}),
        json!({"tokens": ["the", "fox", "ran"], "tags": ["O", "O", "O"]}),
    ];
    let lines = |rows: &[Value]| {
        rows.iter()
            .map(|row| format!("{row}\n"))
            .collect::<String>()
    };
    for (file, rows, shown, table) in [
        (
            "rows.csv",
            numbers.to_owned(),
            "Rows farthest off",
            "numbers.csv",
        ),
        (
            "rows.jsonl",
            lines(&several),
            "share that have the label",
            "per_class.csv",
        ),
        (
            "rows.jsonl",
            lines(&tagged),
            "Each type of entity",
            "calibration.csv",
        ),
    ] {
        let scratch = Scratch::ready();
        scratch.write(file, rows);
        scratch
            .run(&format!(
                "train --model_name_or_path model --ignore_mismatched_sizes --train_file {file} \
                 --validation_file {file} --output_dir out --device cpu --max_steps 2 --do_eval true"
            ))
            .ok();
        contains(&read(&scratch, "out/report.html"), &[shown]);
        let table = read(&scratch, &format!("out/report/validation/{table}"));
        assert!(table.lines().count() > 1, "{table}");
    }
}

#[test]
fn texts_of_a_data_set_are_text_and_nothing_else() {
    let scratch = Scratch::ready();
    let rows = "text,label\n<script>alert(1)</script>,a\n\"the \"\"fox\"\", & co\",b\nthe owl,b\n";
    scratch.write("train.csv", rows);
    scratch.write("validation.csv", rows);
    scratch
        .train("--ignore_mismatched_sizes --max_steps 1 --do_eval true --learning_rate 0.0")
        .ok();
    let page = read(&scratch, "out/report.html");
    assert!(!page.contains("<script"), "{page}");
    let wrong = read(&scratch, "out/report/validation/most_wrong.csv");
    assert!(
        page.contains("&lt;script&gt;") || page.contains("&quot;fox&quot;, &amp; co"),
        "{wrong}"
    );
}

#[test]
fn a_run_that_goes_on_shows_the_curve_from_its_beginning() {
    let scratch = Scratch::ready();
    let line = "--eval_strategy epoch --save_strategy epoch --logging_strategy epoch";
    scratch.train(&format!("{line} --num_train_epochs 2")).ok();
    scratch
        .train(&format!(
            "{line} --num_train_epochs 4 --resume_from_checkpoint true --report_to all"
        ))
        .ok();
    let page = read(&scratch, "out/report.html");
    // The mean of each of four epochs.
    let logged = page
        .split("<polyline class=\"s1\" points=\"")
        .nth(1)
        .and_then(|line| line.split('"').next())
        .unwrap_or_default();
    assert_eq!(logged.split_whitespace().count(), 4, "{logged}");
    // What is reported is this run's alone.
    let runs = fs::read_dir(scratch.path("out/runs")).unwrap();
    let run = runs.map(|run| run.unwrap().path()).next().unwrap();
    let table = fs::read_to_string(run.join("metrics.csv")).unwrap();
    let table = cells(&table);
    assert_eq!(table[0][..2], ["step", "epoch"]);
    let steps: Vec<&str> = table[1..].iter().map(|row| row[0]).collect();
    assert_eq!(steps, ["24", "24", "32", "32", "32"]);
    let files = fs::read_dir(&run).unwrap();
    let events = files
        .map(|file| file.unwrap().file_name())
        .any(|name| name.to_string_lossy().contains("tfevents"));
    assert!(events, "there is no event file in {}", run.display());
}
