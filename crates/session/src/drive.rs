//! The run itself, in the order of `run_glue.py`.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tunesmith::data::TokenizedDataset;
use tunesmith::kernels::ComputeDevice;
use tunesmith::metrics::best_thresholds;
use tunesmith::model::AutoConfig;
use tunesmith::train::{
    Greeting, Names, OutputFolder, Replicas, TrainOutput, Trainer, check_base_model,
    check_output_dir, check_task, frozen, sigmoid,
};
use tunesmith_protocol::{DataArguments, Done, Event, RunConfig, Threshold};

use crate::background::background;
use crate::columns::task;
use crate::device::open_all;
use crate::fetch::{dataset, model_files};
use crate::finish::{evaluate_at_end, pass, predict_at_end, save_training};
use crate::fits::check_memory;
use crate::labels::thresholds;
use crate::metric::{check_names, metric};
use crate::model::{load, set_dropouts, warnings, words};
use crate::prepare::{Prepared, Request, prepare};
use crate::report::write_report;
use crate::report_to::Reporters;
use crate::review::Reader;
use crate::session::Shared;
use crate::tiles::choose_tiles;
use crate::{SessionError, saved};

/// How often a screen hears of the steps.
const LIVE: Duration = Duration::from_secs(1);

/// Does everything, telling it to `shared`.
pub(crate) async fn drive(config: RunConfig, shared: Rc<Shared>) -> Result<(), SessionError> {
    config.validate()?;
    let told = config.clone();
    let RunConfig {
        model: model_args,
        data,
        training,
    } = config;
    let task = task(&data)?;
    check_names(data.metric_name.as_deref())?;
    // Before any work, as far as it can be told yet.
    let output_dir = Path::new(&training.output_dir);
    let folder = OutputFolder::take_existing(output_dir)?;
    if training.do_train {
        check_base_model(&training, Path::new(&model_args.model_name_or_path))?;
        check_output_dir(&training)?;
    }
    let mut devices = open_all(&training).await?;
    let device = devices.remove(0);
    if shared.ranks.borrow().is_some() {
        // Of the others, each is another rank's.
        devices.clear();
    }
    let (model_files, tokenizer_files) = model_files(&model_args, &shared).await?;
    // Read before the data: what is wrong here shows at once.
    let mut config = AutoConfig::from_pretrained(&model_files)?;
    set_dropouts(&mut config, &model_args)?;
    if training.do_train {
        let frozen = config.freeze(&frozen(&training));
        frozen.map_err(SessionError::Arguments)?;
    }
    let request = Request {
        data: data.clone(),
        dataset: dataset(&data, model_args.cache_dir.as_deref(), task, &shared).await?,
        training: training.clone(),
        task,
        config: config.clone(),
        tokenizer: tokenizer_files.clone(),
    };
    let prepared = background(&shared, move |emit| prepare(request, emit)).await?;
    let Prepared {
        train,
        eval,
        test,
        labels,
        text,
        tokenizer,
        options,
        collator,
        ready,
        warnings: notes,
    } = prepared;
    shared.emit(Event::DatasetReady(ready)).await;
    let metric = metric(data.metric_name.as_deref(), task, &labels)?;
    if training.do_train {
        check_task(&training, labels.task())?;
    }
    for device in std::iter::once(&device).chain(&devices) {
        choose_tiles(device, &training, train.as_ref(), &config, &shared).await?;
    }
    for message in notes {
        shared.emit(Event::Warning { message }).await;
    }
    if training.do_train {
        let set = config.set_head(labels.task(), labels.names());
        set.map_err(SessionError::Arguments)?;
        config.set_trained_columns(&labels.source().trained_on(text.names()));
    }
    if let Some(threshold) = &data.threshold
        && let Some(given) = thresholds(threshold, labels.names())?
    {
        config.set_thresholds(&given);
    }
    let splits = eval.iter().chain(&test).map(|split| &split.rows);
    let words = words(train.as_ref(), splits, collator.pad_token_id);
    if let Some(rows) = &train {
        let evaluated = eval.first().map(|split| &split.rows);
        let model = (&config, &words);
        let all: Vec<&ComputeDevice> = std::iter::once(&device).chain(&devices).collect();
        let (warning, parts) = check_memory(model, rows, evaluated, &training, &all)?;
        shared.parts.set(shared.parts.get().max(parts));
        if let Some(message) = warning {
            shared.emit(Event::Warning { message }).await;
        }
    }
    let is_new = folder.is_none();
    let folder = match folder {
        Some(folder) => folder,
        None => OutputFolder::take(output_dir)?,
    };
    if training.do_train {
        check_base_model(&training, &model_files)?;
        if is_new {
            // Another run may have been quicker.
            check_output_dir(&training)?;
        }
    }
    let drawn = (training.seed, words);
    let head = config.spec().classifier_names();
    let (model, mut report) = load(&model_files, config, &model_args, drawn, &device)?;
    // A head that this run trains is no cause for concern.
    let (new, others) = std::mem::take(&mut report.newly_initialized)
        .into_iter()
        .partition(|name| training.do_train && head.contains(name));
    report.newly_initialized = others;
    shared.new_parameters.replace(new);
    let class = model.config.class();
    for message in warnings(&report, &class, &model_args.model_name_or_path) {
        shared.emit(Event::Warning { message }).await;
    }
    let names = Names {
        model: model_args.model_name_or_path.clone(),
        dataset: dataset_name(&data),
        config: data.dataset_config_name.clone(),
        task: task.map(|task| task.as_str().to_owned()),
    };
    let mut trainer = Trainer::new(model, training, collator)
        .metric(metric)
        .names(names)
        .tokenizer_files(tokenizer_files)
        .output_folder(folder)
        .live(LIVE)
        .parts(shared.parts.get());
    if let Some(ranks) = shared.ranks.take() {
        let own = Greeting::new(&told, trainer.model.device());
        trainer = trainer.replicas(Replicas::over(ranks, &own)?);
    } else if !devices.is_empty() {
        trainer = trainer.replicas(Replicas::in_threads(devices)?);
    }
    if let Some(split) = eval.first() {
        trainer = trainer.eval_dataset(&split.name, split.rows.clone());
    }
    let mut reporters = Reporters::new(&trainer.args);
    let mut done = done(&trainer, None);
    let mut last_evaluation = None;
    if let Some(rows) = train {
        let count = rows.len();
        trainer = trainer.train_dataset(rows);
        let output = train_to_end(&mut trainer, &mut reporters, &told, &shared).await?;
        done = self::done(&trainer, Some(&output));
        if output.stopped {
            shared.emit(Event::Done(done)).await;
            return Ok(());
        }
        last_evaluation = output.last_evaluation.clone();
        if data.threshold == Some(Threshold::Tune)
            && let Some(split) = eval.first()
        {
            tune_thresholds(&mut trainer, &split.rows, &shared).await?;
            last_evaluation = None;
        }
        save_training(&trainer, &output, count, &shared).await?;
        saved::keep(&told)?;
    }
    let reader = Reader {
        labels: &labels,
        text: &text,
        tokenizer: &tokenizer,
        options: &options,
    };
    let mut reviews = Vec::new();
    if trainer.args.evaluates() {
        reviews = evaluate_at_end(&mut trainer, &eval, last_evaluation, &reader, &shared).await?;
    }
    predict_at_end(&mut trainer, &test, &reader, &shared).await?;
    if let Some(message) = reporters.tell(&trainer.state) {
        shared.emit(Event::Warning { message }).await;
    }
    write_report(&trainer, &told, &done, &reviews, &shared).await;
    shared.emit(Event::Done(done)).await;
    Ok(())
}

/// Gives the model the thresholds with the best F1 on these rows.
async fn tune_thresholds(
    trainer: &mut Trainer,
    rows: &TokenizedDataset,
    shared: &Shared,
) -> Result<(), SessionError> {
    let found = pass(trainer, rows, shared).await?;
    let labels = found.label_ids.unwrap_or_default();
    let labels: Vec<bool> = labels.iter().map(|label| *label == 1.0).collect();
    let probabilities = sigmoid(&found.logits);
    let thresholds = best_thresholds(&probabilities, &labels, found.num_labels)?;
    trainer.model.config.set_thresholds(&thresholds);
    Ok(())
}

async fn train_to_end(
    trainer: &mut Trainer,
    reporters: &mut Reporters,
    told: &RunConfig,
    shared: &Shared,
) -> Result<TrainOutput, SessionError> {
    let resume = trainer.args.resume_from_checkpoint.clone();
    let mut run = trainer.start(&resume)?;
    reporters.skip(run.state());
    loop {
        if let Some(command) = shared.steering.take_stop() {
            run.command(command);
        }
        let next = run.next().await?;
        if let Some(message) = reporters.tell(run.state()) {
            shared.emit(Event::Warning { message }).await;
        }
        match next {
            Some(mut event) => {
                if matches!(event, Event::Checkpoint { .. }) {
                    saved::keep(told)?;
                }
                if let Event::RunStarted(run) = &mut event {
                    run.new_parameters = shared.new_parameters.take();
                }
                shared.emit(event).await;
            }
            None => return Ok(run.into_output()),
        }
    }
}

fn dataset_name(data: &DataArguments) -> String {
    let named = [
        &data.dataset_name,
        &data.train_file,
        &data.validation_file,
        &data.test_file,
    ];
    let first = named.into_iter().flatten().next();
    first
        .or(data.task_name.as_ref())
        .cloned()
        .unwrap_or_default()
}

fn done(trainer: &Trainer, output: Option<&TrainOutput>) -> Done {
    let output_dir = trainer.args.output_dir.clone();
    match output {
        Some(output) => Done {
            output_dir,
            step: output.global_step,
            epoch: output.epoch,
            train_loss: output.training_loss,
            train_runtime: output.train_runtime,
            train_samples_per_second: output.train_samples_per_second,
            train_steps_per_second: output.train_steps_per_second,
            best_metric: output.best_metric,
            best_model_checkpoint: output.best_model_checkpoint.clone(),
            stopped: output.stopped,
        },
        None => Done {
            output_dir,
            step: 0,
            epoch: 0.0,
            train_loss: f64::NAN,
            train_runtime: 0.0,
            train_samples_per_second: 0.0,
            train_steps_per_second: 0.0,
            best_metric: None,
            best_model_checkpoint: None,
            stopped: false,
        },
    }
}
