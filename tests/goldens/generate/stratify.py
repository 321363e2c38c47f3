"""Splits that keep the shares of the classes, as `datasets` draws them."""

from datasets import ClassLabel, Dataset, Features, Value

from common import write

# Classes of one size leave ties, which are drawn.
COUNTS = {"two": [67, 33], "rare": [3, 90, 7], "equal": [7, 7, 7, 7, 7], "many": [2 + n % 9 for n in range(60)]}


def rows(counts):
    """A row for each of a class's, the classes by turns."""
    left, labels = list(counts), []
    while any(left):
        for label, count in enumerate(left):
            if count:
                labels.append(label)
                left[label] -= 1
    return labels


def cases():
    made = []
    for name, counts in COUNTS.items():
        labels = rows(counts)
        features = Features({"idx": Value("int64"), "label": ClassLabel(names=[f"c{n:02}" for n in range(len(counts))])})
        dataset = Dataset.from_dict({"idx": list(range(len(labels))), "label": labels}, features=features)
        for size in (0.2, 0.25, 0.5) if name != "many" else (0.3, 0.5):
            for seed in (0, 1, 42):
                parts = dataset.train_test_split(test_size=size, seed=seed, stratify_by_column="label")
                made.append({"name": name, "labels": labels, "size": size, "seed": seed,
                             "train": parts["train"]["idx"][:], "test": parts["test"]["idx"][:]})
    return made


if __name__ == "__main__":
    write("stratify.json", {"cases": cases()}, ["datasets", "numpy"])
