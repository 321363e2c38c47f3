"""PyTorch's time for a training step, beside which `tunesmith bench step` is read.

The same work: BertForSequenceClassification from the given folder, a batch of 8 rows of 72 tokens,
dropout on, AdamW as the Trainer sets it, global-norm clipping at 1.0, two threads. Prints one JSON
object; times are milliseconds, the median of the measured steps.
"""

import json
import statistics
import sys
import time

import torch
import transformers
from transformers import AutoModelForSequenceClassification

BATCH, LENGTH, WARM_UP, STEPS, THREADS = 8, 72, 3, 20, 2


def parameter_groups(model):
    """No decay on biases and LayerNorm, as the Trainer groups them. Its default decay is 0."""
    plain = [p for n, p in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    decayed = [p for n, p in model.named_parameters() if not (n.endswith("bias") or "LayerNorm" in n)]
    return [{"params": decayed, "weight_decay": 0.0}, {"params": plain, "weight_decay": 0.0}]


def main(folder):
    torch.set_num_threads(THREADS)
    torch.manual_seed(42)
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
    model.train()
    optimizer = torch.optim.AdamW(parameter_groups(model), lr=5e-5, betas=(0.9, 0.999), eps=1e-8)
    batch = {
        "input_ids": torch.randint(1000, model.config.vocab_size, (BATCH, LENGTH)),
        "token_type_ids": torch.zeros(BATCH, LENGTH, dtype=torch.long),
        "attention_mask": torch.ones(BATCH, LENGTH, dtype=torch.long),
        "labels": torch.arange(BATCH) % 2,
    }

    times = {"forward": [], "backward": [], "optimizer": [], "step": []}
    for step in range(WARM_UP + STEPS):
        start = time.perf_counter()
        loss = model(**batch).loss
        forward = time.perf_counter()
        loss.backward()
        backward = time.perf_counter()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        end = time.perf_counter()
        if step >= WARM_UP:
            times["forward"].append(forward - start)
            times["backward"].append(backward - forward)
            times["optimizer"].append(end - backward)
            times["step"].append(end - start)

    result = {f"{name}_ms": round(1000 * statistics.median(t), 2) for name, t in times.items()}
    result |= {"batch": BATCH, "length": LENGTH, "threads": THREADS, "steps": STEPS}
    result |= {"torch": torch.__version__, "transformers": transformers.__version__}
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1])
