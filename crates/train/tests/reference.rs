//! Only by `cargo xtask test --reference DIR`: ten AdamW steps of MiniLM on MRPC's first eighty rows against PyTorch: losses, gradient norms and
//! where the parameters end, with and without clipping.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../model/tests/support/mod.rs"]
mod golden;
mod support;

use golden::{
    Distance, checkpoint, floats, minilm, norm, read_pieces, reference, reference_golden,
};
use support::{device, pairs, steps_by_hand};
use tunesmith_data::Tokenizer;
use tunesmith_kernels::DeviceChoice;
use tunesmith_protocol::{SchedulerKwargs, SchedulerType};
use tunesmith_train::{AdamW, get_scheduler};

const STEPS: usize = 10;

/// PyTorch computed in f32, and so did we, in another order of summation.
const LIMITS: [(&str, f64); 5] = [
    ("loss", 1e-4),
    // Relative.
    ("gradient norm", 1e-3),
    ("learning rate", 1e-19),
    // Relative.
    ("parameter's norm", 1e-5),
    // The true gradient is zero: AdamW makes steps of rounding noise there, at most the sum of the learning
    // rates for each of 384 numbers.
    ("key bias's norm", 2.75e-4 * 19.6),
];

fn follows_pytorch(choice: DeviceChoice, case: &str) {
    let device = device(choice);
    let golden = reference_golden("ten_steps_adamw.json");
    let case = &golden[case];
    let tokenizer = Tokenizer::from_file(minilm()).unwrap();
    let rows = pairs(&reference("mrpc/glue"), "mrpc", 8 * STEPS, &tokenizer);
    let mut model = checkpoint(&minilm(), &device);
    let clip = case["clip_max_norm"].as_f64().unwrap_or(0.0);
    let mut optimizer = AdamW::new(&model, [0.9, 0.999], 1e-8, 0.0, clip);
    let schedule = get_scheduler(
        SchedulerType::Linear,
        5e-5,
        0,
        STEPS as u64,
        &SchedulerKwargs::default(),
    )
    .unwrap();
    let steps = steps_by_hand(
        &mut model,
        &mut optimizer,
        &schedule,
        &tokenizer,
        &rows,
        STEPS,
    );

    let mut far = Distance::default();
    let [rates, losses, norms, widths] = [
        &case["lr"],
        &case["losses"],
        &case["grad_norm_before_clip"],
        &golden["batch_widths"],
    ]
    .map(floats);
    for (step, told) in steps.iter().enumerate() {
        let at = || format!("step {step}");
        assert_eq!(told.width as f64, widths[step], "step {step}");
        far.note(
            "learning rate",
            (told.learning_rate - rates[step]).abs(),
            at,
        );
        far.note("loss", (told.loss - losses[step]).abs(), at);
        let off = (told.grad_norm - norms[step]).abs() / norms[step];
        far.note("gradient norm", off, at);
    }
    let wanted = case["param_l2_after_10_steps"].as_object().unwrap();
    assert_eq!(wanted.len(), model.parameters.iter().count());
    for parameter in model.parameters.iter() {
        let of = || parameter.name.clone();
        let wanted = wanted[&parameter.name].as_f64().unwrap();
        let off = (norm(&read_pieces(model.parameters.value(parameter))) - wanted).abs();
        if parameter.name.ends_with("key.bias") {
            far.note("key bias's norm", off, of);
        } else {
            far.note("parameter's norm", off / wanted, of);
        }
    }
    far.within(&LIMITS, &format!("MRPC on {}", device.name));
    assert_eq!(device.failure(), None);
}

#[test]
fn without_clipping_on_the_cpu() {
    follows_pytorch(DeviceChoice::Cpu, "no_clip");
}

#[test]
fn with_the_trainers_clipping_on_the_cpu() {
    follows_pytorch(DeviceChoice::Cpu, "clip_1.0");
}

#[test]
fn with_clipping_that_bites_on_the_cpu() {
    follows_pytorch(DeviceChoice::Cpu, "clip_0.3");
}

#[test]
fn with_clipping_that_bites_on_a_software_renderer() {
    follows_pytorch(DeviceChoice::SoftwareGpu, "clip_0.3");
}

/// The families that the reference data has tiny checkpoints of.
mod families {
    use serde_json::Value;
    use tunesmith_data::Tokenizer;
    use tunesmith_kernels::{AdapterKind, ComputeDevice};
    use tunesmith_model::{AutoConfig, Inputs, LoadOptions, Mode, Model, Targets, Task};
    use tunesmith_train::AdamW;

    use super::golden::{
        floats as all, integers, on_the_cpu, read, read_pieces, reference, reference_golden,
    };

    const FAMILIES: [&str; 11] = [
        "albert",
        "bert",
        "camembert",
        "deberta-v2",
        "deberta-v3",
        "distilbert",
        "electra",
        "modernbert",
        "mpnet",
        "roberta",
        "xlm-roberta",
    ];
    const LOGITS: f64 = 1e-4;
    const NORM: f64 = 1e-3;

    fn golden_of(family: &str) -> Value {
        reference_golden(&format!("models/{family}.json"))
    }

    fn model_dir(family: &str) -> std::path::PathBuf {
        reference("models").join(family)
    }

    #[test]
    fn every_tokenizer_gives_the_ids_of_transformers() {
        for family in FAMILIES {
            let golden = golden_of(family);
            let tokenizer = Tokenizer::from_file(model_dir(family)).unwrap();
            let texts = golden["texts"].as_array().unwrap().iter();
            for (text, wanted) in texts.zip(golden["encoded"].as_array().unwrap()) {
                let [first, second] = [0, 1].map(|place| text[place].as_str());
                let options = tunesmith_data::TokenizeOptions::default();
                let got = tokenizer.encode(first.unwrap(), second, &options).unwrap();
                assert_eq!(
                    got.input_ids,
                    integers(&wanted["input_ids"]),
                    "{family}: {text}"
                );
                if let Some(types) = wanted.get("token_type_ids") {
                    assert_eq!(got.token_type_ids, integers(types), "{family}: {text}");
                }
            }
        }
    }

    fn load(family: &str, task: Task, labels: usize, device: &ComputeDevice) -> Model {
        let dir = model_dir(family);
        let mut config = AutoConfig::from_pretrained(&dir).unwrap();
        config.set_dropout(0.0).unwrap();
        let names: Vec<String> = (0..labels).map(|id| format!("LABEL_{id}")).collect();
        config.set_head(task, &names).unwrap();
        let options = LoadOptions {
            new_classifier: true,
            ..LoadOptions::new(42)
        };
        let (mut model, _) = Model::from_pretrained_with(&dir, config, &options, device).unwrap();
        let heads: Vec<_> = model
            .parameters
            .iter()
            .filter(|one| {
                one.name.starts_with("classifier") || one.name.starts_with("pre_classifier")
            })
            .cloned()
            .collect();
        for parameter in heads {
            let is_bias = parameter.name.ends_with("bias");
            let values: Vec<f32> = (0..parameter.count())
                .map(|place| match is_bias {
                    true => (0.05 * f64::cos(place as f64)) as f32,
                    false => (0.3 * f64::sin(1.0 + place as f64)) as f32,
                })
                .collect();
            model.parameters.set(&parameter, &values);
        }
        model
    }

    fn follows_pytorch(device: &ComputeDevice) {
        for family in FAMILIES {
            let golden = golden_of(family);
            let mask = golden["batch"]["attention_mask"].as_array().unwrap();
            let inputs = Inputs {
                batch: mask.len(),
                seq: mask[0].as_array().unwrap().len(),
                input_ids: integers(&golden["batch"]["input_ids"]),
                token_type_ids: golden["batch"].get("token_type_ids").map(integers),
                lengths: mask
                    .iter()
                    .map(|row| all(row).iter().sum::<f64>() as u32)
                    .collect(),
                pad_left: false,
            };
            let singles = |name: &str| all(&golden[name]).into_iter().map(|x| x as f32).collect();
            for (key, task, labels, targets) in [
                (
                    "classes",
                    Task::SingleLabel,
                    3,
                    Targets::Classes(integers(&golden["labels"])),
                ),
                (
                    "multi_label",
                    Task::MultiLabel,
                    4,
                    Targets::Labels(singles("multi_labels")),
                ),
                (
                    "regression",
                    Task::Regression,
                    1,
                    Targets::Values(singles("values")),
                ),
                (
                    "tokens",
                    Task::Tokens,
                    5,
                    Targets::Tokens(
                        all(&golden["token_labels"])
                            .into_iter()
                            .map(|x| x as i32)
                            .collect(),
                    ),
                ),
            ] {
                let at = format!("{family}, {key}, {}", device.name);
                let wanted = &golden[key];
                let mut model = load(family, task, labels, device);
                let output = model
                    .forward(&inputs, Some(&targets), &Mode::Evaluate)
                    .unwrap();
                let logits = read(output.logits.clone().flatten::<1>(0, 1));
                let mut told = all(&wanted["logits"]);
                if task == Task::Tokens {
                    let tokens: Vec<&[f64]> = told.chunks(labels).collect();
                    told = inputs.without_padding(&tokens).concat();
                }
                assert_eq!(logits.len(), told.len(), "{at}");
                for (got, wanted) in logits.iter().zip(&told) {
                    let off = (f64::from(*got) - wanted).abs();
                    assert!(off < LOGITS, "{at}: {got}, PyTorch {wanted}");
                }
                let loss = f64::from(read(output.loss.clone().unwrap())[0]);
                let off = (loss - wanted["loss"].as_f64().unwrap()).abs();
                assert!(off < LOGITS, "{at}: loss {loss} is {off} off");
                model.backward(output);
                let norms = wanted["grad_l2"].as_object().unwrap();
                let most = norms
                    .values()
                    .map(|x| x.as_f64().unwrap())
                    .fold(0.0, f64::max);
                for parameter in model.parameters.iter() {
                    let Some(wanted) = norms.get(&parameter.name).and_then(Value::as_f64) else {
                        panic!("{at}: {} is none of PyTorch's", parameter.name)
                    };
                    let squares = read_pieces(model.parameters.gradient(parameter))
                        .into_iter()
                        .map(|x| f64::from(x).powi(2));
                    let got = squares.sum::<f64>().sqrt();
                    // What cancels out is rounding noise, of PyTorch's f32 too.
                    let off = (got - wanted).abs() / wanted.max(1e-4 * most);
                    assert!(
                        off < NORM,
                        "{at}: {}: {got}, PyTorch {wanted}",
                        parameter.name
                    );
                }
                model.zero_grad();
                let mut optimizer = AdamW::new(&model, [0.9, 0.999], 1e-8, 0.0, 1.0);
                for (step, wanted) in all(&wanted["five_losses_adamw_lr1e-3_clip1"])
                    .iter()
                    .enumerate()
                {
                    let output = model
                        .forward(&inputs, Some(&targets), &Mode::Evaluate)
                        .unwrap();
                    let loss = output.loss.clone().unwrap();
                    model.backward(output);
                    optimizer.step(&mut model, 1e-3);
                    let got = f64::from(read(loss)[0]);
                    let off = (got - wanted).abs();
                    assert!(off < LOGITS, "{at}, step {step}: {got}, PyTorch {wanted}");
                }
            }
        }
        assert_eq!(device.failure(), None);
    }

    #[test]
    fn every_family_and_task_on_the_cpu() {
        on_the_cpu(follows_pytorch);
    }

    #[test]
    fn every_family_and_task_on_each_software_renderer() {
        let mut renderers = 0;
        for adapter in pollster::block_on(tunesmith_kernels::adapters()) {
            if adapter.kind == AdapterKind::Software {
                renderers += 1;
                follows_pytorch(&pollster::block_on(adapter.open("test")).unwrap());
            }
        }
        assert!(
            renderers >= 2,
            "llvmpipe and SwiftShader: run `cargo xtask test`"
        );
    }
}

/// The Trainer on two processes, and on one with as large a batch.
mod distributed {
    use serde_json::Value;
    use tunesmith_data::{
        DataCollatorWithPadding, Dataset, LoadDataset, TokenizeArgs, TokenizeOptions,
        TokenizedDataset, Tokenizer, tokenize_dataset,
    };
    use tunesmith_kernels::{ComputeDevice, DeviceChoice};
    use tunesmith_metrics::{GlueTask, Metric};
    use tunesmith_model::{AutoConfig, LoadOptions, Model, Task};
    use tunesmith_protocol::{Event, SaveStrategy, TrainingArguments};
    use tunesmith_train::{Plan, Replicas, Trainer};

    use super::golden::{floats, reference, reference_golden};
    use super::support::{device, train};

    const LOSS: f64 = 1e-4;
    const NORM: f64 = 1e-3;

    fn split(name: &str, count: usize) -> Dataset {
        let glue = reference("mrpc/glue").display().to_string();
        let all = LoadDataset::new(glue).config("mrpc").load().unwrap();
        all.get(name).unwrap().take(count)
    }

    fn tokenized(rows: &Dataset, tokenizer: &Tokenizer) -> TokenizedDataset {
        let args = TokenizeArgs {
            text_pair_column: Some("sentence2".to_owned()),
            label_column: Some("label".to_owned()),
            options: TokenizeOptions {
                max_length: Some(64),
                ..TokenizeOptions::default()
            },
            ..TokenizeArgs::new("sentence1")
        };
        tokenize_dataset(rows, tokenizer, &args, &mut |_| {}).unwrap()
    }

    /// The tiny BERT with the head that the script gives it.
    fn model(device: &ComputeDevice) -> Model {
        let dir = reference("models/bert");
        let mut config = AutoConfig::from_pretrained(&dir).unwrap();
        let names = ["not_equivalent", "equivalent"].map(str::to_owned);
        config.set_head(Task::SingleLabel, &names).unwrap();
        config.set_dropout(0.0).unwrap();
        let options = LoadOptions {
            new_classifier: true,
            ..LoadOptions::new(42)
        };
        let (mut model, _) = Model::from_pretrained_with(&dir, config, &options, device).unwrap();
        let weight = |i: usize| 0.3 * (1.0 + i as f64).sin();
        let bias = |i: usize| 0.05 * (i as f64).cos();
        let head: [(&str, &dyn Fn(usize) -> f64); 2] =
            [("classifier.weight", &weight), ("classifier.bias", &bias)];
        for (name, of) in head {
            let parameter = model.parameters.get(name).unwrap().clone();
            let values: Vec<f32> = (0..parameter.count()).map(|i| of(i) as f32).collect();
            model.parameters.set(&parameter, &values);
        }
        model
    }

    fn follows(file: &str, devices: Vec<ComputeDevice>) {
        let golden = reference_golden(&format!("distributed/{file}"));
        let number = |name: &str| golden[name].as_u64().unwrap() as usize;
        let count = number("processes");
        assert_eq!(devices.len(), count);
        let dir = tempfile::tempdir().unwrap();
        let args = TrainingArguments {
            output_dir: dir.path().join("out").display().to_string(),
            max_steps: golden["max_steps"].as_i64().unwrap(),
            learning_rate: golden["learning_rate"].as_f64().unwrap(),
            per_device_train_batch_size: number("per_device_train_batch_size"),
            gradient_accumulation_steps: number("gradient_accumulation_steps"),
            per_device_eval_batch_size: number("per_device_eval_batch_size"),
            save_strategy: SaveStrategy::No,
            // On n processes that Trainer clips n times the mean gradient, to 1. All norms here are above 1/n, so it
            // takes steps of one length, as clipping the mean to 1/n does; AdamW doesn't see by which factor.
            max_grad_norm: 1.0 / count as f64,
            ..TrainingArguments::default()
        };
        let tokenizer = Tokenizer::from_file(reference("models/bert")).unwrap();
        let texts = split("train", number("train_rows"));
        let rows = tokenized(&texts, &tokenizer);
        let validation = tokenized(&split("validation", number("validation_rows")), &tokenizer);

        // Which rows each process takes, by MRPC's own numbers.
        let plan = Plan::new(rows.len(), None, &args, count).unwrap();
        let order = plan.epoch_order(0);
        let idx = texts.column("idx").unwrap();
        for rank in 0..count {
            for batch in 0..args.max_steps as usize {
                let taken: Vec<u64> = plan
                    .batch(&order, batch, rank)
                    .into_iter()
                    .map(|row| idx.get(row as usize).unwrap().as_i64().unwrap() as u64)
                    .collect();
                let wanted: Value = golden["rows_by_rank"][rank][batch].clone();
                assert_eq!(
                    serde_json::json!(taken),
                    wanted,
                    "rank {rank}, batch {batch}"
                );
            }
        }

        let mut devices = devices.into_iter();
        let first = devices.next().unwrap();
        let collator = DataCollatorWithPadding::from_tokenizer(&tokenizer).unwrap();
        let mut trainer = Trainer::new(model(&first), args, collator)
            .train_dataset(rows)
            .metric(Metric::for_task(GlueTask::Mrpc));
        if count > 1 {
            trainer = trainer.replicas(Replicas::in_threads(devices.collect()).unwrap());
        }
        let (_, events) = train(&mut trainer).unwrap();
        let [losses, norms] = [&golden["loss"], &golden["grad_norm"]].map(floats);
        let steps = events.iter().filter_map(|event| match event {
            Event::Step(step) => Some(step),
            _ => None,
        });
        let mut taken = 0;
        for ((step, loss), norm) in steps.zip(losses).zip(norms) {
            let (off, by) = (
                (step.loss - loss).abs(),
                (step.grad_norm - norm).abs() / norm,
            );
            println!("step {}: {off:.1e}, norm {by:.1e}", step.step);
            assert!(off <= LOSS, "step {}: {}, {loss}", step.step, step.loss);
            assert!(
                by <= NORM,
                "step {}: norm {}, {norm}",
                step.step,
                step.grad_norm
            );
            taken += 1;
        }
        assert_eq!(taken, 12);
        let found = pollster::block_on(trainer.predict(&validation)).unwrap();
        let wanted = &golden["eval"];
        assert_eq!(
            found.evaluation.samples as u64,
            wanted["eval_n"].as_u64().unwrap()
        );
        let accuracy = found.evaluation.metrics.get("accuracy").unwrap();
        assert!((accuracy - wanted["eval_accuracy"].as_f64().unwrap()).abs() < 1e-9);
        let sum: f64 = found.logits.iter().map(|x| f64::from(*x)).sum();
        let off = (sum - wanted["eval_logit_sum"].as_f64().unwrap()).abs();
        assert!(off < 1e-2, "the sum of all logits is off by {off}");
    }

    #[test]
    fn two_cpu_workers_are_its_two_processes() {
        follows("two_processes.json", ComputeDevice::cpus(2).unwrap());
    }

    #[test]
    fn a_renderer_beside_the_cpu_is_its_two_processes() {
        let renderer = device(DeviceChoice::SoftwareGpu);
        follows(
            "two_processes.json",
            vec![ComputeDevice::cpu("test"), renderer],
        );
    }

    #[test]
    fn one_device_is_its_one_process() {
        follows("one_process_batch_16.json", vec![device(DeviceChoice::Cpu)]);
    }
}
