//! Where a model's files are, and the model on the device.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tunesmith::data::TokenizedDataset;
use tunesmith::kernels::ComputeDevice;
use tunesmith::model::{
    AutoConfig, LoadOptions, LoadReport, Model, ModelConfig, ModelError, Words, weights_file,
};
use tunesmith_platform::fs;
use tunesmith_protocol::ModelArguments;

use crate::SessionError;
use crate::prepare::open_tokenizer;

/// The folder that the name is, or `None` where it can be the id of a model on the hub.
pub(crate) fn local_model(name_or_path: &str) -> Result<Option<PathBuf>, SessionError> {
    let path = Path::new(name_or_path);
    if fs::is_file(path.join("config.json")) {
        return Ok(Some(path.to_owned()));
    }
    if fs::exists(path) {
        return Err(SessionError::Arguments(format!(
            "{name_or_path} has no config.json, so it is not a model's folder: one with config.json, \
             the weights (model.safetensors or pytorch_model.bin) and the tokenizer is needed"
        )));
    }
    let looks_like_a_path = path.is_absolute()
        || name_or_path.starts_with('.')
        || name_or_path.matches('/').count() > 1;
    if looks_like_a_path {
        return Err(SessionError::Arguments(format!(
            "there is no folder {name_or_path}: name a folder with config.json and \
             model.safetensors, or a model on the hub (owner/name)"
        )));
    }
    Ok(None)
}

/// Overrides the configuration's dropouts.
pub(crate) fn set_dropouts(
    config: &mut ModelConfig,
    args: &ModelArguments,
) -> Result<(), SessionError> {
    let fields = [
        ("hidden_dropout_prob", args.hidden_dropout_prob),
        (
            "attention_probs_dropout_prob",
            args.attention_probs_dropout_prob,
        ),
        ("classifier_dropout", args.classifier_dropout),
    ];
    let wrong = SessionError::Arguments;
    if let Some(p) = args.dropout {
        config.set_dropout(p as f32).map_err(wrong)?;
    }
    for (name, p) in fields {
        if let Some(p) = p {
            config.set_dropout_field(name, p as f32).map_err(wrong)?;
        }
    }
    Ok(())
}

/// Checks what a folder holds before anybody waits for a training of it: a configuration of a family that is
/// known, weights, and a tokenizer that suits both.
///
/// # Errors
/// What is missing or damaged, and what to do.
pub fn check_model(dir: &Path) -> Result<(), SessionError> {
    let config = AutoConfig::from_pretrained(dir)?;
    weights_file(dir)?;
    open_tokenizer(dir, &config)?;
    Ok(())
}

/// The words of a run's rows, and the padding's.
pub(crate) fn words<'a>(
    train: Option<&TokenizedDataset>,
    evaluated: impl Iterator<Item = &'a TokenizedDataset>,
    pad_token_id: u32,
) -> Words {
    let mut trained = train.map(TokenizedDataset::words).unwrap_or_default();
    trained.extend(train.map(|_| pad_token_id));
    let mut others: BTreeSet<u32> = evaluated.flat_map(TokenizedDataset::words).collect();
    others.insert(pad_token_id);
    Words::Of {
        trained,
        evaluated: others,
    }
}

/// Loads the weights; a head of other labels is an error that says which argument allows it.
pub(crate) fn load(
    dir: &Path,
    config: ModelConfig,
    args: &ModelArguments,
    (seed, words): (u64, Words),
    device: &ComputeDevice,
) -> Result<(Model, LoadReport), SessionError> {
    let classifier = config.spec().classifier_names();
    let options = LoadOptions {
        seed,
        words,
        new_classifier: false,
    };
    match Model::from_pretrained_with(dir, config.clone(), &options, device) {
        Err(ModelError::Shape {
            name,
            found,
            expected,
            ..
        }) if classifier.contains(&name) => {
            if args.ignore_mismatched_sizes {
                let options = LoadOptions {
                    new_classifier: true,
                    ..options
                };
                return Ok(Model::from_pretrained_with(dir, config, &options, device)?);
            }
            Err(SessionError::Arguments(format!(
                "the checkpoint {} was trained on other labels: its head ('{name}') has the shape \
                 {found:?}, and this data asks for {expected:?}. To draw a new head add \
                 --ignore_mismatched_sizes",
                args.model_name_or_path
            )))
        }
        Err(error) => {
            // A damaged copy of the hub's must not be in the way of a good one.
            tunesmith::hub::drop_damaged(dir);
            Err(error.into())
        }
        Ok(loaded) => Ok(loaded),
    }
}

/// transformers' two warnings about a checkpoint.
pub(crate) fn warnings(report: &LoadReport, class: &str, name: &str) -> Vec<String> {
    let list = |names: &[String]| {
        let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
        format!("[{}]", names.join(", "))
    };
    let mut warnings = Vec::new();
    if !report.unused.is_empty() {
        warnings.push(format!(
            "Some weights of the model checkpoint at {name} were not used when initializing \
             {class}: {}",
            list(&report.unused)
        ));
    }
    if !report.newly_initialized.is_empty() {
        warnings.push(format!(
            "Some weights of {class} were not initialized from the model \
             checkpoint at {name} and are newly initialized: {}. You should probably TRAIN this model \
             on a down-stream task to be able to use it for predictions and inference.",
            list(&report.newly_initialized)
        ));
    }
    warnings
}
