"""Tiny models of every family and task, of transformers in float64, on one batch each: logits, loss, the
gradient of every parameter, and the losses of five steps of AdamW.

Of a gradient its norm is told, and its product with drawn numbers, which no permutation or change of sign
leaves alone.
"""

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoModelForTokenClassification

from common import write
from drawn import SCALE, drawn, norm, numbers, set_drawn_weights

LABELS = 3
STEPS = 5

SHAPE = {
    "vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4,
    "intermediate_size": 24, "max_position_embeddings": 40, "pad_token_id": 0,
}
# Positions of these are counted from the padding token's id, 1.
COUNTED = {**SHAPE, "pad_token_id": 1, "max_position_embeddings": 42}
DISTILBERT = {
    "vocab_size": 40, "dim": 16, "n_layers": 2, "n_heads": 4, "hidden_dim": 24,
    "max_position_embeddings": 40, "pad_token_id": 0,
}
MODERNBERT = {**SHAPE, "num_hidden_layers": 4, "local_attention": 6, "global_attn_every_n_layers": 3,
              "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}
DEBERTA = {**SHAPE, "relative_attention": True, "position_buckets": 6, "norm_rel_ebd": "layer_norm",
           "share_att_key": True, "pos_att_type": "p2c|c2p", "position_biased_input": False}

# Padding on the left makes the first token one of padding, and DeBERTa lets that see nothing: its logits are
# of no use to anyone, and not compared.
# Name: model_type, options, rows, tokens of the longest, padding on the left.
CASES = {
    "bert, three types, one layer, relu": ("bert", {**SHAPE, "type_vocab_size": 3, "num_hidden_layers": 1, "hidden_act": "relu"}, 4, 9, False),
    "distilbert": ("distilbert", DISTILBERT, 5, 11, False),
    "distilbert, one head, silu": ("distilbert", {**DISTILBERT, "n_heads": 1, "activation": "silu"}, 4, 7, True),
    "roberta": ("roberta", {**COUNTED, "type_vocab_size": 1, "layer_norm_eps": 1e-5}, 5, 11, False),
    "roberta, padded on the left, two types": ("roberta", {**COUNTED, "type_vocab_size": 2}, 4, 7, True),
    "xlm-roberta, another padding token": ("xlm-roberta", {**COUNTED, "type_vocab_size": 1, "pad_token_id": 0}, 4, 8, False),
    "camembert, gelu_new": ("camembert", {**COUNTED, "type_vocab_size": 1, "hidden_act": "gelu_new"}, 4, 8, False),
    "electra, narrow embeddings": ("electra", {**SHAPE, "embedding_size": 8}, 5, 11, False),
    "electra, embeddings as wide": ("electra", {**SHAPE, "embedding_size": 16}, 4, 7, True),
    "mpnet": ("mpnet", COUNTED, 5, 37, False),
    "mpnet, padded on the left": ("mpnet", {**COUNTED, "num_attention_heads": 2}, 4, 9, True),
    "albert": ("albert", {**SHAPE, "embedding_size": 8, "num_hidden_layers": 3}, 5, 11, False),
    "albert, two groups of two layers": ("albert", {**SHAPE, "embedding_size": 16, "num_hidden_layers": 4, "num_hidden_groups": 2, "inner_group_num": 2, "hidden_act": "gelu"}, 4, 7, True),
    "deberta-v3": ("deberta-v2", DEBERTA, 5, 23, False),
    "deberta-v3, one head": ("deberta-v2", {**DEBERTA, "num_attention_heads": 1}, 4, 9, False),
    "deberta-v2, convolution": ("deberta-v2", {**DEBERTA, "conv_kernel_size": 3, "conv_act": "gelu"}, 5, 11, False),
    "deberta-v2, convolution of five": ("deberta-v2", {**DEBERTA, "conv_kernel_size": 5}, 4, 9, False),
    "deberta-v2, own projections, positions and types": ("deberta-v2", {**DEBERTA, "share_att_key": False, "position_biased_input": True, "type_vocab_size": 2, "norm_rel_ebd": "none"}, 4, 9, False),
    "deberta-v2, c2p alone, no buckets": ("deberta-v2", {**DEBERTA, "share_att_key": False, "pos_att_type": "c2p", "position_buckets": -1, "max_relative_positions": 8}, 4, 11, False),
    "deberta-v2, p2c alone, shared": ("deberta-v2", {**DEBERTA, "pos_att_type": "p2c"}, 4, 9, False),
    "deberta-v2, nothing relative, narrow embeddings": ("deberta-v2", {**SHAPE, "embedding_size": 8, "relative_attention": False, "pooler_hidden_act": "tanh"}, 4, 9, False),
    "modernbert": ("modernbert", MODERNBERT, 5, 23, False),
    "modernbert, mean, padded on the left": ("modernbert", {**MODERNBERT, "classifier_pooling": "mean"}, 4, 13, True),
    "modernbert, all biases": ("modernbert", {**MODERNBERT, "norm_bias": True, "attention_bias": True, "mlp_bias": True, "classifier_bias": True, "classifier_pooling": "mean"}, 4, 9, False),
}


def no_dropout(config):
    """Sets every probability of the configuration to zero."""
    for name in vars(config).keys() | type(config).__dataclass_fields__.keys():
        if "dropout" in name:
            setattr(config, name, 0.0)


def batch_of(config, rows, seq, pad_left):
    """Rows of several lengths, of ids above those of padding."""
    types = getattr(config, "type_vocab_size", 0) or 0
    ids = torch.full((rows, seq), config.pad_token_id)
    token_types = torch.zeros((rows, seq), dtype=torch.long)
    mask = torch.zeros((rows, seq), dtype=torch.long)
    for row in range(rows):
        length = [seq, 1, seq // 2 + 1, seq - 1][row % 4]
        place = slice(seq - length, seq) if pad_left else slice(0, length)
        places = torch.from_numpy(drawn(f"ids {row}", length)).double()
        ids[row, place] = 2 + ((places + 1) / 2 * (config.vocab_size - 2)).long()
        token_types[row, place] = torch.arange(length) * types // length
        mask[row, place] = 1
    batch = {"input_ids": ids, "attention_mask": mask}
    return {**batch, "token_type_ids": token_types} if types > 0 else batch


def labels_of(task, rows, seq, mask):
    if task == "single_label_classification":
        return torch.arange(rows) % LABELS
    if task == "multi_label_classification":
        return ((torch.arange(rows * LABELS).reshape(rows, LABELS) * 7) % 3 < 1).double()
    if task == "regression":
        return (torch.arange(rows) * 0.75 - 1).double()
    labels = torch.arange(rows * seq).reshape(rows, seq) % LABELS
    labels[mask == 0] = -100
    labels[:, ::4] = -100
    return labels


def model_of(model_type, options, task):
    count = 1 if task == "regression" else LABELS
    problem = {} if task == "tokens" else {"problem_type": task}
    config = AutoConfig.for_model(model_type, num_labels=count, **problem, **options)
    no_dropout(config)
    # Eager attention gives NaN where a query of padding sees no token in its window.
    attention = "sdpa" if model_type == "modernbert" else "eager"
    config._attn_implementation = attention
    auto = AutoModelForTokenClassification if task == "tokens" else AutoModelForSequenceClassification
    model = auto.from_config(config, attn_implementation=attention, dtype=torch.float64)
    set_drawn_weights(model)
    return model.eval()


def case(model_type, options, rows, seq, pad_left):
    tasks = {}
    for task in ["single_label_classification", "multi_label_classification", "regression", "tokens"]:
        model = model_of(model_type, options, task)
        batch = batch_of(model.config, rows, seq, pad_left)
        labels = labels_of(task, rows, seq, batch["attention_mask"])
        output = model(**batch, labels=labels)
        output.loss.backward()
        gradients = {}
        for name, parameter in model.named_parameters():
            gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            weights = torch.from_numpy(drawn(f"{name} gradient", gradient.numel())).double()
            gradients[name] = [norm(gradient), *numbers((gradient.flatten() * weights).sum())]
        value = {
            "labels": labels.flatten().tolist(),
            "logits": numbers(output.logits),
            "loss": float(f"{output.loss.item():.12g}"),
            "gradients": gradients,
        }
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
        losses = []
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss = model(**batch, labels=labels).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(float(f"{loss.item():.12g}"))
        tasks[task] = {**value, "losses": losses}
    told = {
        "rows": rows, "seq": seq, "pad_left": pad_left,
        "input_ids": batch["input_ids"].flatten().tolist(),
        "lengths": batch["attention_mask"].sum(1).tolist(),
    }
    if "token_type_ids" in batch:
        told["token_type_ids"] = batch["token_type_ids"].flatten().tolist()
    return {"config": {"model_type": model_type, **options}, "batch": told, "tasks": tasks}


if __name__ == "__main__":
    write("families.json", {
        "scale": SCALE,
        "cases": {name: case(*values) for name, values in CASES.items()},
    }, ["torch", "transformers"])
