//! Arguments of transformers that have nothing to set here. Each is a row: the values that mean what is done anyway,
//! and what to say of any other. So a file that transformers wrote can be read, and what it asks for is either done or
//! refused by name.

use serde_json::Value;

use Takes::{Any, Only};

/// An argument that can be given and not changed.
pub(super) struct Fixed {
    pub(super) name: &'static str,
    takes: Takes,
    /// Why no other value is taken, and what to use instead.
    reason: &'static str,
}

/// The values that are taken.
enum Takes {
    /// These, written as JSON.
    Only(&'static [&'static str]),
    /// All: none changes anything here.
    Any,
}

const fn only(name: &'static str, values: &'static [&'static str], reason: &'static str) -> Fixed {
    Fixed {
        name,
        takes: Only(values),
        reason,
    }
}

const fn any(name: &'static str, reason: &'static str) -> Fixed {
    Fixed {
        name,
        takes: Any,
        reason,
    }
}

impl Fixed {
    /// The row of this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        FIXED.iter().find(|fixed| fixed.name == name)
    }

    /// What is wrong with a value; `null` is always taken.
    pub(super) fn problem(&self, value: &Value) -> Option<String> {
        let is_taken = |values: &[&str]| {
            let read = values.iter().map(|text| serde_json::from_str(text));
            read.into_iter()
                .flatten()
                .any(|taken: Value| taken == *value)
        };
        match self.takes {
            _ if value.is_null() => None,
            Any => None,
            Only(values) if is_taken(values) => None,
            Only(_) => Some(format!("{}; got {value}", self.reason)),
        }
    }
}

/// Their names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FIXED.iter().map(|fixed| fixed.name)
}

const NO: &[&str] = &["false"];
const YES: &[&str] = &["true"];
const NONE: &[&str] = &[];
const EITHER: &[&str] = &["true", "false"];

const HALF: &str = "there is one way to train with halves: use fp16";
const COMPILED: &str = "kernels are compiled ahead: leave it out";
const SHARDED: &str = "a model lies on each device whole (devices trains on several): leave it out";
const DEVICES: &str = "devices are told apart by devices, not by torch: leave it out";
const UPLOAD: &str = "nothing is uploaded: upload the output folder afterwards (hf upload)";
const TOKEN: &str = "a token stays out of arguments and files: set HF_TOKEN to download with one";
const TPU: &str = "TPUs are not supported: leave it out";
const LOADER: &str = "rows are read and collated beside the device's work, in their order";
const TRACKIO: &str = "nothing is reported to Trackio: use report_to (tensorboard, csv), or read the event stream (--events FILE)";
const OPTIM: &str = "the optimizer is AdamW (adamw_torch)";

/// Fields of `TrainingArguments` of transformers 5.23, then those that 4 had besides, then arguments of run_glue and
/// run_classification; each without those that can be set.
const FIXED: &[Fixed] = &[
    only(
        "optim",
        &["\"adamw_torch\"", "\"adamw_torch_fused\""],
        OPTIM,
    ),
    only("optim_args", &["\"\""], OPTIM),
    only(
        "optim_target_modules",
        NONE,
        "GaLore and its kin are not supported: leave it out",
    ),
    only(
        "average_tokens_across_devices",
        YES,
        "the loss of a step is the mean over all devices: leave it out",
    ),
    only(
        "bf16",
        NO,
        "WGSL, the language of GPU programs here, has no bfloat16: use fp16",
    ),
    only(
        "bf16_full_eval",
        NO,
        "WGSL, the language of GPU programs here, has no bfloat16: use fp16_full_eval",
    ),
    only(
        "tf32",
        NO,
        "products are in float32 or, with fp16, of halves: leave it out",
    ),
    any(
        "activation_checkpointing_kwargs",
        "each layer keeps its input",
    ),
    any(
        "gradient_checkpointing_kwargs",
        "each layer keeps its input",
    ),
    only("torch_compile", NO, COMPILED),
    only("torch_compile_backend", NONE, COMPILED),
    only("torch_compile_mode", NONE, COMPILED),
    only(
        "use_liger_kernel",
        NO,
        "the kernels are Tunesmith's own: leave it out",
    ),
    only(
        "liger_kernel_config",
        NONE,
        "the kernels are Tunesmith's own: leave it out",
    ),
    only(
        "use_cache",
        NO,
        "an encoder has no cache of keys and values: leave it out",
    ),
    only(
        "neftune_noise_alpha",
        NONE,
        "NEFTune is not supported: leave it out",
    ),
    any("torch_empty_cache_steps", "memory is given back without it"),
    any("log_on_each_node", "rank 0 logs"),
    any("log_level_replica", "rank 0 logs"),
    any(
        "logging_nan_inf_filter",
        "a loss that is no number ends the run",
    ),
    only("project", &["\"huggingface\""], TRACKIO),
    only("trackio_space_id", &["\"trackio\""], TRACKIO),
    only("trackio_bucket_id", NONE, TRACKIO),
    only("trackio_static_space_id", NO, TRACKIO),
    only(
        "prediction_loss_only",
        NO,
        "evaluations measure metrics too: name those you want (metric_name)",
    ),
    any("eval_do_concat_batches", "predictions are one list"),
    any(
        "eval_use_gather_object",
        "each device's predictions are gathered",
    ),
    any(
        "eval_accumulation_steps",
        "predictions go to the host batch by batch",
    ),
    only(
        "include_for_metrics",
        &["[]"],
        "metrics are given logits and labels: leave it out",
    ),
    any("batch_eval_metrics", "metrics are added up batch by batch"),
    only("save_on_each_node", NO, "rank 0 saves: leave it out"),
    only(
        "enable_jit_checkpoint",
        NO,
        "SIGTERM saves without it: leave it out",
    ),
    only("push_to_hub", NO, UPLOAD),
    only("hub_token", &["\"<HUB_TOKEN>\""], TOKEN),
    only("hub_private_repo", NONE, UPLOAD),
    only("hub_model_id", NONE, UPLOAD),
    only("hub_strategy", &["\"every_save\""], UPLOAD),
    only("hub_always_push", NO, UPLOAD),
    only("hub_revision", NONE, UPLOAD),
    any(
        "ignore_data_skip",
        "a resumed run knows its place in the data, and skips over nothing",
    ),
    any(
        "restore_callback_states_from_checkpoint",
        "a resumed run always goes on with them",
    ),
    only("full_determinism", EITHER, "expected true or false"),
    only(
        "accelerator_config",
        &[
            "{}",
            r#"{"split_batches": false, "dispatch_batches": null, "even_batches": true,
                "use_seedable_sampler": true, "non_blocking": false, "gradient_accumulation_kwargs": null}"#,
        ],
        "batches are shared out as accelerate does by default: leave it out",
    ),
    only("parallelism_config", NONE, SHARDED),
    any("dataloader_num_workers", LOADER),
    any("dataloader_pin_memory", LOADER),
    any("dataloader_persistent_workers", LOADER),
    any("dataloader_prefetch_factor", LOADER),
    any("dataloader_multiprocessing_context", LOADER),
    only(
        "dataloader_in_order",
        YES,
        "batches come in their order: leave it out",
    ),
    any("remove_unused_columns", "other columns are not read"),
    only(
        "label_names",
        &["[]", "[\"labels\"]", "[\"label\"]"],
        "the labels are one input: name their column with label_column_name",
    ),
    any(
        "length_column_name",
        "lengths are counted as rows are tokenized",
    ),
    any("ddp_find_unused_parameters", DEVICES),
    any("ddp_bucket_cap_mb", DEVICES),
    any("ddp_broadcast_buffers", DEVICES),
    any("ddp_static_graph", DEVICES),
    only("ddp_backend", NONE, DEVICES),
    any("ddp_timeout", DEVICES),
    only("fsdp", &["\"\"", "[]"], SHARDED),
    only(
        "fsdp_config",
        &[
            "{}",
            r#"{"min_num_params": 0, "xla": false, "xla_fsdp_v2": false, "xla_fsdp_grad_ckpt": false}"#,
        ],
        SHARDED,
    ),
    only("deepspeed", NONE, SHARDED),
    only(
        "debug",
        &["\"\"", "[]"],
        "torch's debug modes are not supported: leave it out",
    ),
    only(
        "skip_memory_metrics",
        YES,
        "memory is not measured: tunesmith doctor estimates it",
    ),
    only(
        "local_rank",
        &["-1", "0"],
        "mpirun tells each process its rank: leave it out",
    ),
    // Those of transformers 4.
    only("adafactor", NO, OPTIM),
    any("ddp_timeout_seconds", DEVICES),
    only(
        "dispatch_batches",
        NONE,
        "batches are shared out as accelerate does by default: leave it out",
    ),
    only("fp16_backend", &["\"auto\""], HALF),
    only("fp16_opt_level", &["\"O1\""], HALF),
    only("fsdp_min_num_params", &["0"], SHARDED),
    only("fsdp_transformer_layer_cls_to_wrap", NONE, SHARDED),
    only("half_precision_backend", &["\"auto\""], HALF),
    only(
        "include_inputs_for_metrics",
        NO,
        "metrics are given logits and labels: leave it out",
    ),
    only(
        "include_tokens_per_second",
        NO,
        "speeds are of rows and steps: leave it out",
    ),
    only("jit_mode_eval", NO, COMPILED),
    only("mp_parameters", &["\"\""], DEVICES),
    only(
        "past_index",
        &["-1"],
        "an encoder has no past: leave it out",
    ),
    only("push_to_hub_model_id", NONE, UPLOAD),
    only("push_to_hub_organization", NONE, UPLOAD),
    only("push_to_hub_token", &["\"<PUSH_TO_HUB_TOKEN>\""], TOKEN),
    only(
        "ray_scope",
        &["\"last\""],
        "Ray is not supported: leave it out",
    ),
    only(
        "save_safetensors",
        YES,
        "weights are saved as safetensors: leave it out",
    ),
    only(
        "split_batches",
        NO,
        "batches are shared out as accelerate does by default: leave it out",
    ),
    only("torchdynamo", NONE, COMPILED),
    only("tpu_metrics_debug", NO, TPU),
    only("tpu_num_cores", NONE, TPU),
    only(
        "use_ipex",
        NO,
        "the CPU's kernels are Tunesmith's own: leave it out",
    ),
    only(
        "use_legacy_prediction_loop",
        NO,
        "there is one way to predict: leave it out",
    ),
    only("use_mps_device", NO, "use device gpu"),
    only("xpu_backend", NONE, DEVICES),
    // Those of the example scripts.
    only(
        "config_name",
        NONE,
        "the configuration is the model's: change its config.json, or leave it out",
    ),
    only(
        "text_column_delimiter",
        NONE,
        "two text columns are a pair: join more of them in the file",
    ),
    only("token", NONE, TOKEN),
    only(
        "trust_remote_code",
        NO,
        "no code of the Hub's is run: leave it out",
    ),
    only("use_auth_token", NO, TOKEN),
    any("use_fast_tokenizer", "there is one tokenizer"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RunConfig;

    #[test]
    fn a_name_stands_once_and_can_not_be_set_too() {
        let keys = RunConfig::keys();
        let mut all: Vec<&str> = names().collect();
        for name in &all {
            assert!(!keys.iter().any(|key| key == name), "{name} can be set");
        }
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn every_value_that_is_taken_is_json_and_each_reason_says_something() {
        for Fixed {
            name,
            takes,
            reason,
        } in FIXED
        {
            if let Only(values) = takes {
                for text in *values {
                    let value: Value = serde_json::from_str(text).unwrap_or_default();
                    assert!(!value.is_null(), "{name}: {text}");
                    let row = Fixed::named(name);
                    assert!(
                        row.is_some_and(|row| row.problem(&value).is_none()),
                        "{name}: {text}"
                    );
                }
                let problem = Fixed::named(name).and_then(|row| row.problem(&"?!".into()));
                assert!(problem.is_some_and(|text| text.contains(reason)), "{name}");
            }
            assert!(reason.len() > 10, "{name}");
        }
    }
}
