"""Learning rates of transformers' schedules, and orders of rows that torch and transformers draw."""

import hashlib
import struct

import torch
from transformers import get_scheduler
from transformers.trainer_pt_utils import get_length_grouped_indices

from common import write


def schedule(kind, learning_rate, warmup, total, **kwargs):
    """The rate of each step, and of two more after the last."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=learning_rate)
    scheduler = get_scheduler(kind, optimizer, warmup, total, scheduler_specific_kwargs=kwargs or None)
    rates = []
    for _ in range(total + 2):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return {
        "lr_scheduler_type": kind, "learning_rate": learning_rate, "warmup_steps": warmup, "total_steps": total,
        "lr_scheduler_kwargs": kwargs, "rates": rates,
    }


def schedules():
    lengths = [(0, 5), (3, 8), (2, 7), (0, 1), (5, 5), (8, 5)]
    plain = [
        schedule(kind, rate, warmup, total)
        for kind, rate in (
            ("linear", 5e-5), ("cosine", 3e-5), ("constant", 2e-5), ("constant_with_warmup", 2e-5), ("polynomial", 5e-5)
        )
        for warmup, total in lengths
        # There transformers divides by zero.
        if not (kind == "polynomial" and warmup == total)
    ]
    return plain + [
        # The run of the tests of the loop.
        schedule("linear", 2e-3, 0, 12),
        schedule("cosine", 1e-4, 0, 6, num_cycles=1.5),
        schedule("cosine", 1e-4, 2, 9, num_cycles=1.0),
        schedule("polynomial", 1e-3, 1, 6, power=2.0, lr_end=1e-5),
        schedule("polynomial", 1e-3, 0, 6, power=0.5, lr_end=0.0),
    ]


def generator(seed):
    return torch.Generator().manual_seed(seed)


def order(rows, **how):
    """An order of rows: itself where it is short, else the SHA-256 of its 32-bit numbers."""
    if len(rows) > 64:
        return {**how, "sha256": hashlib.sha256(struct.pack(f"<{len(rows)}I", *rows)).hexdigest()}
    return {**how, "order": rows}


def randperm(count, seed):
    return order(torch.randperm(count, generator=generator(seed)).tolist(), count=count, seed=seed)


def grouped(count, factor, span, batch_size, seed):
    """Rows of the lengths (i * factor) % span + 3."""
    lengths = [i * factor % span + 3 for i in range(count)]
    rows = get_length_grouped_indices(lengths, batch_size, generator=generator(seed))
    return order(rows, count=count, factor=factor, span=span, batch_size=batch_size, seed=seed)


if __name__ == "__main__":
    write("schedules.json", {
        "schedules": schedules(),
        "randperm": [randperm(n, seed) for n, seed in (
            (0, 1), (1, 1), (8, 0), (10, 42), (10, 43), (44, 42), (44, 43), (44, 44), (20, 2**32 + 5),
            (3668, 42), (3668, 44), (100_000, 7),
        )],
        "length_grouped": [
            grouped(40, 37, 23, 4, 42), grouped(10, 1, 100, 4, 42), grouped(7, 3, 5, 8, 1),
            grouped(1000, 37, 101, 4, 1), grouped(999, 29, 64, 16, 7),
        ],
    }, ["torch", "transformers"])
