"""Batches of transformers' DataCollatorWithPadding: padding, masks, type ids and labels."""

from datasets import load_dataset
from transformers import AutoTokenizer, DataCollatorWithPadding

from common import REPOSITORY, minilm, write

ROWS = 8


def batch(columns, labels, padding_side="right", truncate_to=None, drop=(), **options):
    """The batch of the first rows, with these columns of text and these labels."""
    tokenizer = AutoTokenizer.from_pretrained(minilm(), padding_side=padding_side)
    limits = {"truncation": True, "max_length": truncate_to or 512}
    examples = []
    for row in TRAIN.select(range(ROWS)):
        example = dict(tokenizer(*[row[column] for column in columns], **limits))
        for name in drop:
            del example[name]
        if labels is not None:
            example["label"] = labels(row)
        examples.append(example)
    lengths = [len(example["input_ids"]) for example in examples]
    collated = DataCollatorWithPadding(tokenizer, **options)(examples)
    return {
        "columns": columns,
        "padding_side": padding_side,
        "truncate_to": truncate_to,
        "pad_to_multiple_of": options.get("pad_to_multiple_of"),
        "max_length": options.get("max_length"),
        "lengths_before": lengths,
        "dtypes": {name: str(value.dtype) for name, value in collated.items()},
        "batch": {name: value.tolist() for name, value in collated.items()},
    }


if __name__ == "__main__":
    TRAIN = load_dataset(str(REPOSITORY / "data" / "paraphrase"), "mrpc_like")["train"]
    pair, single = ["sentence1", "sentence2"], ["sentence1"]
    label = lambda row: row["label"]
    # As a set of ratings has them; a quarter is a float32 exactly.
    score = lambda row: row["idx"] / 4
    to_96 = {"padding": "max_length", "max_length": 96}
    write("collator.json", {
        "rows": ROWS,
        "batches": {
            "pairs": batch(pair, label),
            "singles": batch(single, label),
            "pairs without labels": batch(pair, None),
            "pairs with scores": batch(pair, score),
            "a multiple of 8": batch(pair, label, pad_to_multiple_of=8),
            "a multiple of 32": batch(single, score, pad_to_multiple_of=32),
            "the longest allowed": batch(pair, label, **to_96),
            "the longest allowed, a multiple of 64": batch(pair, label, pad_to_multiple_of=64, **to_96),
            "on the left": batch(pair, label, padding_side="left"),
            "on the left, a multiple of 16": batch(single, label, padding_side="left", pad_to_multiple_of=16),
            "truncated": batch(pair, label, truncate_to=24),
            "without type ids": batch(pair, label, drop=["token_type_ids"]),
        },
    }, ["transformers", "tokenizers", "datasets", "torch"])
