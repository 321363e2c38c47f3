//! Which rows make the classes, and which kind of labels they are, as a person's files have them.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Ran, Scratch, config, contains, write_model};

/// Trains two steps on these rows.
fn trained(train: &str, more: &str) -> (Scratch, Ran) {
    let scratch = Scratch::ready();
    scratch.write("train.csv", train);
    let ran = scratch.run(&format!(
        "train --model_name_or_path model --ignore_mismatched_sizes --train_file train.csv \
         --output_dir out --device cpu --max_steps 2 --save_strategy no {more}"
    ));
    (scratch, ran)
}

fn id2label(scratch: &Scratch) -> Value {
    let text = fs::read_to_string(scratch.path("out/config.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["id2label"].clone()
}

#[test]
fn ratings_signs_and_ids_with_gaps_are_classes_by_value() {
    for (labels, wanted) in [
        (
            &["1", "2", "3", "4", "5"][..],
            json!({"0": "1", "1": "2", "2": "3", "3": "4", "4": "5"}),
        ),
        (&["3", "7", "3"], json!({"0": "3", "1": "7"})),
        (&["-1", "0", "1"], json!({"0": "-1", "1": "0", "2": "1"})),
        (&["0", "1073741824"], json!({"0": "0", "1": "1073741824"})),
    ] {
        let rows: String = labels
            .iter()
            .map(|label| format!("the cat,{label}\n"))
            .collect();
        let (scratch, ran) = trained(&format!("text,label\n{rows}"), "");
        ran.ok();
        assert_eq!(id2label(&scratch), wanted);
    }
}

#[test]
fn a_test_split_without_labels_is_predicted_and_not_scored() {
    for label in ["-1", "?", ""] {
        let scratch = Scratch::ready();
        scratch.write("train.csv", "text,label\nthe cat,no\nthe fox,yes\n");
        scratch.write(
            "test.csv",
            format!("text,label\nthe cat,{label}\nthe owl,{label}\n"),
        );
        scratch
            .run(
                "train --model_name_or_path model --train_file train.csv --test_file test.csv \
                 --output_dir out --device cpu --max_steps 1 --do_predict true",
            )
            .ok();
        assert_eq!(
            id2label(&scratch),
            json!({"0": "no", "1": "yes"}),
            "{label:?}"
        );
        let table = fs::read_to_string(scratch.path("out/predict_results_test.txt")).unwrap();
        assert_eq!(table.lines().count(), 3);
        let results = fs::read_to_string(scratch.path("out/predict_results.json")).unwrap();
        assert!(!results.contains("accuracy"), "{results}");
    }
}

#[test]
fn classes_are_made_before_rows_are_left_out() {
    let rows = "text,label\nthe cat,a\nthe dog,a\nthe fox,b\nthe owl,c\n";
    let (scratch, ran) = trained(rows, "--max_train_samples 2");
    contains(&ran.stderr, &["same label"]);
    ran.ok();
    assert_eq!(id2label(&scratch), json!({"0": "a", "1": "b", "2": "c"}));
}

#[test]
fn whole_numbers_of_a_validation_file_are_scores_where_the_training_rows_are() {
    let scratch = Scratch::ready();
    scratch.write(
        "train.csv",
        "text,label\nthe cat,1.5\nthe dog,0.5\nthe fox,4\n",
    );
    scratch.write("validation.csv", "text,label\nthe cat,3\nthe owl,4\n");
    scratch
        .train("--ignore_mismatched_sizes --max_steps 1 --do_eval true")
        .ok();
    let results = fs::read_to_string(scratch.path("out/eval_results.json")).unwrap();
    contains(&results, &["eval_pearson", "eval_mse"]);
}

#[test]
fn a_task_decides_its_own_kind() {
    let scratch = Scratch::ready();
    let rows =
        "sentence1,sentence2,label\nthe cat,the dog,5\nthe fox,the owl,2\nthe ant,the bee,0\n";
    scratch.write("train.csv", rows);
    scratch.write("validation.csv", rows);
    scratch
        .train("--task_name stsb --ignore_mismatched_sizes --max_steps 1 --do_eval true")
        .ok();
    let results = fs::read_to_string(scratch.path("out/eval_results.json")).unwrap();
    contains(&results, &["eval_pearson", "eval_spearmanr"]);
}

#[test]
fn a_label_that_training_lacks_is_told_with_file_and_row() {
    let scratch = Scratch::ready();
    scratch.write("train.csv", "text,label\nthe cat,no\nthe fox,yes\n");
    scratch.write("validation.csv", "text,label\nthe cat,no\nthe fox,maybe\n");
    contains(
        &scratch.train("--do_eval true").error(),
        &["validation.csv", "row 1", "\"maybe\"", "no, yes"],
    );
}

#[test]
fn classes_without_names_and_with_numbers_for_names() {
    let scratch = Scratch::new();
    write_model(&scratch.path("model"), &config());
    let shown = scratch
        .run("predict --model model --device cpu --text cat")
        .ok();
    contains(&shown, &["LABEL_0", "LABEL_1"]);
    let path = scratch.path("model/config.json");
    let mut numbers: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    numbers["id2label"] = json!({"0": 0, "1": 1});
    numbers["label2id"] = json!({"0": 0, "1": 1});
    numbers["pad_token_id"] = Value::Null;
    fs::write(&path, numbers.to_string()).unwrap();
    let shown = scratch
        .run("predict --model model --device cpu --text cat")
        .ok();
    contains(&shown, &["\n  0  ", "\n  1  "]);
}

#[test]
fn a_row_that_may_not_be_cut_says_how_to_cut_it() {
    let long = "river ".repeat(40);
    let (_, ran) = trained(
        &format!("text,label\n{long},no\nthe cat,yes\n"),
        "--truncation do_not_truncate",
    );
    contains(
        &ran.error(),
        &[
            "train.csv",
            "row 0 has 42 tokens",
            "--truncation longest_first",
        ],
    );
}

#[test]
fn files_of_another_form_are_read_or_told() {
    let scratch = Scratch::ready();
    let model = scratch.path("model");
    let line = "predict --model model --device cpu --text cat";
    let weights = model.join("model.safetensors");
    fs::rename(&weights, model.join("tf_model.h5")).unwrap();
    contains(
        &scratch.run(line).error(),
        &["TensorFlow's", "pytorch_model.bin"],
    );
    // By its name it would be a pickle, and it isn't one.
    fs::rename(model.join("tf_model.h5"), model.join("pytorch_model.bin")).unwrap();
    contains(
        &scratch.run(line).error(),
        &["pytorch_model.bin", "download it again"],
    );
    fs::remove_file(model.join("tokenizer.json")).unwrap();
    scratch.write(
        "model/vocab.txt",
        "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ncat\n",
    );
    let run = scratch.run("tokenize --model model --text cat").ok();
    contains(&run, &["[CLS]", "cat", "[SEP]"]);
}

#[test]
fn metrics_are_those_that_are_named_and_more_than_two_classes_have_a_row_each() {
    let rows = "text,label\nthe cat,a\nthe dog,b\nthe fox,c\nthe owl,a\n";
    let scratch = Scratch::ready();
    scratch.write("train.csv", rows);
    scratch.write("validation.csv", rows);
    let run = "--ignore_mismatched_sizes --max_steps 1 --do_eval true --overwrite_output_dir";
    let results = |more: &str| {
        let ran = scratch.train(&format!("{run} {more}"));
        let screen = ran.stdout.clone();
        ran.ok();
        let text = fs::read_to_string(scratch.path("out/eval_results.json")).unwrap();
        (serde_json::from_str::<Value>(&text).unwrap(), screen)
    };
    let (usual, screen) = results("");
    for name in ["eval_accuracy", "eval_f1_macro", "eval_f1_weighted"] {
        assert!(usual[name].is_number(), "{usual}");
    }
    contains(&screen, &["precision", "recall", "support"]);
    let (named, _) = results("--metric_name mcc,roc_auc,top_2_accuracy,log_loss");
    for name in [
        "matthews_correlation",
        "roc_auc",
        "top_2_accuracy",
        "log_loss",
    ] {
        assert!(named[format!("eval_{name}")].is_number(), "{named}");
    }
    assert!(named["eval_accuracy"].is_null(), "{named}");
    // The log loss is the mean loss, of probabilities in 64 bits.
    let (loss, log_loss) = (named["eval_loss"].as_f64(), named["eval_log_loss"].as_f64());
    assert!((loss.unwrap() - log_loss.unwrap()).abs() < 1e-5, "{named}");

    let error = scratch
        .train(&format!("{run} --metric_name f1_macro,bleu"))
        .error();
    contains(&error, &["no metric `bleu`", "roc_auc"]);
    let error = scratch.train(&format!("{run} --metric_name mse")).error();
    contains(&error, &["no metric `mse` for these labels", "f1_macro"]);
    let error = scratch
        .train(&format!(
            "{run} --eval_strategy epoch --metric_for_best_model f1"
        ))
        .error();
    contains(&error, &["no eval_f1,", "eval_f1_macro"]);
}
