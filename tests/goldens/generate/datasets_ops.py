"""What Python's `datasets` says of data sets: rows, types, shuffles, splits and classes."""

import hashlib
import json
import tempfile
from pathlib import Path

from datasets import load_dataset

import texts
from common import REPOSITORY, write

SEEDS = (0, 1, 7, 42, 2**32 - 1)


def ends(values):
    """The first and the last of a long column."""
    return {"first": values[:12], "last": values[-4:], "sha256": hashlib.sha256(
        json.dumps(values).encode()).hexdigest()}


def digest(dataset):
    """As `Dataset::digest` documents it."""
    hasher = hashlib.sha256()
    for row in dataset:
        hasher.update(json.dumps(list(row.values()), ensure_ascii=False).encode() + b"\n")
    return hasher.hexdigest()


def paraphrase():
    loaded = load_dataset(str(REPOSITORY / "data" / "paraphrase"), "mrpc_like")
    train = loaded["train"]
    splits = []
    for size, seed in ((0.1, 42), (0.25, 0), (0.333, 3), (100, 7), (1, 1), (3599, 2)):
        parts = train.train_test_split(test_size=size, seed=seed)
        splits.append({"size": size, "seed": seed} | {
            name: {"rows": len(part), "idx": ends(part["idx"][:])} for name, part in parts.items()
        })
    twice = train.shuffle(seed=1).select(range(50, 60)).shuffle(seed=2)
    return {
        "shown": str(loaded),
        "features": str(train.features),
        "splits": {
            name: {
                "rows": len(split),
                "content_sha256": digest(split),
                "labels": [split["label"][:].count(label) for label in (0, 1)],
            }
            for name, split in loaded.items()
        },
        "shuffles": [{"seed": seed, "idx": ends(train.shuffle(seed=seed)["idx"][:])} for seed in SEEDS],
        # Down to one row, where a generator may be drawn from once more or less.
        "small_shuffles": [
            {"rows": rows, "seed": seed, "idx": train.select(range(rows)).shuffle(seed=seed)["idx"][:]}
            for rows in (1, 2, 3, 10, 33)
            for seed in SEEDS
        ],
        "train_test_splits": splits,
        "shuffled_twice": twice["idx"][:],
    }


# Own files, as pandas and datasets read them: what each column is, and what each row holds.
CSV = {
    "plain": "text,label,score\na,1,0.5\nb,0,2\n",
    "empty cells": "text,n,x\na,1,\n,,0.5\nc,3,1e3\n",
    "quotes": 'text,label\n"one, two",x\n"say ""so""",y\n"line\nbreak",x\n',
    "whole numbers": "a,b,c\n007,-1,9223372036854775807\n8,+2,-5\n",
    "floats": "a,b\n.5,1.\n-2e-3,inf\n",
    # Of numbers alone: in a column of texts Tunesmith keeps such a word, where pandas drops it.
    "missing numbers": "a,b\nNA,null\n1,NaN\nN/A,None\n",
    "booleans": "a,b\nTrue,False\nfalse,TRUE\n",
    "booleans beside words": "a\nTrue\nyes\n",
    "numbers beside words": "a\n1\ntwo\n3.5\n",
    "blank lines": "a,b\n1,2\n\n3,4\n",
    "scripts": "text,label\n" + "".join(
        f'"{group[0]}",{script}\n' for script, group in texts.SENTENCES.items()),
}
JSON_LINES = {
    "plain": '{"text": "a", "label": 1, "score": 1}\n{"text": null, "label": -1, "score": 0.5}\n',
    "booleans": '{"a": true, "b": null}\n{"a": false, "b": "x"}\n',
    "escapes": '{"text": "\\u00e9 \\ud83c\\udf70 \\n \\"q\\""}\n',
}


def files():
    made = []
    for kind, suffix, inputs in (("csv", ".csv", CSV), ("json", ".jsonl", JSON_LINES)):
        for name, text in inputs.items():
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"train{suffix}"
                path.write_text(text, encoding="utf-8", newline="")
                loaded = load_dataset(kind, data_files=str(path), split="train", cache_dir=folder)
                rows = [{key: repr(value) if value in (float("inf"),) else value for key, value in row.items()}
                        for row in loaded]
                made.append({"name": name, "format": suffix[1:], "text": text,
                             "features": str(loaded.features), "rows": rows})
    return made


def classes():
    """Strings and numbers become classes, sorted as strings."""
    made = []
    for column in (["b", "a", "c", "a"], ["10", "9", "1", "10"], [5, 1, 5, 3], [10, 9, -1, 9],
                   ["é", "z", "Z", "ä"], ["neutral", None, "entailment", "neutral"]):
        text = "".join(json.dumps({"label": value}) + "\n" for value in column)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "train.jsonl"
            path.write_text(text, encoding="utf-8")
            loaded = load_dataset("json", data_files=str(path), split="train", cache_dir=folder)
            encoded = loaded.class_encode_column("label")
            made.append({"column": column, "features": str(encoded.features), "ids": encoded["label"][:]})
    return made


if __name__ == "__main__":
    examples = load_dataset("csv", data_files=str(REPOSITORY / "examples/data/my_pairs_sample.csv"), split="train")
    write("datasets_ops.json", {
        "paraphrase": paraphrase(),
        "files": files(),
        "classes": classes(),
        "my_pairs_sample": {"features": str(examples.features), "content_sha256": digest(examples)},
    }, ["datasets", "pandas", "pyarrow", "numpy"])
