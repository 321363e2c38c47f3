//! Arguments that people bring along from transformers and that mean nothing here, so that each is told
//! from a typing error.

/// Fields of transformers' `TrainingArguments` (5.23, and those that 4 had besides) that Tunesmith doesn't
/// support. Those with a value that can be taken are not here but in `json.rs`.
const TRAINING_ARGUMENTS: &[&str] = &[
    "accelerator_config",
    "activation_checkpointing",
    "activation_checkpointing_kwargs",
    "adafactor",
    "average_tokens_across_devices",
    "batch_eval_metrics",
    "dataloader_in_order",
    "dataloader_multiprocessing_context",
    "dataloader_num_workers",
    "dataloader_persistent_workers",
    "dataloader_pin_memory",
    "dataloader_prefetch_factor",
    "ddp_backend",
    "ddp_broadcast_buffers",
    "ddp_bucket_cap_mb",
    "ddp_find_unused_parameters",
    "ddp_static_graph",
    "ddp_timeout",
    "debug",
    "deepspeed",
    "disable_tqdm",
    "dispatch_batches",
    "enable_jit_checkpoint",
    "eval_accumulation_steps",
    "eval_delay",
    "eval_do_concat_batches",
    "eval_on_start",
    "eval_use_gather_object",
    "fp16_backend",
    "fp16_opt_level",
    "fsdp",
    "fsdp_config",
    "fsdp_min_num_params",
    "fsdp_transformer_layer_cls_to_wrap",
    "gradient_checkpointing_kwargs",
    "half_precision_backend",
    "hub_always_push",
    "hub_model_id",
    "hub_private_repo",
    "hub_revision",
    "hub_strategy",
    "hub_token",
    "ignore_data_skip",
    "include_for_metrics",
    "include_inputs_for_metrics",
    "include_num_input_tokens_seen",
    "include_tokens_per_second",
    "jit_mode_eval",
    "label_names",
    "length_column_name",
    "liger_kernel_config",
    "local_rank",
    "log_level",
    "log_level_replica",
    "log_on_each_node",
    "logging_dir",
    "logging_nan_inf_filter",
    "mp_parameters",
    "neftune_noise_alpha",
    "no_cuda",
    "optim_args",
    "optim_target_modules",
    "parallelism_config",
    "past_index",
    "prediction_loss_only",
    "project",
    "push_to_hub",
    "push_to_hub_model_id",
    "push_to_hub_organization",
    "push_to_hub_token",
    "ray_scope",
    "remove_unused_columns",
    "restore_callback_states_from_checkpoint",
    "run_name",
    "save_on_each_node",
    "save_only_model",
    "save_safetensors",
    "skip_memory_metrics",
    "split_batches",
    "tf32",
    "torch_compile",
    "torch_compile_backend",
    "torch_compile_mode",
    "torch_empty_cache_steps",
    "torchdynamo",
    "tpu_metrics_debug",
    "tpu_num_cores",
    "trackio_bucket_id",
    "trackio_space_id",
    "trackio_static_space_id",
    "train_sampling_strategy",
    "use_cache",
    "use_cpu",
    "use_ipex",
    "use_legacy_prediction_loop",
    "use_liger_kernel",
    "use_mps_device",
    "xpu_backend",
];

/// Arguments of the scripts run_glue and run_classification, beside those of `TrainingArguments`.
const SCRIPT_ARGUMENTS: &[&str] = &[
    "config_name",
    "do_regression",
    "remove_columns",
    "remove_splits",
    "shuffle_seed",
    "shuffle_train_dataset",
    "test_split_name",
    "text_column_delimiter",
    "token",
    "train_split_name",
    "trust_remote_code",
    "use_auth_token",
    "use_fast_tokenizer",
    "validation_split_name",
];

/// What does here what an argument does there.
const INSTEAD: &[(&str, &str)] = &[
    ("hub_token", "set HF_TOKEN to download with a token"),
    ("no_cuda", "use device cpu"),
    (
        "push_to_hub",
        "upload the output folder afterwards (hf upload)",
    ),
    ("token", "set HF_TOKEN to download with a token"),
    ("train_sampling_strategy", "use group_by_length"),
    ("use_auth_token", "set HF_TOKEN to download with a token"),
    ("use_cpu", "use device cpu"),
];

/// What to say of an argument that only transformers has; `None` for any other.
pub(super) fn sentence(name: &str) -> Option<String> {
    let is_among = |names: &[&str]| names.contains(&name);
    let of = if is_among(TRAINING_ARGUMENTS) {
        "a field of transformers' TrainingArguments"
    } else if is_among(SCRIPT_ARGUMENTS) {
        "an argument of transformers' example scripts"
    } else {
        return None;
    };
    let instead = INSTEAD.iter().find(|(other, _)| *other == name);
    let hint = instead.map_or("remove it", |(_, instead)| instead);
    Some(format!("{of} that Tunesmith doesn't support yet: {hint}"))
}

/// All names that have a [`sentence`].
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TRAINING_ARGUMENTS.iter().chain(SCRIPT_ARGUMENTS).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RunConfig;

    #[test]
    fn no_name_is_listed_that_can_be_set() {
        let keys = RunConfig::keys();
        for name in names() {
            assert!(!keys.iter().any(|key| key == name), "{name} can be set");
        }
        for (name, _) in INSTEAD {
            assert!(names().any(|listed| listed == *name), "{name}");
        }
    }

    /// The fields of transformers 5.23.0, by
    /// `[f.name for f in dataclasses.fields(transformers.TrainingArguments)]`.
    const FIELDS: &str = "output_dir per_device_train_batch_size num_train_epochs max_steps learning_rate lr_scheduler_type lr_scheduler_kwargs warmup_steps optim optim_args weight_decay adam_beta1 adam_beta2 adam_epsilon optim_target_modules gradient_accumulation_steps average_tokens_across_devices max_grad_norm label_smoothing_factor bf16 fp16 bf16_full_eval fp16_full_eval tf32 activation_checkpointing activation_checkpointing_kwargs gradient_checkpointing gradient_checkpointing_kwargs torch_compile torch_compile_backend torch_compile_mode use_liger_kernel liger_kernel_config use_cache neftune_noise_alpha torch_empty_cache_steps auto_find_batch_size logging_strategy logging_steps logging_first_step log_on_each_node logging_nan_inf_filter include_num_input_tokens_seen log_level log_level_replica disable_tqdm report_to run_name project trackio_space_id trackio_bucket_id trackio_static_space_id eval_strategy eval_steps eval_delay per_device_eval_batch_size prediction_loss_only eval_on_start eval_do_concat_batches eval_use_gather_object eval_accumulation_steps include_for_metrics batch_eval_metrics save_only_model save_strategy save_steps save_on_each_node save_total_limit enable_jit_checkpoint push_to_hub hub_token hub_private_repo hub_model_id hub_strategy hub_always_push hub_revision load_best_model_at_end metric_for_best_model greater_is_better ignore_data_skip restore_callback_states_from_checkpoint full_determinism seed data_seed use_cpu accelerator_config parallelism_config dataloader_drop_last dataloader_num_workers dataloader_pin_memory dataloader_persistent_workers dataloader_prefetch_factor dataloader_multiprocessing_context dataloader_in_order remove_unused_columns label_names train_sampling_strategy length_column_name ddp_find_unused_parameters ddp_bucket_cap_mb ddp_broadcast_buffers ddp_static_graph ddp_backend ddp_timeout fsdp fsdp_config deepspeed debug skip_memory_metrics do_train do_eval do_predict resume_from_checkpoint local_rank";

    #[test]
    fn every_field_of_training_arguments_is_known_or_told() {
        for name in FIELDS.split(' ') {
            let given = [(name.to_owned(), "not a value of it".into())];
            let Err(error) = RunConfig::from_map(given.into_iter().collect()) else {
                continue;
            };
            let message = error.to_string();
            assert!(!message.contains("there is no such argument"), "{message}");
        }
    }
}
