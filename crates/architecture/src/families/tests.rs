//! Every family's tensors by name, and what a family refuses.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::HashSet;

use serde_json::json;

use super::{families, names};
use crate::{ModelConfig, Positions, Task};

fn config(text: serde_json::Value) -> Result<ModelConfig, String> {
    ModelConfig::from_json(&text.to_string())
}

/// Every family by its defaults, but small.
fn small(model_type: &str) -> ModelConfig {
    let text = json!({
        "model_type": model_type, "vocab_size": 50, "hidden_size": 8, "dim": 8, "num_hidden_layers": 2,
        "n_layers": 2, "num_attention_heads": 2, "n_heads": 2, "intermediate_size": 16, "hidden_dim": 16,
        "max_position_embeddings": 12, "pad_token_id": 1,
    });
    config(text).unwrap_or_else(|message| panic!("{model_type}: {message}"))
}

#[test]
fn every_family_has_a_name_once_and_is_read_by_it() {
    let types: HashSet<&str> = families().iter().map(|one| one.model_type).collect();
    assert_eq!(types.len(), families().len());
    for family in families() {
        let config = small(family.model_type);
        assert_eq!(config.family(), family);
        let ending = "ForSequenceClassification";
        assert_eq!(config.class(), format!("{}{ending}", family.class_name));
        assert!(names().contains(family.model_type));
    }
}

#[test]
fn no_tensor_is_declared_twice_and_the_encoders_begin_with_the_prefix() {
    for family in families() {
        let mut config = small(family.model_type);
        for task in Task::ALL {
            let labels = ["a", "b"].map(str::to_owned);
            config.set_head(task, &labels).unwrap();
            let spec = config.spec();
            let head = spec.head_names();
            let mut seen = HashSet::new();
            for part in spec.declarations().into_iter().flat_map(|one| one.parts) {
                assert!(seen.insert(part.name.clone()), "{} twice", part.name);
                let is_encoder = !head.contains(&part.name);
                assert!(
                    !is_encoder || part.name.starts_with(family.prefix),
                    "{}",
                    part.name
                );
            }
            assert!(spec.classifier_names().is_subset(&head));
            let read = ModelConfig::from_json(&config.to_json()).unwrap();
            assert_eq!(read.task(), task, "{}", config.to_json());
            assert_eq!(&read, &config);
        }
    }
}

#[test]
fn dropouts_are_set_by_the_familys_own_names() {
    for family in families() {
        let mut config = small(family.model_type);
        config.set_dropout(0.25).unwrap();
        let spec = config.spec();
        let found = [
            spec.embeddings.dropout,
            spec.layers[0].attention.dropout,
            spec.head.dropout,
        ];
        assert_eq!(found, [0.25; 3], "{}", family.model_type);
        let message = config.set_dropout_field("no_dropout", 0.1).unwrap_err();
        assert!(message.contains(family.dropouts[0]), "{message}");
    }
}

#[test]
fn layers_of_albert_share_their_tensors() {
    let spec = |layers: usize| {
        let text = json!({
            "model_type": "albert", "hidden_size": 8, "embedding_size": 4, "num_attention_heads": 2,
            "intermediate_size": 16, "num_hidden_layers": layers,
        });
        config(text).unwrap().spec().clone()
    };
    assert_eq!(spec(12).layers.len(), 12);
    assert_eq!(spec(12).num_parameters(), spec(1).num_parameters());
}

#[test]
fn positions_that_are_counted_leave_room_for_the_padding_tokens() {
    let spec = small("roberta").spec().clone();
    assert_eq!(spec.longest, 10);
    assert_eq!(spec.embeddings.positions, Positions::AfterPadding(1));
    assert_eq!(small("bert").spec().longest, 12);
}

#[test]
fn distances_have_the_buckets_of_transformers() {
    let spec = small("mpnet").spec().clone();
    let crate::Relative::Bias(bias) = spec.relative else {
        panic!("MPNet has a bias")
    };
    let offsets = [0, 1, 7, 8, 11, 12, 16, 64, 127, 128, 500];
    let past = offsets.map(|offset| bias.bucket(offset));
    assert_eq!(past, [0, 1, 7, 8, 8, 9, 10, 14, 15, 15, 15]);
    let coming = offsets.map(|offset| bias.bucket(-offset));
    assert_eq!(coming, [0, 17, 23, 24, 24, 25, 26, 30, 31, 31, 31]);

    let text = json!({
        "model_type": "deberta-v2", "hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 16,
        "num_hidden_layers": 1, "relative_attention": true, "position_buckets": 256,
        "max_position_embeddings": 512, "pos_att_type": "p2c|c2p",
    });
    let spec = config(text).unwrap().spec().clone();
    let crate::Relative::Disentangled(positions) = spec.relative else {
        panic!("DeBERTa has disentangled attention")
    };
    let rows = [0, 1, 128, 129, 200, 300, 511].map(|offset| positions.row(offset));
    assert_eq!(rows, ROWS);
    let rows = [-1, -128, -129, -511].map(|offset| positions.row(offset));
    assert_eq!(rows, ROWS_BEFORE);
}

/// `make_log_bucket_position` of transformers 5.23, 256 buckets over 512 positions, and 256 more.
const ROWS: [u32; 7] = [256, 257, 384, 385, 425, 463, 511];
const ROWS_BEFORE: [u32; 4] = [255, 128, 127, 1];

#[test]
fn what_a_family_cannot_be_is_told() {
    for (text, part) in [
        (json!({"model_type": "gpt2"}), "these are: bert, distilbert"),
        (
            json!({"model_type": "bert", "hidden_act": "mish"}),
            "hidden_act 'mish'",
        ),
        (
            json!({"model_type": "bert", "position_embedding_type": "relative_key"}),
            "position_embedding_type 'relative_key'",
        ),
        (
            json!({"model_type": "distilbert", "dim": 10}),
            "dim 10 must be a multiple of 4",
        ),
        (
            json!({"model_type": "roberta", "pad_token_id": null}),
            "pad_token_id is null",
        ),
        (
            json!({"model_type": "mpnet", "relative_attention_num_buckets": 8}),
            "relative_attention_num_buckets is 8",
        ),
        (
            json!({"model_type": "deberta-v2", "conv_kernel_size": 4}),
            "conv_kernel_size is 4",
        ),
        (
            json!({"model_type": "deberta-v2", "pos_att_type": 3}),
            "pos_att_type is 3",
        ),
        (
            json!({"model_type": "modernbert", "classifier_pooling": "max"}),
            "classifier_pooling is 'max'",
        ),
        (
            json!({"model_type": "modernbert", "layer_types": ["full_attention"]}),
            "for layer 1",
        ),
        (
            json!({"model_type": "modernbert", "rope_parameters": {"full_attention": {"rope_type": "yarn"}}}),
            "type 'yarn'",
        ),
        (
            json!({"model_type": "bert", "problem_type": "ranking"}),
            "problem_type \"ranking\"",
        ),
    ] {
        let message = config(text.clone()).unwrap_err();
        assert!(
            message.contains(part),
            "{part:?} is not in {message}: {text}"
        );
    }
}
