"""Scores of rows with several labels by scikit-learn, and of tagged tokens by seqeval."""

import warnings

import numpy
from seqeval import scheme as schemes
from seqeval.metrics import accuracy_score as tag_accuracy
from seqeval.metrics import classification_report
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

import texts
from common import write

ROWS = 40
SCHEMES = {name: getattr(schemes, name) for name in ("IOB1", "IOB2", "IOE1", "IOE2", "IOBES", "BILOU")}
# The types of a report's row; the averages have a space in their names.
AVERAGES = ("micro avg", "macro avg", "weighted avg")


def multi_label_cases(draw):
    """Predictions and references of each kind by name, as rows of 0 and 1."""
    def rows(labels, percent):
        return [[int(next(draw) % 100 < percent) for _ in range(labels)] for _ in range(ROWS)]

    def noisy(references, percent):
        return [[1 - label if next(draw) % 100 < percent else label for label in row] for row in references]

    references = rows(4, 35)
    yield "random", rows(4, 50), references
    yield "noisy", noisy(references, 10), references
    yield "perfect", references, references
    yield "nothing predicted", rows(4, 0), references
    yield "everything predicted", rows(4, 100), references
    yield "no labels at all", rows(4, 0), rows(4, 0)
    yield "predictions where no labels are", rows(4, 30), rows(4, 0)
    rare = [[*row, 0, int(number == 7)] for number, row in enumerate(references)]
    yield "a label that is never there", noisy(rare, 5), rare
    yield "one row", [[1, 0, 1]], [[1, 1, 0]]
    yield "two labels", rows(2, 40), rows(2, 60)


def multi_label(name, predictions, references):
    predicted, actual = numpy.array(predictions), numpy.array(references)
    of_labels = precision_recall_fscore_support(actual, predicted, zero_division=0)
    return {
        "case": name, "predictions": predictions, "references": references,
        "scores": {
            "accuracy": float(accuracy_score(actual, predicted)),
            **{f"f1_{average}": float(f1_score(actual, predicted, average=average, zero_division=0))
               for average in ("micro", "macro", "weighted")},
        },
        "by_label": [[float(value) for value in row] for row in zip(*of_labels)],
    }


def tagged(draw, prefixes, kinds, length):
    """Random tags: half of them outside, so that entities and what breaks the rules both come up."""
    tags = []
    for _ in range(length):
        prefix = prefixes[next(draw) % len(prefixes)]
        outside = next(draw) % 3 == 0
        tags.append("O" if outside else f"{prefix}-{kinds[next(draw) % len(kinds)]}")
    return tags


def entity_cases(draw):
    """Sentences of predicted and of true tags by name; with the schemes that have all of their prefixes."""
    kinds = ["PER", "LOC", "WORK-OF-ART"]
    prefixes = {"IOB1": "IB", "IOB2": "IB", "IOE1": "IE", "IOE2": "IE", "IOBES": "BIES", "BILOU": "BILU"}
    for scheme, letters in prefixes.items():
        for number in range(4):
            references = [tagged(draw, letters, kinds[: number + 1], next(draw) % 12 + 1) for _ in range(12)]
            predictions = [[tag if next(draw) % 4 else tagged(draw, letters, kinds, 1)[0] for tag in sentence]
                           for sentence in references]
            yield f"{scheme} {number}", scheme, predictions, references
    proper = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "O"], ["B-LOC", "B-LOC", "I-LOC"]]
    yield "perfect", "IOB2", proper, proper
    yield "an entity too long", "IOB2", [["B-PER", "I-PER", "I-PER", "B-LOC"], *proper[1:]], proper
    yield "another type", "IOB2", [["B-LOC", "I-LOC", "O", "B-LOC"], *proper[1:]], proper
    yield "nothing found", "IOB2", [["O"] * len(sentence) for sentence in proper], proper
    yield "nothing there", "IOB2", proper, [["O"] * len(sentence) for sentence in proper]
    yield "prefixes alone", "IOB2", [["B", "I", "O"]], [["B", "O", "B"]]
    yield "an entity to the end of a sentence", "IOB2", [["O", "B-PER"], ["I-PER"]], [["O", "B-PER"], ["B-PER"]]


def report(predictions, references, **options):
    rows = classification_report(references, predictions, output_dict=True, zero_division=0, **options)
    values = {name: [float(row["precision"]), float(row["recall"]), float(row["f1-score"]), int(row["support"])]
              for name, row in rows.items()}
    averages = {name: values.pop(name) for name in AVERAGES}
    return {"by_kind": values, "averages": averages}


def entities(name, scheme, predictions, references):
    return {
        "case": name, "scheme": scheme, "predictions": predictions, "references": references,
        "accuracy": float(tag_accuracy(references, predictions)),
        "lenient": report(predictions, references),
        "strict": report(predictions, references, mode="strict", scheme=SCHEMES[scheme]),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of labels that are never there
    numpy.seterr(all="ignore")
    rows = [multi_label(*case) for case in multi_label_cases(texts.numbers(seed=7))]
    sentences = [entities(*case) for case in entity_cases(texts.numbers(seed=8))]
    write("labels.json", {"multi_label": rows, "entities": sentences}, ["scikit-learn", "seqeval", "numpy"])
