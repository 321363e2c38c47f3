"""PyTorch's time for a training step, beside which `tunesmith-bench step` is read.

The same work from the same options: BertForSequenceClassification from the given folder, or with random
weights of its shape where that holds no checkpoint, dropout on, AdamW as the Trainer sets it, global-norm
clipping at 1.0. With `--device gpu` it runs on CUDA, in float32 and once more under autocast to bfloat16;
otherwise on the CPU with two threads. Prints one JSON object for each; times are milliseconds, the median
of the measured steps.
"""

import argparse
import contextlib
import json
import statistics
import sys
import time
from pathlib import Path

import torch
import transformers
from transformers import AutoConfig, AutoModelForSequenceClassification

WARM_UP, LEAST, THREADS = 3, 3, 2


def options():
    """Those of the bench that matter here; it has checked them all before."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seq", type=int, default=72)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--device", default="cpu")
    return parser.parse_known_args()[0]


def load(folder):
    torch.manual_seed(42)
    if (Path(folder) / "model.safetensors").is_file():
        return AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
    return AutoModelForSequenceClassification.from_config(AutoConfig.from_pretrained(folder, num_labels=2))


def parameter_groups(model):
    """No decay on biases and LayerNorm, as the Trainer groups them. Its default decay is 0."""
    plain = [p for n, p in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    decayed = [p for n, p in model.named_parameters() if not (n.endswith("bias") or "LayerNorm" in n)]
    return [{"params": decayed, "weight_decay": 0.0}, {"params": plain, "weight_decay": 0.0}]


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def measure(asked, device, autocast):
    model = load(asked.model).to(device).train()
    optimizer = torch.optim.AdamW(parameter_groups(model), lr=5e-5, betas=(0.9, 0.999), eps=1e-8)
    shape = (asked.batch, asked.seq)
    batch = {
        "input_ids": torch.randint(1000, model.config.vocab_size, shape, device=device),
        "token_type_ids": torch.zeros(shape, dtype=torch.long, device=device),
        "attention_mask": torch.ones(shape, dtype=torch.long, device=device),
        "labels": torch.arange(asked.batch, device=device) % 2,
    }

    def step(apart):
        """One step; waits for the device after every phase where `apart`, at the end otherwise."""
        marks = [time.perf_counter()]

        def mark(last=False):
            if apart or last:
                wait(device)
            marks.append(time.perf_counter())

        with torch.autocast(device, torch.bfloat16) if autocast else contextlib.nullcontext():
            loss = model(**batch).loss
        mark()
        loss.backward()
        mark()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        mark(last=True)
        return marks

    for _ in range(WARM_UP):
        step(apart=False)
    def series(apart):
        """So many steps, or as many as the seconds allow, but LEAST."""
        runs, begun = [], time.perf_counter()
        while len(runs) < asked.steps and (len(runs) < LEAST or time.perf_counter() - begun < asked.seconds):
            runs.append(step(apart))
        return runs

    whole, phases = series(apart=False), series(apart=True)

    def median(runs, first, last):
        return round(1000 * statistics.median(run[last] - run[first] for run in runs), 2)

    result = {
        "step_ms": median(whole, 0, 3),
        "forward_ms": median(phases, 0, 1),
        "backward_ms": median(phases, 1, 2),
        "optimizer_ms": median(phases, 2, 3),
        "batch": asked.batch,
        "length": asked.seq,
        "dtype": "bfloat16 autocast" if autocast else "float32",
    }
    if device == "cuda":
        result |= {"device": torch.cuda.get_device_name()}
        result |= {"memory_mb": round(torch.cuda.max_memory_allocated() / 1e6)}
    else:
        result |= {"device": "cpu", "threads": THREADS}
    result |= {"steps": len(whole), "torch": torch.__version__, "transformers": transformers.__version__}
    print(json.dumps(result), flush=True)


def main():
    asked = options()
    if asked.device not in ("gpu", "auto"):
        torch.set_num_threads(THREADS)
        measure(asked, "cpu", autocast=False)
    elif torch.cuda.is_available():
        measure(asked, "cuda", autocast=False)
        torch.cuda.reset_peak_memory_stats()
        measure(asked, "cuda", autocast=True)
    else:
        sys.exit(f"PyTorch {torch.__version__} sees no CUDA device: measure with --device cpu, or see to its driver")


if __name__ == "__main__":
    main()
