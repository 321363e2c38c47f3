"""A tokenizer called as in the course's chapter, and a data set mapped with it, on this repository's tiny model."""

from datasets import Dataset
from transformers import AutoTokenizer

from common import REPOSITORY, write

TOKENIZER = AutoTokenizer.from_pretrained(REPOSITORY / "data" / "tiny")
FIELDS = ("input_ids", "token_type_ids", "attention_mask")

FIRST = ["This course is amazing!", "I've been waiting for a course my whole life.", "So have I", ""]
SECOND = ["It is.", "A whole life is long, and this course is not.", "", "Only the second sentence."]


def call(name, texts, pairs=None, **arguments):
    encoding = TOKENIZER(texts, pairs, **arguments)
    return {"name": name, "texts": texts, "pairs": pairs, **{field: encoding[field] for field in FIELDS}}


def calls():
    left = AutoTokenizer.from_pretrained(REPOSITORY / "data" / "tiny", padding_side="left")
    encoding = left(FIRST, padding=True)
    return [
        call("lists", FIRST),
        call("pairs", FIRST, SECOND),
        call("longest", FIRST, padding=True, truncation=True),
        call("pairs_longest", FIRST, SECOND, padding=True, truncation=True),
        call("max_length", FIRST, padding="max_length", truncation=True, max_length=8),
        call("max_length_untruncated", FIRST, padding="max_length", max_length=8),
        call("model_max_length", FIRST[:1], padding="max_length"),
        {"name": "left", "texts": FIRST, "pairs": None, **{field: encoding[field] for field in FIELDS}},
    ]


def mapped():
    """The columns and rows that the chapter's tokenize_function leaves."""
    rows = Dataset.from_dict({"sentence1": FIRST, "sentence2": SECOND, "label": [1, 0, 0, 1], "idx": [0, 1, 2, 3]})
    tokenized = rows.map(
        lambda example: TOKENIZER(example["sentence1"], example["sentence2"], truncation=True), batched=True
    )
    features = str(tokenized.features)
    tokenized = tokenized.remove_columns(["sentence1", "sentence2", "idx"])
    tokenized = tokenized.rename_column("label", "labels")
    return {"features": features, "column_names": tokenized.column_names, "rows": [dict(row) for row in tokenized]}


if __name__ == "__main__":
    ids = TOKENIZER(FIRST[1])["input_ids"]
    write("calls.json", {
        "calls": calls(),
        "ids_to_tokens": {"ids": ids, "tokens": TOKENIZER.convert_ids_to_tokens(ids)},
        "mapped": mapped(),
    }, ["transformers", "tokenizers", "datasets"])
