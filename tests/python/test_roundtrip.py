"""What Tunesmith fine-tuned loads in Python's transformers and gives the same logits.

`cargo xtask test --python` runs it on one folder for each kind of task and each family of models. There
lie `model`, as `tunesmith train` wrote it, `texts.jsonl` (`text`, and `text_pair` for pairs), what
`tunesmith predict` made of them in `predictions.jsonl`, and `expected.json`: the `problem_type`, and the
names of the labels by id, none for a regression.

Prints `passed: NAME` for each folder; ends with 1 if any failed.
"""

import inspect
import json
import math

import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    TokenClassificationPipeline,
)

from common import lines, main

# float32 sums of another order; a wrong weight or token changes a logit by far more.
TOLERANCE = 1e-4


def load(cls, folder):
    """The model, all of whose weights are in the file, and no others."""
    model, info = cls.from_pretrained(folder / "model", output_loading_info=True)
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not info[what], f"transformers reports {what}: {info[what]}"
    return model.eval()


def check_config(config, problem_type, labels):
    """The configuration says what was learned."""
    if problem_type != "token_classification":
        assert config.problem_type == problem_type, config.problem_type
    if labels:
        assert config.id2label == dict(enumerate(labels)), config.id2label
        assert config.label2id == {label: number for number, label in enumerate(labels)}, config.label2id
    else:
        assert config.num_labels == 1, config.num_labels


def check_answer(prediction, logits, problem_type, labels):
    """The labels and the scores that were told are those of the logits."""
    assert prediction["problem_type"] == problem_type, prediction
    if problem_type == "regression":
        assert math.isclose(prediction["score"], logits[0].item(), abs_tol=TOLERANCE), prediction
        return
    several = problem_type == "multi_label_classification"
    scores = (torch.sigmoid(logits) if several else torch.softmax(logits, dim=0)).tolist()
    assert len(prediction["scores"]) == len(scores), prediction
    for got, score in zip(prediction["scores"], scores):
        assert math.isclose(got, score, abs_tol=TOLERANCE), f"scores {prediction['scores']}, expected {scores}"
    if several:
        there = {label for label, score in zip(labels, scores) if score > 0.5}
        close = {label for label, score in zip(labels, scores) if abs(score - 0.5) < TOLERANCE}
        assert set(prediction["labels"]) - close == there - close, f"{prediction['labels']}, scores {scores}"
    else:
        best = labels.index(prediction["label"])
        assert scores[best] >= max(scores) - TOLERANCE, f"{prediction['label']}, scores {scores}"


def compare_rows(folder, problem_type, labels, texts, predictions):
    model = load(AutoModelForSequenceClassification, folder)
    check_config(model.config, problem_type, labels)
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    takes = inspect.signature(model.forward).parameters
    # What the model takes, as its tokenizer's own class would have it.
    limit = json.loads((folder / "model" / "config.json").read_text())["max_position_embeddings"]
    if model.config.model_type in ("roberta", "xlm-roberta", "camembert"):
        # Their first positions are padding's.
        limit -= model.config.pad_token_id + 1
    if model.config.model_type == "mpnet":
        # Whose positions begin where those of a padding token of 1 would, whichever it is.
        limit -= 2
    worst, all_logits = 0.0, []
    for row, (text, prediction) in enumerate(zip(texts, predictions)):
        # One at a time: padding, which must not change a logit, is Tunesmith's alone.
        inputs = tokenizer(
            text["text"], text.get("text_pair"), truncation=True, max_length=limit, return_tensors="pt"
        )
        inputs = {name: value for name, value in inputs.items() if name in takes}
        with torch.no_grad():
            expected = model(**inputs).logits[0]
        got = torch.tensor(prediction["logits"], dtype=torch.float32)
        assert got.shape == expected.shape, f"row {row}: {got.shape} logits, expected {expected.shape}"
        difference = (got - expected).abs().max().item()
        assert difference <= TOLERANCE, (
            f"row {row}: logits {got.tolist()}, transformers gives {expected.tolist()}"
        )
        check_answer(prediction, expected, problem_type, labels)
        worst = max(worst, difference)
        all_logits.append(expected)
    # Rows that got the same answer whatever they say would compare nothing.
    spread = torch.stack(all_logits).std(dim=0).max().item()
    assert spread > 10 * TOLERANCE, f"all rows have nearly the same logits: they spread by {spread:.1e}"
    return f"{len(texts)} texts, logits equal to {worst:.1e}"


def compare_tokens(folder, labels, texts, predictions):
    model = load(AutoModelForTokenClassification, folder)
    check_config(model.config, "token_classification", labels)
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    takes = inspect.signature(model.forward).parameters
    tokenizer.model_input_names = [name for name in tokenizer.model_input_names if name in takes]
    pipeline = TokenClassificationPipeline(model=model, tokenizer=tokenizer, aggregation_strategy="none")
    worst, tokens, scores = 0.0, 0, []
    for row, (text, prediction) in enumerate(zip(texts, predictions)):
        expected = pipeline(text["text"])
        got = prediction["entities"]
        assert len(got) == len(expected), f"row {row}: {len(got)} tokens, expected {len(expected)}"
        for ours, theirs in zip(got, expected):
            place = (theirs["word"], theirs["start"], theirs["end"])
            assert (ours["word"], ours["start"], ours["end"]) == place, f"row {row}: {ours}, expected {theirs}"
            difference = abs(ours["score"] - float(theirs["score"]))
            assert difference <= TOLERANCE, f"row {row}: {ours}, expected {theirs}"
            assert ours["entity_group"] == theirs["entity"], f"row {row}: {ours}, expected {theirs}"
            worst, tokens = max(worst, difference), tokens + 1
            scores.append(float(theirs["score"]))
    assert tokens > 10, f"only {tokens} tokens were compared"
    assert max(scores) - min(scores) > 10 * TOLERANCE, "all tokens have nearly the same score"
    return f"{tokens} tokens, scores equal to {worst:.1e}"


def compare(folder):
    expected = json.loads((folder / "expected.json").read_text())
    problem_type, labels = expected["problem_type"], expected["labels"]
    texts, predictions = lines(folder / "texts.jsonl"), lines(folder / "predictions.jsonl")
    assert texts, "no text to compare"
    assert len(texts) == len(predictions), f"{len(texts)} texts, {len(predictions)} predictions"
    if problem_type == "token_classification":
        return compare_tokens(folder, labels, texts, predictions)
    return compare_rows(folder, problem_type, labels, texts, predictions)


if __name__ == "__main__":
    main(compare)
