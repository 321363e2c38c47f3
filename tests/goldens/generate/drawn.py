"""What the goldens of models and kernels share: numbers that Rust draws again, and how they are written.

A tiny model's weights are a hash of their name and place, so that no file of weights is needed:
`crates/model/tests/support/mod.rs` draws the same bits.
"""

import numpy as np
import torch
from transformers import BertConfig, BertForSequenceClassification

# Weights of a tiny model lie within it: large enough for gradients and attention that vary.
SCALE = 0.4


def drawn(name, count):
    """`count` float32 in [-1, 1): FNV-1a of the name and the place, mixed as MurmurHash3 ends."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x01000193) % 2**32
    with np.errstate(over="ignore"):
        h = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(seed)
        h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        h = h ^ (h >> np.uint32(16))
    return (h >> np.uint32(8)).astype(np.float32) / np.float32(2**23) - np.float32(1)


def tensor(name, *shape, scale=1.0):
    """A float64 tensor whose numbers are float32."""
    values = drawn(name, int(np.prod(shape))) * np.float32(scale)
    return torch.from_numpy(values.astype(np.float64)).reshape(shape)


def tiny_model(options):
    """A BERT in float64 without dropout, of the configuration's `options`, with drawn weights."""
    config = BertConfig(
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, attn_implementation="eager", **options
    )
    model = BertForSequenceClassification(config).double()
    set_drawn_weights(model)
    return model.eval()


def set_drawn_weights(model):
    """Gives every parameter numbers drawn from its name."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = drawn(name, parameter.numel())
            if name.lower().endswith("norm.weight"):
                values = np.float32(1) + np.float32(0.2) * values
            elif name.endswith("bias"):
                values = np.float32(0.1) * values
            else:
                values = np.float32(SCALE) * values
            parameter.copy_(torch.from_numpy(values.astype(np.float64)).reshape(parameter.shape))


def set_head(model):
    """Gives a classifier of two classes numbers that any program has: the checkpoint brings none."""
    with torch.no_grad():
        head = model.classifier.weight
        places = torch.arange(head.numel(), dtype=torch.float64)
        values = (0.02 * torch.sin(1.0 + places)).to(torch.float32)
        head.copy_(values.reshape(head.shape).to(head.dtype))
        model.classifier.bias.zero_()


def numbers(values):
    """All numbers in order; nine digits name a float32."""
    flat = torch.as_tensor(values).detach().to(torch.float64).flatten().tolist()
    return [float(f"{x:.9g}") for x in flat]


def norm(values):
    """The L2 norm, to twelve digits."""
    return float(f"{torch.linalg.vector_norm(values.detach().to(torch.float64)).item():.12g}")
