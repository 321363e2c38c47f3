//! What a run is, in words, at its beginning and at its end.

use anyhow::Result;
use tunesmith_protocol::{DeviceKind, Done, Eval, ProblemType, RunStarted, RunView};

use crate::output::{self, clock};

/// The line that begins a training.
pub fn start(run: &RunStarted) -> String {
    let kind = match run.device.kind {
        DeviceKind::SoftwareGpu => ", a software renderer",
        _ => "",
    };
    let others: String = run
        .other_devices
        .iter()
        .map(|device| format!(", {} ({})", device.name, device.backend))
        .collect();
    let resumed = match run.resumed_from_step {
        Some(step) => format!("; going on after step {step}"),
        None => String::new(),
    };
    format!(
        "Training {} ({:.1} M parameters) on {}: {} rows, {} epochs, {} steps of {} rows, on {} ({}{kind}){others}{resumed}",
        run.model,
        run.trainable_parameters as f64 / 1e6,
        run.dataset,
        run.num_examples,
        // 3 and not 3.00, 0.08 and not 0.0833333.
        (run.num_epochs * 100.0).round() / 100.0,
        run.total_steps,
        run.rows_of_a_step(),
        run.device.name,
        run.device.backend,
    )
}

/// The metrics of an evaluation behind its loss: `, accuracy 0.8088, f1 0.8704`.
pub fn metrics(eval: &Eval) -> String {
    eval.metrics
        .iter()
        .map(|(name, value)| format!(", {name} {value:.4}"))
        .collect()
}

/// Prints what there is to say at the end: evaluations, and where to go from here.
///
/// # Errors
/// When standard output can't be written.
pub fn end(view: &RunView) -> Result<()> {
    if !view.evals.is_empty() {
        output::line(format!("\n{}", evaluations(&view.evals)))?;
        if let Some(last) = view.evals.iter().rfind(|eval| !eval.per_class.is_empty()) {
            output::line(format!("\n{}", report(last)))?;
        }
    }
    match (&view.done, &view.last_checkpoint) {
        (Some(done), checkpoint) if done.stopped => match checkpoint {
            Some(path) => output::line(format!(
                "\nStopped after step {} and saved. To go on, run the same command with --resume_from_checkpoint {path}",
                done.step
            )),
            None => output::line(format!(
                "\nStopped after step {}; nothing was saved.",
                done.step
            )),
        },
        (Some(done), _) => {
            let problem = view.dataset.as_ref().map(|data| data.problem_type);
            if let Some((label, share)) = view.no_better_than() {
                output::line(format!("\n{}", no_better(label, share)))?;
            }
            output::line(format!("\n{}", finished(done, problem.unwrap_or_default())))
        }
        // The error that follows says what is kept.
        (None, _) => Ok(()),
    }
}

fn evaluations(evals: &[Eval]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in evals.iter().flat_map(|eval| eval.metrics.iter()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut rows = vec![vec![
        "split".to_owned(),
        "epoch".to_owned(),
        "step".to_owned(),
        "loss".to_owned(),
    ]];
    rows[0].extend(names.iter().map(|name| (*name).to_owned()));
    for eval in evals {
        let mut row = vec![
            eval.split.clone(),
            format!("{:.2}", eval.epoch),
            eval.step.to_string(),
            format!("{:.4}", eval.loss),
        ];
        row.extend(names.iter().map(|name| match eval.metrics.get(name) {
            Some(value) => format!("{value:.4}"),
            None => "-".to_owned(),
        }));
        rows.push(row);
    }
    output::table(&rows)
}

/// Every label of an evaluation by itself, as scikit-learn's `classification_report` has it.
fn report(eval: &Eval) -> String {
    let heads = [eval.split.as_str(), "precision", "recall", "f1", "support"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    rows.extend(eval.per_class.iter().map(|class| {
        vec![
            class.label.clone(),
            format!("{:.4}", class.precision),
            format!("{:.4}", class.recall),
            format!("{:.4}", class.f1),
            class.support.to_string(),
        ]
    }));
    output::table(&rows)
}

/// What to make of a model that learned nothing that shows.
fn no_better(label: &str, share: f64) -> String {
    format!(
        "The model is no better than always answering {label} ({:.1} %).\n  \
         To try: more epochs (--num_train_epochs), another --learning_rate, a larger pretrained model, or\n  \
         more rows. Check that the labels follow from the text.",
        share * 100.0
    )
}

fn finished(done: &Done, problem: ProblemType) -> String {
    let folder = &done.output_dir;
    let mut lines = Vec::new();
    if done.step > 0 {
        lines.push(format!(
            "{} steps in {} ({:.1} samples/s), mean loss {:.4}",
            done.step,
            clock(done.train_runtime),
            done.train_samples_per_second,
            done.train_loss
        ));
    }
    if let (Some(best), Some(path)) = (done.best_metric, &done.best_model_checkpoint) {
        lines.push(format!("best {best:.4}, at {path}"));
    }
    let class = problem.auto_model();
    lines.push(format!("The model lies in {folder}"));
    lines.push(format!(
        "  ask it:    tunesmith predict --model {folder} --text '…'"
    ));
    lines.push(format!("  in Python: {class}.from_pretrained({folder:?})"));
    lines.push(format!("  results:   {folder}/report.html"));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eval(step: u64, split: &str, metrics: &[(&str, f64)]) -> Eval {
        Eval {
            epoch: 1.0,
            step,
            split: split.to_owned(),
            loss: 0.5,
            metrics: metrics.iter().copied().collect(),
            per_class: Vec::new(),
            runtime: 1.0,
            samples_per_second: 1.0,
            steps_per_second: 1.0,
        }
    }

    #[test]
    fn evaluations_are_a_table_with_every_metric() {
        let evals = [
            eval(10, "validation", &[("accuracy", 0.75), ("f1", 0.8)]),
            eval(20, "test", &[]),
        ];
        assert_eq!(
            evaluations(&evals),
            "split       epoch  step    loss  accuracy      f1\n\
             validation   1.00    10  0.5000    0.7500  0.8000\n\
             test         1.00    20  0.5000         -       -"
        );
        assert_eq!(metrics(&evals[0]), ", accuracy 0.7500, f1 0.8000");
    }

    #[test]
    fn a_model_no_better_than_the_most_frequent_class_is_told() {
        let mut view = RunView {
            evals: vec![eval(10, "validation", &[("accuracy", 0.675)])],
            ..RunView::default()
        };
        let split = tunesmith_protocol::Split {
            name: "validation".to_owned(),
            num_rows: 400,
            digest: None,
            most_frequent: Some(tunesmith_protocol::LabelCount {
                label: "equivalent".to_owned(),
                count: 270,
            }),
        };
        view.dataset = Some(tunesmith_protocol::DatasetReady {
            splits: vec![split],
            labels: Vec::new(),
            problem_type: ProblemType::SingleLabel,
        });
        let (label, share) = view.no_better_than().unwrap_or_default();
        let text = no_better(label, share);
        assert!(
            text.contains("no better than always answering equivalent (67.5 %)"),
            "{text}"
        );
        view.evals[0].metrics.insert("accuracy", 0.6775);
        assert_eq!(view.no_better_than(), None);
    }

    #[test]
    fn every_label_has_a_line() {
        let mut eval = eval(10, "validation", &[]);
        eval.per_class = vec![tunesmith_protocol::ClassReport {
            label: "PER".to_owned(),
            precision: 0.5,
            recall: 1.0,
            f1: 2.0 / 3.0,
            support: 3,
        }];
        assert_eq!(
            report(&eval),
            "validation  precision  recall      f1  support\n\
             PER            0.5000  1.0000  0.6667        3"
        );
    }
}
