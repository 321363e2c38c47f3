"""What Tunesmith fine-tuned loads in Python's transformers and gives the same logits.

`cargo xtask test --python` runs it with three paths: a model's folder as `tunesmith train` wrote it,
sentence pairs as JSON Lines (`text`, `text_pair`), and what `tunesmith predict` made of them (JSON
Lines with `logits`).
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

# float32 sums of another order; a wrong weight or token changes a logit by far more.
TOLERANCE = 1e-4


def lines(path):
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines() if line]


def main(folder, pairs, predictions):
    pairs, predictions = lines(pairs), lines(predictions)
    assert pairs, "no pair to compare"
    assert len(pairs) == len(predictions), f"{len(pairs)} pairs, {len(predictions)} predictions"

    model, info = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not info[what], f"transformers reports {what}: {info[what]}"
    model.eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    limit = model.config.max_position_embeddings

    worst = 0.0
    for row, (pair, prediction) in enumerate(zip(pairs, predictions)):
        # One pair at a time: padding, which must not change a logit, is Tunesmith's alone.
        inputs = tokenizer(
            pair["text"], pair["text_pair"], truncation=True, max_length=limit, return_tensors="pt"
        )
        with torch.no_grad():
            expected = model(**inputs).logits[0]
        got = torch.tensor(prediction["logits"], dtype=torch.float32)
        assert got.shape == expected.shape, f"row {row}: {got.shape} logits, expected {expected.shape}"
        difference = (got - expected).abs().max().item()
        assert difference <= TOLERANCE, (
            f"row {row}: logits {got.tolist()}, transformers gives {expected.tolist()}"
        )
        worst = max(worst, difference)
    print(f"test_roundtrip: {len(pairs)} pairs, logits equal to {worst:.1e}")


if __name__ == "__main__":
    main(*sys.argv[1:4])
