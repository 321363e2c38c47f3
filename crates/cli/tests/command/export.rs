//! `tunesmith export`; that what it writes is right, onnxruntime and transformers.js say in lanes of their own.

use std::fs;

use crate::support::{Scratch, contains};

#[test]
fn a_model_is_exported_as_files_for_each_type() {
    let scratch = Scratch::ready();
    let told = scratch
        .run("export --model model --onnx --dtype fp32,fp16,q8")
        .ok();
    contains(
        &told,
        &[
            "model/onnx/model.onnx  ",
            "model/onnx/model_fp16.onnx  ",
            "model/onnx/model_quantized.onnx  ",
        ],
    );
    let size = |name: &str| {
        let path = scratch.path("model").join("onnx").join(name);
        fs::metadata(path).unwrap().len()
    };
    assert!(size("model_fp16.onnx") < size("model.onnx"));
}

#[test]
fn what_cannot_be_exported_is_told() {
    let scratch = Scratch::ready();
    let refused = scratch.run("export --model model --onnx --dtype int4");
    assert_eq!(refused.code, Some(2), "{refused:#?}");
    contains(&refused.stderr, &["fp32, fp16, q8"]);
    fs::remove_file(scratch.path("model").join("model.safetensors")).unwrap();
    let message = scratch.run("export --model model --onnx").error();
    contains(&message, &["model has no weights"]);
}
