//! A window without a shell, and what a shell would answer.

use std::sync::Arc;

use eframe::egui_wgpu::{WgpuSetup, WgpuSetupCreateNew};
use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT, Queryable};
use egui_kittest::{Harness, Node};
use serde_json::json;
use tunesmith_desktop::{
    Answer, Arguments, Ask, Asked, Checkpoint, Fit, Host, Panel, Settings, State, Theme, show,
    theme,
};
use tunesmith_protocol::{
    AdapterInfo, ClassReport, ColumnInfo, ColumnKind, DeviceKind, Estimate, HubRepo, Inspection,
    LabelCount, Metrics, Prediction, ProblemType, Record, Review, RunConfig, SavedRun, SplitInfo,
    TokenizedPrediction, WrongRow,
};

const GOLDEN: &str = include_str!("../../../crates/protocol/tests/events.jsonl");

/// The window, and whoever is on its other side.
pub struct Window {
    pub harness: Harness<'static, State>,
    asks: Vec<Asked>,
}

impl Window {
    /// As it is at the first start, or after these settings were kept.
    pub fn open(settings: Settings) -> Self {
        Self::sized(settings, [1180.0, 780.0])
    }

    pub fn sized(settings: Settings, size: [f32; 2]) -> Self {
        Self::on(settings, size, adapters())
    }

    /// On a machine with these adapters.
    pub fn on(settings: Settings, size: [f32; 2], adapters: Vec<AdapterInfo>) -> Self {
        let host = Host {
            runs: "/home/ada/.local/share/tunesmith/runs".to_owned(),
            has_files: true,
        };
        let harness = Harness::builder()
            .with_size(size)
            .with_max_steps(12)
            .with_context_setup(theme::install)
            .wgpu_setup(lavapipe())
            .build_ui_state(show, State::new(settings, host));
        let mut window = Self {
            harness,
            asks: Vec::new(),
        };
        window.answer(
            |ask| matches!(ask, Ask::Adapters),
            Answer::Adapters(adapters),
        );
        window
    }

    /// With data and a model chosen, at a panel.
    pub fn ready(settings: Settings) -> Self {
        let mut window = Self::open(settings);
        window.choose_data();
        window.choose_model();
        window
    }

    pub fn choose_data(&mut self) {
        self.choose_data_of(inspection());
    }

    /// The built-in set, if it looked like this.
    pub fn choose_data_of(&mut self, found: Inspection) {
        self.go(Panel::Data);
        self.click(Role::RadioButton, "Built-in set");
        let mut names = Arguments::new();
        names.insert("dataset_name".to_owned(), json!("/builtin/paraphrase"));
        self.answer(
            |ask| matches!(ask, Ask::BuiltinData(_)),
            Answer::Data(Ok(names)),
        );
        let answer = Answer::Inspected(Ok(Box::new(found)));
        self.answer(|ask| matches!(ask, Ask::Inspect(_)), answer);
    }

    pub fn choose_model(&mut self) {
        self.go(Panel::Model);
        self.click(Role::RadioButton, "Built-in model");
        let folder = "/builtin/tiny".to_owned();
        let model = Answer::Model(Ok(Checkpoint { folder }));
        self.answer(|ask| *ask == Ask::BuiltinModel, model);
        self.answer(
            |ask| matches!(ask, Ask::Estimate(..)),
            Answer::Estimated(Ok(fit())),
        );
    }

    pub fn go(&mut self, panel: Panel) {
        self.click(Role::Tab, panel.name());
        assert_eq!(self.harness.state().panel(), panel);
    }

    #[track_caller]
    pub fn click(&mut self, role: Role, name: &str) {
        // What is scrolled out of sight can't be clicked.
        self.node(role, name).scroll_to_me();
        self.harness.run();
        self.node(role, name).click();
        self.harness.run();
    }

    #[track_caller]
    pub fn node<'a>(&'a self, role: Role, name: &'a str) -> Node<'a> {
        self.harness.get_by_role_and_label(role, name)
    }

    /// Types into a field, over what is there, and leaves it.
    #[track_caller]
    pub fn enter(&mut self, field: &str, text: &str) {
        self.type_into(field, text);
        self.harness.key_press(egui::Key::Tab);
        self.harness.run();
    }

    #[track_caller]
    pub fn type_into(&mut self, field: &str, text: &str) {
        let role = [Role::TextInput, Role::MultilineTextInput]
            .into_iter()
            .find(|role| self.harness.query_by_role_and_label(*role, field).is_some());
        let role = role.unwrap_or_else(|| panic!("there is no field {field}"));
        self.node(role, field).focus();
        self.harness.run();
        self.harness
            .key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
        match text {
            "" => self.harness.key_press(egui::Key::Delete),
            text => self.node(role, field).type_text(text),
        }
        self.harness.run();
    }

    pub fn shows(&self, text: &str) -> bool {
        self.harness
            .query_all_by_label_contains(text)
            .next()
            .is_some()
    }

    #[track_caller]
    pub fn is_disabled(&self, name: &str) -> bool {
        self.node(Role::Button, name).accesskit_node().is_disabled()
    }

    /// How long until the window is drawn again by itself.
    pub fn next_drawing(&self) -> std::time::Duration {
        self.harness.output().viewport_output[&egui::ViewportId::ROOT].repaint_delay
    }

    /// Whether a field holds this text.
    pub fn shows_value(&self, text: &str) -> bool {
        let fields = self.harness.query_all_by_role(Role::MultilineTextInput);
        fields
            .into_iter()
            .any(|field| field.value().as_deref() == Some(text))
    }

    /// Whether an alert has this in it.
    pub fn shows_alert(&self, text: &str) -> bool {
        let alerts = self.harness.query_all_by_role(Role::Alert);
        let mut texts = alerts
            .into_iter()
            .filter_map(|alert| alert.accesskit_node().label());
        texts.any(|label| label.contains(text))
    }

    /// What was copied in the last step.
    pub fn copied(&self) -> String {
        let commands = self.harness.output().platform_output.commands.iter();
        let texts = commands.filter_map(|command| match command {
            egui::OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        });
        texts.collect()
    }

    /// Takes what was asked since the last time.
    pub fn asks(&mut self) -> Vec<Ask> {
        let asks = self.harness.state_mut().take_asks();
        self.asks.extend(asks);
        self.asks.iter().map(|asked| asked.ask.clone()).collect()
    }

    /// The number of the last ask that `of` holds of, which must be there, and it is struck off.
    #[track_caller]
    pub fn asked(&mut self, of: impl Fn(&Ask) -> bool) -> Asked {
        self.asks();
        let place = self.asks.iter().rposition(|asked| of(&asked.ask));
        let place = place.unwrap_or_else(|| panic!("not asked: {:?}", self.asks));
        self.asks.remove(place)
    }

    #[track_caller]
    pub fn answer(&mut self, of: impl Fn(&Ask) -> bool, answer: Answer) {
        let ticket = self.asked(of).ticket;
        self.tell(ticket, answer);
    }

    pub fn tell(&mut self, ticket: u64, answer: Answer) {
        self.harness.state_mut().take(ticket, answer);
        self.harness.run();
    }

    /// Starts a run by its button, and gives its ask.
    #[track_caller]
    pub fn train(&mut self) -> Asked {
        self.go(Panel::Train);
        self.click(Role::Button, "Train");
        self.harness.run();
        self.asked(|ask| matches!(ask, Ask::Train { .. }))
    }

    /// Tells the records of the golden log from one number up to another.
    pub fn replay(&mut self, ticket: u64, records: std::ops::Range<usize>) {
        for line in GOLDEN.lines().skip(records.start).take(records.len()) {
            self.record(ticket, line);
        }
        self.harness.run();
    }

    /// Tells a record.
    pub fn record(&mut self, ticket: u64, line: &str) {
        let record = Record::from_json(line).unwrap();
        let answer = Answer::Record(Box::new(record));
        self.harness.state_mut().take(ticket, answer);
    }

    /// Photographs the window as it is, and dark and small.
    pub fn photograph(&mut self, name: &str) {
        self.harness.remove_cursor();
        self.harness.state_mut().settings.theme = Theme::Light;
        self.harness.run();
        self.harness.snapshot(format!("{name}-light"));
        self.harness.state_mut().settings.theme = Theme::Dark;
        self.harness.run();
        self.harness.snapshot(format!("{name}-dark"));
        self.harness.set_size(egui::vec2(460.0, 820.0));
        self.harness.run();
        self.harness.snapshot(format!("{name}-small"));
    }
}

/// What the pictures were taken on, whatever else is here.
fn lavapipe() -> WgpuSetup {
    let mut setup = WgpuSetupCreateNew::without_display_handle();
    setup.native_adapter_selector = Some(Arc::new(|adapters, _| {
        let mut adapters = adapters.iter();
        let found = adapters.find(|adapter| adapter.get_info().name.contains("llvmpipe"));
        found
            .cloned()
            .ok_or_else(|| "no llvmpipe: run `cargo xtask test`".to_owned())
    }));
    WgpuSetup::CreateNew(setup)
}

pub fn adapters() -> Vec<AdapterInfo> {
    let adapter = |name: &str, kind| AdapterInfo {
        name: name.to_owned(),
        backend: "vulkan".to_owned(),
        kind,
        max_binding_bytes: 2_147_483_648,
        max_buffer_bytes: 4_294_967_296,
    };
    vec![
        adapter("Radeon RX 6600", DeviceKind::DiscreteGpu),
        adapter("llvmpipe (LLVM 19)", DeviceKind::SoftwareGpu),
    ]
}

pub fn inspection() -> Inspection {
    let column = |name: &str, kind| ColumnInfo {
        name: name.to_owned(),
        kind,
    };
    let row = |cells: [&str; 4]| cells.map(|cell| Some(cell.to_owned())).to_vec();
    Inspection {
        splits: [("train", 3600), ("validation", 400)]
            .map(|(name, num_rows)| SplitInfo {
                name: name.to_owned(),
                num_rows,
            })
            .to_vec(),
        columns: vec![
            column("sentence1", ColumnKind::Text),
            column("sentence2", ColumnKind::Text),
            column("label", ColumnKind::Label),
            column("idx", ColumnKind::Number),
        ],
        rows: vec![
            row([
                "The ferry to the island leaves at noon.",
                "At noon the ferry sails for the island.",
                "equivalent",
                "0",
            ]),
            row([
                "Rain is expected over the hills.",
                "The hills will stay dry all day.",
                "not_equivalent",
                "1",
            ]),
        ],
        text_column_names: vec!["sentence1".to_owned(), "sentence2".to_owned()],
        label_column_name: Some("label".to_owned()),
        label_column_names: Vec::new(),
        problem_type: Some(ProblemType::SingleLabel),
        label_counts: [("not_equivalent", 1200), ("equivalent", 2400)]
            .map(|(label, count)| LabelCount {
                label: label.to_owned(),
                count,
            })
            .to_vec(),
        warnings: Vec::new(),
    }
}

pub fn inspected() -> Answer {
    Answer::Inspected(Ok(Box::new(inspection())))
}

pub fn fit() -> Fit {
    Fit {
        estimate: Estimate {
            parameters: 270_210,
            device_bytes: 46_000_000,
            largest_bytes: 2_000_000,
            total_steps: 675,
            num_examples: 3600,
            longest_length: 128,
        },
        memory_bytes: Some(16_000_000_000),
        max_binding_bytes: Some(2_147_483_648),
        batch_size_that_fits: None,
    }
}

pub fn review() -> Review {
    let class = |label: &str, precision, recall, f1, support| ClassReport {
        label: label.to_owned(),
        precision,
        recall,
        f1,
        support,
    };
    let wrong = |row: u64| WrongRow {
        row,
        text: format!("Platform {row} is closed until Monday."),
        text_pair: Some(format!("Platform {row} opens again on Monday.")),
        label: "equivalent".to_owned(),
        predicted: "not_equivalent".to_owned(),
        score: 0.021,
        confidence: 0.979,
        loss: 3.86,
    };
    Review {
        numbers: Vec::new(),
        calibration: Vec::new(),
        split: "validation".to_owned(),
        problem_type: ProblemType::SingleLabel,
        num_rows: 400,
        num_right: 358,
        metrics: [("accuracy", 0.895)].into_iter().collect(),
        labels: vec!["not_equivalent".to_owned(), "equivalent".to_owned()],
        confusion: vec![vec![110, 24], vec![18, 248]],
        per_class: vec![
            class("not_equivalent", 0.859, 0.821, 0.84, 134),
            class("equivalent", 0.912, 0.932, 0.922, 266),
        ],
        most_wrong: (1..8).map(wrong).collect(),
    }
}

pub fn saved(name: &str, finished: bool, accuracy: f64) -> SavedRun {
    let mut results = Metrics::default();
    if finished {
        results.insert("train_loss", 0.41);
        results.insert("eval_loss", 0.39);
        results.insert("eval_accuracy", accuracy);
    }
    let mut config = RunConfig::default();
    config.model.model_name_or_path = "/builtin/tiny".to_owned();
    SavedRun {
        output_dir: format!("/home/ada/.local/share/tunesmith/runs/{name}"),
        last_step: if finished { 675 } else { 40 },
        total_steps: Some(675),
        config: Some(config),
        finished,
        in_use: false,
        results,
        labels: vec!["different".to_owned(), "equivalent".to_owned()],
        problem_type: Some(ProblemType::SingleLabel),
    }
}

pub fn prediction() -> TokenizedPrediction {
    let tokens = [
        "[CLS]", "the", "ferry", "leaves", "[SEP]", "it", "sails", "[SEP]",
    ];
    TokenizedPrediction {
        prediction: Prediction::SingleLabel {
            label: "equivalent".to_owned(),
            label_id: 1,
            score: 0.93,
            scores: vec![0.07, 0.93],
            logits: vec![-1.1, 1.5],
        },
        tokens: tokens.map(str::to_owned).to_vec(),
    }
}

pub fn repo(id: &str, bytes: Option<u64>, downloads: Option<u64>) -> HubRepo {
    HubRepo {
        id: id.to_owned(),
        downloads,
        bytes,
    }
}
