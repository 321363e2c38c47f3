"""Scores by scikit-learn and scipy, called as evaluate's `glue` metric calls them.

evaluate's metric is a script on the Hub and no package, so its few formulas stand here: accuracy is
`float((predictions == references).mean())`, F1 is `f1_score(y_true=references, y_pred=predictions)`,
CoLA's is `matthews_corrcoef(references, predictions)`, STS-B's are `pearsonr` and `spearmanr`. evaluate
holds the columns as int64, those of STS-B as float32 ("evaluate"); "direct_float64" are the same
formulas over float64. So STS-B's numbers are such that float32 holds them.
"""

import math
import warnings

import numpy
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef, precision_score, recall_score

import texts
from common import write

ITEMS = 100
CLASSES = {"cola": 2, "sst2": 2, "mrpc": 2, "qqp": 2, "mnli": 3, "mnli_matched": 3, "mnli_mismatched": 3,
           "qnli": 2, "rte": 2, "wnli": 2, "hans": 2}


def scores(task, predictions, references, dtype):
    predictions, references = numpy.array(predictions, dtype), numpy.array(references, dtype)
    if task == "cola":
        found = {"matthews_correlation": matthews_corrcoef(references, predictions)}
    elif task == "stsb":
        found = {
            "pearson": pearsonr(predictions, references)[0],
            "spearmanr": spearmanr(predictions, references)[0],
        }
    else:
        found = {"accuracy": (predictions == references).mean()}
        if task in ("mrpc", "qqp"):
            found["f1"] = f1_score(y_true=references, y_pred=predictions)
    return {name: "nan" if math.isnan(value) else float(value) for name, value in found.items()}


def held(column):
    """The numbers as float32 holds them."""
    return numpy.array(column, "float32").tolist()


def class_cases(classes, draw):
    """Predictions and references of each kind by name."""
    def random(limit=classes):
        return [next(draw) % limit for _ in range(ITEMS)]

    references = random()
    noisy = [next(draw) % classes if next(draw) % 10 == 0 else label for label in references]
    uneven = [int(next(draw) % 100 < 32) for _ in range(ITEMS)]
    yield "random", random(), references
    yield "noisy", noisy, references
    yield "perfect", references, references
    yield "all wrong", [(label + 1) % classes for label in references], references
    yield "all predictions 0", [0] * ITEMS, references
    yield "all predictions the last class", [classes - 1] * ITEMS, references
    yield "all references 0", random(), [0] * ITEMS
    yield "all references the last class", random(), [classes - 1] * ITEMS
    yield "no positives at all", [0] * ITEMS, [0] * ITEMS
    yield "all the last class", [classes - 1] * ITEMS, [classes - 1] * ITEMS
    yield "uneven", random(), uneven
    yield "one row", [1], [1]
    yield "one row, wrong", [0], [1]


def score_cases(draw):
    def scores_from(limit, parts):
        return [next(draw) % (limit * parts + 1) / parts for _ in range(ITEMS)]

    references = scores_from(5, 100)
    yield "noisy", [x + (next(draw) % 201 - 100) / 70 for x in references], references
    yield "perfect", references, references
    yield "reversed", [-x for x in references], references
    yield "monotone", [math.exp(x) for x in references], references
    yield "many ties", scores_from(5, 1), scores_from(5, 2)
    yield "unrelated", scores_from(5, 1000), references
    yield "far from zero", [10 + x / 8 for x in scores_from(5, 100)], references
    yield "constant references", scores_from(5, 100), [2.5] * ITEMS
    yield "constant predictions", [2.5] * ITEMS, references
    yield "three rows", [0.5, 4.0, 2.25], [1.0, 3.5, 3.0]
    yield "two rows", [0.5, 4.0], [1.0, 3.5]


def averages():
    """evaluate's `f1`, `precision`, `recall`, `accuracy` and `matthews_correlation`, with every average."""
    for classes in (2, 4):
        draw = texts.numbers(seed=200 + classes)
        for name, predictions, references in class_cases(classes, draw):
            kinds = ["micro", "macro", "weighted"] + ["binary"] * (classes == 2)
            scores = {
                metric: {
                    average: float(score(references, predictions, average=average, zero_division=0))
                    for average in kinds
                }
                for metric, score in (("f1", f1_score), ("precision", precision_score), ("recall", recall_score))
            }
            scores["accuracy"] = {"binary": float(accuracy_score(references, predictions))}
            scores["matthews_correlation"] = {"binary": float(matthews_corrcoef(references, predictions))}
            yield {
                "case": f"{classes} classes, {name}", "predictions": predictions, "references": references,
                "scores": scores,
            }


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of constant columns, whose correlation is no number
    cases = []
    for number, task in enumerate([*CLASSES, "stsb"]):
        draw = texts.numbers(seed=100 + number)
        made = class_cases(CLASSES[task], draw) if task in CLASSES else score_cases(draw)
        dtype = "int64" if task in CLASSES else "float32"
        for name, predictions, references in made:
            if task == "stsb":
                predictions, references = held(predictions), held(references)
            cases.append({
                "task": task, "case": name, "predictions": predictions, "references": references,
                "evaluate": scores(task, predictions, references, dtype),
                "direct_float64": scores(task, predictions, references, "float64" if task == "stsb" else dtype),
            })
    write("metrics.json", {"cases": cases, "averages": list(averages())}, ["scikit-learn", "scipy", "numpy"])
