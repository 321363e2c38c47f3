"""What Tunesmith exported as ONNX gives transformers' logits in onnxruntime.

`cargo xtask test --python` runs it on the folders that `test_roundtrip.py` describes, whose `model/onnx`
`tunesmith export` has written.

Prints `passed: NAME` for each folder; ends with 1 if any failed.
"""

import json

import numpy as np
import onnx
import onnxruntime
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

from common import lines, main

# Of the largest logit: float32 sums of another order; half precision through all layers; 8 bits a weight and
# 8 bits of what a layer reads, in models so small that little of it averages out.
TOLERANCES = {"model.onnx": 1e-4, "model_fp16.onnx": 0.02, "model_quantized.onnx": 0.25}


def session(path):
    options = onnxruntime.SessionOptions()
    # Only errors: it warns of each node of half precision that it doesn't fold.
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def logits(path, inputs):
    runtime = session(path)
    wanted = [one.name for one in runtime.get_inputs()]
    assert [one.name for one in runtime.get_outputs()] == ["logits"], runtime.get_outputs()
    return runtime.run(None, {name: inputs[name].numpy() for name in wanted})[0]


def compare(folder):
    expected = json.loads((folder / "expected.json").read_text())
    tokens = expected["problem_type"] == "token_classification"
    cls = AutoModelForTokenClassification if tokens else AutoModelForSequenceClassification
    model = cls.from_pretrained(folder / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    texts = lines(folder / "texts.jsonl")
    # One batch, so that shorter texts are padded.
    pairs = [text["text_pair"] for text in texts] if "text_pair" in texts[0] else None
    limit = min(model.config.max_position_embeddings - 4, 64)
    inputs = tokenizer(
        [text["text"] for text in texts], pairs, padding=True, truncation=True, max_length=limit,
        return_token_type_ids=True, return_tensors="pt",
    )
    assert not inputs["attention_mask"].all(), "no text is padded, so padding isn't tested"
    takes = [one.name for one in session(folder / "model/onnx/model.onnx").get_inputs()]
    with torch.no_grad():
        expected = model(**{name: inputs[name] for name in takes}).logits.numpy()
    real = inputs["attention_mask"].numpy().astype(bool) if tokens else np.ones(len(texts), dtype=bool)
    expected = expected[real]
    largest = np.abs(expected).max()
    # Rows that got the same answer whatever they say would compare nothing.
    assert expected.std(axis=0).max() > 1e-3 * largest, f"all logits are nearly the same: {expected}"
    found = []
    for name, tolerance in TOLERANCES.items():
        path = folder / "model" / "onnx" / name
        onnx.checker.check_model(path, full_check=True)
        difference = np.abs(logits(path, inputs)[real] - expected).max() / largest
        assert difference <= tolerance, f"{name}: logits differ by {difference:.1e} of the largest"
        found.append(f"{difference:.0e}")
    return f"{len(expected)} logits, equal to {', '.join(found)} in fp32, fp16 and q8"


if __name__ == "__main__":
    main(compare)
