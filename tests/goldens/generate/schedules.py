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


def following(kind, learning_rate, metrics, **kwargs):
    """The rate before the first evaluation and after each, of a schedule that follows their metric."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=learning_rate)
    scheduler = get_scheduler(kind, optimizer, scheduler_specific_kwargs=kwargs or None)
    rates = [optimizer.param_groups[0]["lr"]]
    for metric in metrics:
        scheduler.step(metric)
        rates.append(optimizer.param_groups[0]["lr"])
    return {
        "lr_scheduler_type": kind, "learning_rate": learning_rate, "lr_scheduler_kwargs": kwargs, "metrics": metrics,
        "rates": rates,
    }


def follow():
    still = [1.0] * 30
    falling = [1.0 - i / 40 for i in range(30)]
    # Falls, stays, rises, and falls again; every value has a short binary form.
    wave = [((i * 7) % 16 + abs(24 - i % 48)) / 16 for i in range(80)]
    return [
        following("reduce_lr_on_plateau", 1e-3, still),
        following("reduce_lr_on_plateau", 1e-3, falling),
        following("reduce_lr_on_plateau", 1e-3, wave, factor=0.5, patience=2, cooldown=3, min_lr=1e-5),
        following("reduce_lr_on_plateau", 1e-3, wave, mode="max", factor=0.7, patience=1, threshold=0.1),
        following("reduce_lr_on_plateau", 1e-3, wave, threshold=0.5, threshold_mode="abs", patience=0, eps=1e-4),
        following("reduce_lr_on_plateau", 1e-3, wave, mode="max", threshold_mode="abs", patience=0, factor=0.9),
        following("greedy", 1e-2, still),
        following("greedy", 5e-5, wave),
        following("greedy", 1e-2, falling, patience=1, factor=0.8, max_lr=0.03),
        following("greedy", 1e-2, wave, patience=1, factor=0.5, cooldown=2, warmup=3, min_lr=1e-4),
        following("greedy", 1e-2, wave, mode="max", patience=0, factor=0.9, threshold=0.05, threshold_mode="rel"),
        following("greedy", 1e-2, wave, patience=0, factor=0.5, min_lr=4e-3, reset_start=3, cooldown=1),
        following("greedy", 1e-2, wave, patience=0, factor=0.9, smooth=True, window_size=5, min_lr=1e-3, reset_start=2),
    ]


def schedules():
    lengths = [(0, 5), (3, 8), (2, 7), (0, 1), (5, 5), (8, 5)]
    plain = [
        schedule(kind, rate, warmup, total)
        for kind, rate in (
            ("linear", 5e-5), ("cosine", 3e-5), ("constant", 2e-5), ("constant_with_warmup", 2e-5), ("polynomial", 5e-5),
            ("cosine_with_restarts", 3e-5), ("inverse_sqrt", 5e-5),
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
        schedule("cosine_with_restarts", 1e-4, 2, 20, num_cycles=3),
        schedule("inverse_sqrt", 1e-4, 3, 12, timescale=5),
        schedule("inverse_sqrt", 1e-4, 6, 12, timescale=2),
        *[
            schedule(kind, 1e-4, warmup, total, **kwargs)
            for kind in ("cosine_with_min_lr", "cosine_warmup_with_min_lr")
            for warmup, total in lengths
            for kwargs in ({"min_lr": 1e-5}, {"min_lr_rate": 0.25, "num_cycles": 1.5})
        ],
        schedule("cosine_warmup_with_min_lr", 1e-4, 4, 10, min_lr_rate=0.1, warmup_lr_rate=0.3),
        schedule("cosine_warmup_with_min_lr", 1e-4, 1, 5, min_lr=0.0, warmup_lr_rate=0.3),
        *[
            schedule(
                "warmup_stable_decay", 1e-4, 4, 16, num_decay_steps=6, warmup_type=curve, decay_type=curve,
                min_lr_ratio=ratio,
            )
            for curve in ("linear", "cosine", "1-sqrt")
            for ratio in (0.0, 0.2)
        ],
        schedule("warmup_stable_decay", 1e-4, 0, 10, num_decay_steps=4),
        schedule("warmup_stable_decay", 1e-4, 2, 12, num_decay_steps=4, num_stable_steps=3, num_cycles=1.0),
        # Warm-up and fall are longer than the run.
        schedule("warmup_stable_decay", 1e-4, 3, 5, num_decay_steps=8),
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
        "following": follow(),
        "randperm": [randperm(n, seed) for n, seed in (
            (0, 1), (1, 1), (8, 0), (10, 42), (10, 43), (44, 42), (44, 43), (44, 44), (20, 2**32 + 5),
            (3668, 42), (3668, 44), (100_000, 7),
        )],
        "length_grouped": [
            grouped(40, 37, 23, 4, 42), grouped(10, 1, 100, 4, 42), grouped(7, 3, 5, 8, 1),
            grouped(1000, 37, 101, 4, 1), grouped(999, 29, 64, 16, 7),
        ],
    }, ["torch", "transformers"])
