//! A run on the screen: a bar of steps on a terminal, a line every few seconds elsewhere, and what
//! stays to be read afterwards (evaluations, checkpoints, warnings) as lines in either case.

use std::time::Instant;

use indicatif::ProgressBar;
use tunesmith_protocol::{
    DatasetReady, Eval, Event, LogLevel, ProblemType, RunStarted, Step, TrainingArguments,
};

use super::report;
use crate::output::clock;
use crate::progress::{PLAIN_INTERVAL, Progress};

/// The screen of one run.
pub struct Screen {
    progress: Progress,
    steps: Option<ProgressBar>,
    total_steps: u64,
    told: Option<Instant>,
    warns: bool,
}

impl Screen {
    /// An empty screen, as the arguments ask for it.
    pub fn new(training: &TrainingArguments) -> Self {
        let quiet = matches!(training.log_level, LogLevel::Error | LogLevel::Critical);
        Self {
            progress: Progress::with_bars(!training.disable_tqdm),
            warns: !quiet,
            steps: None,
            total_steps: 0,
            told: None,
        }
    }

    /// Shows an event.
    pub fn show(&mut self, event: &Event) {
        match event {
            event if self.progress.event(event) => {}
            Event::DatasetReady(data) => self.progress.say(&dataset(data)),
            Event::RunStarted(run) => self.start(run),
            Event::Step(step) => self.step(step),
            Event::Eval(eval) => self.eval(eval),
            Event::Checkpoint { path, .. } => self.say(&format!("checkpoint written to {path}")),
            Event::Warning { .. } if !self.warns => {}
            Event::Warning { message } => self.say(&format!("warning: {message}")),
            // The Trainer's means are in trainer_state.json; the bar shows the loss of every step.
            Event::Log(_) => {}
            // Told at the end, when the bar is gone.
            _ => {}
        }
    }

    /// A line that stays.
    pub fn say(&self, line: &str) {
        self.progress.say(line);
    }

    /// Takes the bars away.
    pub fn clear(&mut self) {
        self.progress.clear();
        if let Some(bar) = self.steps.take() {
            bar.finish_and_clear();
        }
    }

    fn start(&mut self, run: &RunStarted) {
        self.progress.clear();
        self.total_steps = run.total_steps;
        self.say(&report::start(run));
        if !run.new_parameters.is_empty() {
            let names = run.new_parameters.join(", ");
            self.say(&format!(
                "The answer layer ({names}) starts from scratch; this run trains it."
            ));
        }
        let bar = self
            .progress
            .bar(run.total_steps, "[{wide_bar}] {pos}/{len} {msg}");
        bar.set_position(run.resumed_from_step.unwrap_or(0));
        self.steps = Some(bar);
    }

    fn step(&mut self, step: &Step) {
        let numbers = numbers(step);
        if let Some(bar) = &self.steps {
            bar.set_position(step.step);
            bar.set_message(numbers.clone());
        }
        let due = self
            .told
            .is_none_or(|told| told.elapsed() >= PLAIN_INTERVAL);
        if !self.progress.is_live() && (due || step.step == self.total_steps) {
            self.told = Some(Instant::now());
            self.say(&format!(
                "step {}/{} {numbers}",
                step.step, self.total_steps
            ));
        }
    }

    fn eval(&mut self, eval: &Eval) {
        self.progress.clear();
        self.say(&format!(
            "epoch {:.2}, {}: loss {:.4}{} ({})",
            eval.epoch,
            eval.split,
            eval.loss,
            report::metrics(eval),
            clock(eval.runtime),
        ));
    }
}

fn numbers(step: &Step) -> String {
    let mut line = format!("loss {:.4}, lr {:.2e}", step.loss, step.learning_rate);
    if step.samples_per_second > 0.0 {
        line.push_str(&format!(", {:.1} samples/s", step.samples_per_second));
    }
    if let Some(seconds) = step.remaining_seconds {
        line.push_str(&format!(", {} left", clock(seconds)));
    }
    line
}

fn dataset(data: &DatasetReady) -> String {
    let splits = data
        .splits
        .iter()
        .map(|split| format!("{} {} rows", split.name, split.num_rows));
    let splits = splits.collect::<Vec<_>>().join(", ");
    let names = data.labels.join(", ");
    let labels = match data.problem_type {
        ProblemType::SingleLabel => format!("labels {names}"),
        ProblemType::MultiLabel => format!("any of the labels {names}"),
        ProblemType::Regression => "the label is a number".to_owned(),
        ProblemType::Tokens => format!("tags {names}"),
    };
    format!("Data: {splits}; {labels}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tunesmith_protocol::Split;

    #[test]
    fn a_step_tells_loss_rate_speed_and_time_left() {
        let mut step = Step {
            step: 1,
            epoch: 0.1,
            loss: 0.681_147,
            learning_rate: 5e-5,
            grad_norm: 1.0,
            batch_rows: 8,
            batch_length: 64,
            batch_digest: String::new(),
            samples_per_second: 0.0,
            remaining_seconds: None,
        };
        assert_eq!(numbers(&step), "loss 0.6811, lr 5.00e-5");
        step.samples_per_second = 14.26;
        step.remaining_seconds = Some(125.0);
        let all = "loss 0.6811, lr 5.00e-5, 14.3 samples/s, 2:05 left";
        assert_eq!(numbers(&step), all);
    }

    #[test]
    fn the_data_is_told_with_its_labels() {
        let split = |name: &str, num_rows| Split {
            name: name.to_owned(),
            num_rows,
            digest: None,
            most_frequent: None,
        };
        let mut data = DatasetReady {
            splits: vec![split("train", 8), split("validation", 4)],
            labels: vec!["no".to_owned(), "yes".to_owned()],
            problem_type: ProblemType::SingleLabel,
        };
        assert_eq!(
            dataset(&data),
            "Data: train 8 rows, validation 4 rows; labels no, yes"
        );
        data.problem_type = ProblemType::MultiLabel;
        assert!(dataset(&data).ends_with("any of the labels no, yes"));
        data.problem_type = ProblemType::Tokens;
        assert!(dataset(&data).ends_with("tags no, yes"));
        data.problem_type = ProblemType::Regression;
        assert!(dataset(&data).ends_with("the label is a number"));
    }
}
