"""What Tunesmith fine-tuned loads in Python's transformers and gives the same logits.

`cargo xtask test --python` runs it on one folder for each kind of task. There lie `model`, as `tunesmith
train` wrote it, `texts.jsonl` (`text`, and `text_pair` for pairs), what `tunesmith predict` made of them
in `predictions.jsonl`, and `expected.json`: the names of the classes by id, none for a regression.
"""

import json
import math
import sys
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

# float32 sums of another order; a wrong weight or token changes a logit by far more.
TOLERANCE = 1e-4


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def check_config(config, labels):
    """The configuration says what was learned."""
    if labels:
        assert config.problem_type == "single_label_classification", config.problem_type
        assert config.id2label == dict(enumerate(labels)), config.id2label
        assert config.label2id == {label: number for number, label in enumerate(labels)}, config.label2id
    else:
        assert config.problem_type == "regression", config.problem_type
        assert config.num_labels == 1, config.num_labels


def check_answer(prediction, expected, labels):
    """The label and the scores that were told are those of the logits."""
    scores = torch.softmax(expected, dim=0).tolist() if labels else expected.tolist()
    assert len(prediction["scores"]) == len(scores), prediction
    for got, score in zip(prediction["scores"], scores):
        assert math.isclose(got, score, abs_tol=TOLERANCE), f"scores {prediction['scores']}, expected {scores}"
    if labels:
        best = labels.index(prediction["label"])
        assert scores[best] >= max(scores) - TOLERANCE, f"{prediction['label']}, scores {scores}"


def main(folder):
    labels = json.loads((folder / "expected.json").read_text())["labels"]
    texts, predictions = lines(folder / "texts.jsonl"), lines(folder / "predictions.jsonl")
    assert texts, "no text to compare"
    assert len(texts) == len(predictions), f"{len(texts)} texts, {len(predictions)} predictions"

    model, info = AutoModelForSequenceClassification.from_pretrained(folder / "model", output_loading_info=True)
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not info[what], f"transformers reports {what}: {info[what]}"
    check_config(model.config, labels)
    model.eval()
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    limit = model.config.max_position_embeddings

    worst, all_logits = 0.0, []
    for row, (text, prediction) in enumerate(zip(texts, predictions)):
        # One at a time: padding, which must not change a logit, is Tunesmith's alone.
        inputs = tokenizer(
            text["text"], text.get("text_pair"), truncation=True, max_length=limit, return_tensors="pt"
        )
        with torch.no_grad():
            expected = model(**inputs).logits[0]
        got = torch.tensor(prediction["logits"], dtype=torch.float32)
        assert got.shape == expected.shape, f"row {row}: {got.shape} logits, expected {expected.shape}"
        difference = (got - expected).abs().max().item()
        assert difference <= TOLERANCE, (
            f"row {row}: logits {got.tolist()}, transformers gives {expected.tolist()}"
        )
        check_answer(prediction, expected, labels)
        worst = max(worst, difference)
        all_logits.append(expected)
    # Rows that got the same answer whatever they say would compare nothing.
    spread = torch.stack(all_logits).std(dim=0).max().item()
    assert spread > 10 * TOLERANCE, f"all rows have nearly the same logits: they spread by {spread:.1e}"
    print(f"test_roundtrip: {folder.name}, {len(texts)} texts, logits equal to {worst:.1e}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
