"""Ten steps of AdamW as transformers' Trainer takes them, of MiniLM and of tiny models.

The Trainer itself needs accelerate; this loop is made of its parts: LabelSmoother, the names that decay,
`clip_grad_norm_`, `torch.optim.AdamW`, `get_scheduler`, and a `randperm` of seed + epoch. In float64.
"""

import math

import torch
from datasets import load_dataset
from transformers import AutoTokenizer, BertForSequenceClassification, Trainer, get_scheduler
from transformers.trainer_pt_utils import LabelSmoother, get_length_grouped_indices

from common import REPOSITORY, minilm, write
from drawn import SCALE, drawn, norm, numbers, set_head, tiny_model

STEPS = 10
SEED = 42
# Words of the tests' tokenizer; its special tokens come first.
WORDS, SPECIAL, CLS, SEP, PAD = 32, 4, 2, 3, 0
ROWS = 44


def rows_of_words():
    """Rows of 2 to 9 words, of which the label says little, and a score."""
    rows = []
    for row in range(ROWS):
        draws = drawn(f"row {row}", 11)
        count = 2 + int((draws[0] + 1) * 4)
        words = [int((draw + 1) / 2 * WORDS) for draw in draws[1 : 1 + count].tolist()]
        rows.append({"words": words, "label": row * 7 % 5 % 2, "score": round(float(draws[10]) * 8) / 4})
    return rows


def collate(rows, target):
    """A batch of word rows, as the tests' tokenizer and the collator give it."""
    ids = [[CLS, *(SPECIAL + word for word in row["words"]), SEP] for row in rows]
    width = max(map(len, ids))
    batch = {
        "input_ids": torch.tensor([row + [PAD] * (width - len(row)) for row in ids]),
        "attention_mask": torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in ids]),
    }
    labels = [row[target] for row in rows]
    return batch, torch.tensor(labels, dtype=torch.float64 if target == "score" else torch.long)


def freeze(model, args):
    """What the arguments leave as it is, as people write it with transformers."""
    parts = []
    if args.get("freeze_embeddings"):
        parts.append(model.bert.embeddings)
    parts += [model.bert.encoder.layer[layer] for layer in args.get("freeze_layers", [])]
    if args.get("train_head_only"):
        parts += [model.bert.embeddings, model.bert.encoder]
    for part in parts:
        part.requires_grad_(False)


def groups(model, args):
    """The Trainer's two groups of each stage, the head first, whose rates fall from one stage to the next."""
    decays = set(Trainer.get_decay_parameter_names(None, model))
    layers = [f"bert.encoder.layer.{layer}." for layer in reversed(range(model.config.num_hidden_layers))]
    stages = [("bert.pooler.", "classifier."), *((layer,) for layer in layers), ("bert.embeddings.",)]
    found = []
    for depth, prefixes in enumerate(stages if args.get("llrd") else [("",)]):
        rate = args["learning_rate"] * args.get("llrd", 1.0) ** depth
        named = {name: p for name, p in model.named_parameters() if name.startswith(prefixes) and p.requires_grad}
        for decay, wanted in ((args["weight_decay"], True), (0.0, False)):
            params = [p for name, p in named.items() if (name in decays) == wanted]
            if params:
                found.append({"params": params, "weight_decay": decay, "lr": rate})
    return found


def train(model, batches, args, track=()):
    """Ten steps over batches: what each step gave, and where the parameters end."""
    freeze(model, args)
    named = dict(model.named_parameters())
    optimizer = torch.optim.AdamW(groups(model, args), lr=args["learning_rate"], betas=(0.9, 0.999), eps=1e-8)
    scheduler = get_scheduler(args["lr_scheduler_type"], optimizer, args["warmup_steps"], STEPS)
    smoothing = args["label_smoothing_factor"]
    losses, norms, rates, widths = [], [], [], []
    for batch, labels in batches:
        output = model(**batch, labels=labels)
        loss = LabelSmoother(epsilon=smoothing)(output, labels) if smoothing else output.loss
        optimizer.zero_grad()
        loss.backward()
        clip = args["max_grad_norm"] or math.inf
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), clip).item())
        losses.append(loss.item())
        rates.append(optimizer.param_groups[0]["lr"])
        widths.append(batch["input_ids"].shape[1])
        optimizer.step()
        scheduler.step()
    assert len(losses) == STEPS
    clipped = sum(value > clip for value in norms)
    assert math.isinf(clip) or clipped >= STEPS / 2, f"clipping at {clip} of {norms} can't be seen"
    digits = lambda values: [float(f"{value:.12g}") for value in values]
    return {
        "arguments": args,
        "losses": digits(losses), "grad_norms": digits(norms), "learning_rates": rates, "widths": widths,
        "parameter_norms": {name: norm(parameter) for name, parameter in named.items()},
        "parameters": {name: numbers(named[name]) for name in track},
    }


def arguments(**changed):
    return {
        "learning_rate": 5e-3, "lr_scheduler_type": "linear", "warmup_steps": 0, "weight_decay": 0.0,
        "max_grad_norm": 0.0, "label_smoothing_factor": 0.0, "group_by_length": False, **changed,
    }


# One of each sort: embeddings, a weight and a bias of a layer, a LayerNorm, the head.
TRACK = [
    "bert.embeddings.word_embeddings.weight", "bert.encoder.layer.0.attention.self.value.weight",
    "bert.encoder.layer.1.output.dense.bias", "bert.encoder.layer.0.output.LayerNorm.weight",
    "bert.encoder.layer.1.attention.output.LayerNorm.bias", "bert.pooler.dense.weight", "classifier.weight",
    "classifier.bias",
]


def words(rows, options, target="label", **changed):
    """Ten steps of 8 rows over the rows of words; an epoch's last batch has 4."""
    args = arguments(**changed)
    lengths = [len(row["words"]) + 2 for row in rows]
    batches = []
    for epoch in range(2):
        seed = torch.Generator().manual_seed(SEED + epoch)
        if args["group_by_length"]:
            chosen = get_length_grouped_indices(lengths, 8, generator=seed)
        else:
            chosen = torch.randperm(ROWS, generator=seed).tolist()
        batches += [collate([rows[row] for row in chosen[i : i + 8]], target) for i in range(0, ROWS, 8)]
    return {"target": target, **train(tiny_model(options), batches[:STEPS], args, TRACK)}


def minilm_steps(**changed):
    """Ten steps of 8 over the first rows of the pairs, in their own order."""
    tokenizer = AutoTokenizer.from_pretrained(minilm())
    pairs = load_dataset(str(REPOSITORY / "data" / "paraphrase"), "mrpc_like")["train"]
    model = BertForSequenceClassification.from_pretrained(
        minilm(), num_labels=2, attn_implementation="eager", dtype=torch.float64
    ).eval()
    set_head(model)
    batches = []
    for step in range(STEPS):
        chosen = pairs.select(range(8 * step, 8 * step + 8))
        batch = tokenizer(chosen["sentence1"][:], chosen["sentence2"][:], padding=True, return_tensors="pt")
        batches.append((dict(batch), torch.tensor(chosen["label"][:])))
    return train(model, batches, arguments(learning_rate=5e-5, **changed), ["classifier.weight", "classifier.bias"])


if __name__ == "__main__":
    shape = {
        "vocab_size": WORDS + SPECIAL, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 24, "max_position_embeddings": 12, "pad_token_id": PAD,
    }
    two = {**shape, "id2label": {"0": "no", "1": "yes"}}
    one = {**shape, "id2label": {"0": "score"}}
    rows = rows_of_words()
    write("training.json", {
        "scale": SCALE,
        "rows": rows,
        "configs": {"label": {"model_type": "bert", **two}, "score": {"model_type": "bert", **one}},
        "steps": {
            "plain": words(rows, two),
            "warm-up": words(rows, two, warmup_steps=4, lr_scheduler_type="cosine"),
            "clipped": words(rows, two, max_grad_norm=0.5),
            "decay 0.01": words(rows, two, weight_decay=0.01),
            "decay 0.1": words(rows, two, weight_decay=0.1),
            "smoothing 0.1": words(rows, two, label_smoothing_factor=0.1),
            "all at once": words(
                rows, two, weight_decay=0.1, label_smoothing_factor=0.1, max_grad_norm=0.5, warmup_steps=2,
                lr_scheduler_type="polynomial",
            ),
            "head only": words(rows, two, train_head_only=True),
            "lowest parts frozen": words(
                rows, two, freeze_embeddings=True, freeze_layers=[0], weight_decay=0.1, max_grad_norm=0.3,
            ),
            "a layer between frozen": words(rows, two, freeze_layers=[1], weight_decay=0.1),
            "layer-wise decay": words(rows, two, llrd=0.7, weight_decay=0.1, warmup_steps=4),
            "layer-wise decay, a part frozen": words(rows, two, llrd=0.9, freeze_layers=[0], freeze_embeddings=True),
            "grouped by length": words(rows, two, group_by_length=True),
            "regression": words(rows, one, "score"),
            "regression, clipped and decayed": words(rows, one, "score", max_grad_norm=2.0, weight_decay=0.1),
        },
        "minilm": {
            "plain": minilm_steps(),
            "clipped": minilm_steps(max_grad_norm=0.3),
            "decayed and smoothed": minilm_steps(weight_decay=0.1, label_smoothing_factor=0.1),
        },
    }, ["torch", "transformers", "tokenizers", "datasets"])
