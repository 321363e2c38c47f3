"""Datasets that take turns, as `datasets` interleaves them."""

from datasets import Dataset, interleave_datasets

from common import write

STRATEGIES = ("first_exhausted", "all_exhausted", "all_exhausted_without_replacement")


def cases():
    made = []
    for lengths in ([3, 4, 5], [5, 2], [7, 7, 1], [400, 900]):
        starts = [sum(lengths[:place]) for place in range(len(lengths))]
        datasets = [Dataset.from_dict({"idx": list(range(start, start + length))})
                    for start, length in zip(starts, lengths)]
        even = [1 / len(lengths)] * len(lengths)
        uneven = [0.7] + [0.3 / (len(lengths) - 1)] * (len(lengths) - 1)
        for strategy in STRATEGIES:
            for probabilities in (None, even, uneven):
                for seed in (0, 42) if probabilities else (0,):
                    found = interleave_datasets(datasets, probabilities=probabilities, seed=seed,
                                                stopping_strategy=strategy)
                    made.append({"lengths": lengths, "strategy": strategy, "probabilities": probabilities,
                                 "seed": seed, "idx": found["idx"][:]})
    return made


if __name__ == "__main__":
    write("combine.json", {"cases": cases()}, ["datasets", "numpy"])
