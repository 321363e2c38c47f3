"""All metrics of the table by scikit-learn and scipy, on 500 random and 40 edge cases.

Probabilities are fractions of a power of two, and numbers such that float32 holds them, so that what is
written here is what was computed with. Where scikit-learn finds a metric undefined, it is "nan".
"""

import math
import warnings

import numpy
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    log_loss,
    matthews_corrcoef,
    mean_absolute_error,
    mean_squared_error,
    precision_score,
    r2_score,
    recall_score,
    roc_auc_score,
    top_k_accuracy_score,
)

import texts
from common import write

SCORES = {"f1": f1_score, "precision": precision_score, "recall": recall_score}
AVERAGES = ["micro", "macro", "weighted"]


def of_labels(actual, predicted, averages):
    for name, score in SCORES.items():
        for average in averages:
            key = name if average == "binary" else f"{name}_{average}"
            yield key, score(actual, predicted, average=average, zero_division=0)


def of_classes(actual, probabilities, predicted):
    """One class a row."""
    count = probabilities.shape[1]
    labels = list(range(count))
    scores = {"accuracy": accuracy_score(actual, predicted)}
    scores.update(of_labels(actual, predicted, AVERAGES + ["binary"] * (count == 2)))
    scores["matthews_correlation"] = matthews_corrcoef(actual, predicted)
    if count == 2:
        scores["roc_auc"] = roc_auc_score(actual, probabilities[:, 1])
        scores["average_precision"] = average_precision_score(actual, probabilities[:, 1])
        by_k = probabilities[:, 1]
    else:
        there = numpy.eye(count, dtype=int)[actual]
        scores["roc_auc"] = roc_auc_score(there, probabilities, average="macro")
        if set(actual) == set(labels):
            # What is called with classes is the same as with a column for each of them.
            ovr = roc_auc_score(actual, probabilities, multi_class="ovr", average="macro")
            assert math.isclose(ovr, scores["roc_auc"], abs_tol=1e-12)
        scores["average_precision"] = average_precision_score(there, probabilities, average="macro")
        by_k = probabilities
    scores["log_loss"] = log_loss(actual, y_proba=probabilities, labels=labels)
    for k in (2, 3, 5, 10):
        scores[f"top_{k}_accuracy"] = top_k_accuracy_score(actual, by_k, k=k, labels=labels)
    return scores


def of_several(actual, probabilities, predicted):
    """Any number of labels a row."""
    scores = {"accuracy": accuracy_score(actual, predicted)}
    scores.update(of_labels(actual, predicted, AVERAGES))
    scores["roc_auc"] = roc_auc_score(actual, probabilities, average="macro")
    scores["average_precision"] = average_precision_score(actual, probabilities, average="macro")
    return scores


def of_numbers(actual, predicted):
    enough = len(actual) > 1
    return {
        "mse": mean_squared_error(actual, predicted),
        "mae": mean_absolute_error(actual, predicted),
        "r2": r2_score(actual, predicted),
        "pearson": pearsonr(predicted, actual)[0] if enough else math.nan,
        "spearmanr": spearmanr(predicted, actual)[0] if enough else math.nan,
    }


def plain(value):
    return "nan" if math.isnan(value) else float(value)


def case(kind, name, actual, predicted, probabilities=None):
    actual, predicted = numpy.array(actual), numpy.array(predicted)
    if kind == "numbers":
        scores = of_numbers(actual, predicted)
        made = {}
    else:
        probabilities = numpy.array(probabilities)
        scores = (of_classes if kind == "classes" else of_several)(actual, probabilities, predicted)
        made = {"num_labels": probabilities.shape[1], "probabilities": probabilities.ravel().tolist()}
    return {
        "kind": kind, "case": name, **made,
        "predictions": predicted.ravel().tolist(), "references": actual.ravel().tolist(),
        "scores": {name: plain(value) for name, value in scores.items()},
    }


def distribution(draw, count, parts):
    """Probabilities of classes that add up to 1 exactly, in steps of 1 / parts."""
    cuts = sorted(next(draw) % (parts + 1) for _ in range(count - 1))
    edges = [0, *cuts, parts]
    return [(b - a) / parts for a, b in zip(edges, edges[1:])]


def random_classes(draw, name):
    count, rows = next(draw) % 4 + 2, next(draw) % 20 + 2
    parts = (8, 64, 1024)[next(draw) % 3]
    probabilities = [distribution(draw, count, parts) for _ in range(rows)]
    predicted = [int(numpy.argmax(row)) for row in probabilities]
    # Some are right by chance, and in a third of the cases most of them.
    sure = next(draw) % 3 == 0
    actual = [p if sure and next(draw) % 4 else next(draw) % count for p in predicted]
    return case("classes", name, actual, predicted, probabilities)


def random_several(draw, name):
    count, rows = next(draw) % 4 + 2, next(draw) % 16 + 2
    parts = (4, 32, 256)[next(draw) % 3]
    probabilities = [[next(draw) % (parts + 1) / parts for _ in range(count)] for _ in range(rows)]
    predicted = [[int(value > 0.5) for value in row] for row in probabilities]
    actual = [[p if next(draw) % 3 == 0 else next(draw) % 2 for p in row] for row in predicted]
    return case("several", name, actual, predicted, probabilities)


def random_numbers(draw, name):
    rows, parts = next(draw) % 24 + 2, (1, 16, 256)[next(draw) % 3]
    actual = [(next(draw) % (10 * parts) - 3 * parts) / parts for _ in range(rows)]
    noise = next(draw) % 3
    predicted = [value + noise * (next(draw) % (4 * parts) - 2 * parts) / parts for value in actual]
    return case("numbers", name, [float(x) for x in actual], [float(x) for x in predicted])


def edges():
    def classes(name, actual, probabilities):
        return case("classes", name, actual, [int(numpy.argmax(row)) for row in probabilities], probabilities)

    def several(name, actual, probabilities):
        predicted = [[int(value > 0.5) for value in row] for row in probabilities]
        return case("several", name, actual, predicted, probabilities)

    def numbers(name, actual, predicted):
        return case("numbers", name, actual, predicted)

    yes, no, even = [0.25, 0.75], [0.75, 0.25], [0.5, 0.5]
    yield classes("one row, right", [1], [yes])
    yield classes("one row, wrong", [0], [yes])
    yield classes("one row of three classes", [2], [[0.25, 0.25, 0.5]])
    yield classes("one row of three classes, wrong", [0], [[0.25, 0.25, 0.5]])
    yield classes("all of class 0", [0, 0, 0], [no, yes, no])
    yield classes("all of class 1", [1, 1, 1], [no, yes, yes])
    yield classes("never predicted", [0, 1, 0, 1], [no, no, no, no])
    yield classes("all predicted 1", [0, 1, 0, 1], [yes] * 4)
    yield classes("all ties", [0, 1, 1, 0], [even] * 4)
    yield classes("some ties", [0, 1, 1, 0, 1], [even, yes, even, no, no])
    yield classes("perfect", [0, 1, 1, 0], [no, yes, yes, no])
    yield classes("reversed", [1, 0, 0, 1], [no, yes, yes, no])
    yield classes("certain and right", [0, 1], [[1.0, 0.0], [0.0, 1.0]])
    yield classes("certain and wrong", [1, 0], [[1.0, 0.0], [0.0, 1.0]])
    a, b, c = [0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.125, 0.125, 0.75]
    third = [0.375, 0.375, 0.25]
    yield classes("a class never seen", [0, 1, 0, 1], [a, b, c, b])
    yield classes("a class never predicted", [0, 1, 2, 1], [a, b, b, a])
    yield classes("a class never seen nor predicted", [0, 1, 1, 0], [a, b, b, b])
    yield classes("one class of three seen", [1, 1, 1], [a, b, c])
    yield classes("three classes, perfect", [0, 1, 2], [a, b, c])
    yield classes("three classes, ties at the top", [0, 1, 2, 1], [third, third, c, third])
    yield classes("three classes, all the same", [0, 1, 2], [third] * 3)
    yield classes("four classes, only the first two seen", [0, 1, 0], [[0.25] * 4, [0.125, 0.625, 0.125, 0.125], [0.5, 0.25, 0.125, 0.125]])
    yield several("one row", [[1, 0]], [[0.75, 0.25]])
    yield several("no labels at all", [[0, 0], [0, 0]], [[0.25, 0.25], [0.25, 0.5]])
    yield several("all labels", [[1, 1], [1, 1]], [[0.75, 0.75], [0.75, 1.0]])
    yield several("a label never there", [[1, 0], [0, 0], [1, 0]], [[0.75, 0.25], [0.25, 0.75], [0.5, 0.5]])
    yield several("a label never predicted", [[1, 1], [0, 1], [1, 0]], [[0.75, 0.25], [0.25, 0.25], [0.75, 0.5]])
    yield several("ties", [[1, 0], [0, 1], [1, 1], [0, 0]], [[0.5, 0.5]] * 4)
    yield several("perfect", [[1, 0], [0, 1]], [[0.75, 0.25], [0.25, 0.75]])
    yield several("none predicted", [[1, 0], [0, 1], [1, 1]], [[0.25, 0.25]] * 3)
    yield numbers("one row", [1.5], [2.0])
    yield numbers("one row, met", [1.5], [1.5])
    yield numbers("two rows", [1.0, 3.5], [0.5, 4.0])
    yield numbers("constant references", [2.5] * 4, [1.0, 2.0, 3.0, 4.0])
    yield numbers("constant references, met", [2.5] * 4, [2.5] * 4)
    yield numbers("constant predictions", [1.0, 2.0, 3.0, 4.0], [2.5] * 4)
    yield numbers("reversed", [1.0, 2.0, 3.0], [3.0, 2.0, 1.0])
    yield numbers("ties", [1.0, 1.0, 2.0, 2.0, 3.0], [1.0, 2.0, 2.0, 1.0, 3.0])
    yield numbers("far from zero", [1000000.0, 1000001.0, 1000002.5], [1000000.5, 1000001.0, 1000002.0])
    yield numbers("large", [2.0**60, -(2.0**60), 2.0**59], [0.75 * 2.0**60, -(2.0**60), 0.625 * 2.0**60])


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of what is undefined
    draw = texts.numbers(seed=19)
    kinds = [random_classes] * 3 + [random_several, random_numbers]
    cases = [kinds[number % 5](draw, f"random {number}") for number in range(500)]
    edge_cases = list(edges())
    assert len(edge_cases) == 40
    write("measures.json", {"cases": cases + edge_cases}, ["scikit-learn", "scipy", "numpy"])
