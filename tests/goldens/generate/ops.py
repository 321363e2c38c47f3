"""Single ops of PyTorch, in float64 over inputs that are float32: outputs and gradients."""

import math

import torch
from torch.nn import functional as F
from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position
from transformers.models.modernbert.modeling_modernbert import rotate_half
from transformers.models.mpnet.modeling_mpnet import MPNetEncoder
from transformers.trainer_pt_utils import LabelSmoother

from common import write
from drawn import numbers, tensor


def case(inputs, outputs, **settings):
    """One golden: settings, inputs and outputs by name, each with its shape."""
    written = {
        kind: {
            name: {"shape": list(value.shape), "values": numbers(value)}
            for name, value in values.items()
            if value is not None
        }
        for kind, values in (("inputs", inputs), ("outputs", outputs))
    }
    return {**settings, **written}


def gradients(output, along, leaves):
    """The gradients of sum(output * along)."""
    return torch.autograd.grad((output * along).sum(), leaves)


def linear(rows, inner, out, every, with_bias=True):
    x = tensor("x", rows * every, inner).requires_grad_()
    weight = tensor("weight", out, inner).requires_grad_()
    bias = tensor("bias", out).requires_grad_() if with_bias else None
    dy = tensor("dy", rows, out)
    y = F.linear(x[::every], weight, bias)
    dx, dweight, *dbias = gradients(y, dy, [x, weight, bias] if with_bias else [x, weight])
    return case(
        {"x": x, "weight": weight, "bias": bias, "dy": dy},
        {"y": y, "dx": dx, "dweight": dweight, "dbias": dbias[0] if with_bias else None},
        every=every,
    )


def elementwise(function, scale):
    x = tensor("x", 6, 12, scale=scale).requires_grad_()
    dy = tensor("dy", 6, 12)
    y = function(x)
    (dx,) = gradients(y, dy, [x])
    return case({"x": x, "dy": dy}, {"y": y, "dx": dx})


def gelu_tanh(x):
    return F.gelu(x, approximate="tanh")


def gated(function, scale):
    """The activation of the left half of the columns times the right half."""
    x = tensor("x", 6, 20, scale=scale).requires_grad_()
    dy = tensor("dy", 6, 10)
    left, right = x.chunk(2, dim=-1)
    y = function(left) * right
    (dx,) = gradients(y, dy, [x])
    return case({"x": x, "dy": dy}, {"y": y, "dx": dx})


def layer_norm(rows, cols, epsilon, residual, with_beta=True):
    x = tensor("x", rows, cols, scale=2.0).requires_grad_()
    r = tensor("residual", rows, cols).requires_grad_() if residual else None
    gamma = (1 + 0.5 * tensor("gamma", cols)).requires_grad_()
    beta = tensor("beta", cols).requires_grad_() if with_beta else None
    dy = tensor("dy", rows, cols)
    y = F.layer_norm(x + r if residual else x, [cols], gamma, beta, epsilon)
    dx, dgamma, *dbeta = gradients(y, dy, [x, gamma, beta] if with_beta else [x, gamma])
    return case(
        {"x": x, "residual": r, "gamma": gamma, "beta": beta, "dy": dy},
        {"y": y, "dx": dx, "dgamma": dgamma, "dbeta": dbeta[0] if with_beta else None},
        epsilon=epsilon,
    )


def mask(lengths, seq, pad_left):
    """Which keys count, `[batch, 1, 1, seq]`."""
    places = torch.arange(seq)
    real = torch.stack([(places >= seq - n) if pad_left else (places < n) for n in lengths])
    return real[:, None, None, :]


def queries(lengths, seq, pad_left):
    """What counts of the contexts, `[batch * seq, 1]`: padding after the tokens is never computed."""
    if pad_left:
        return torch.ones(len(lengths) * seq, 1)
    return mask(lengths, seq, pad_left).reshape(-1, 1)


def attention(seq, heads, head_dim, lengths, pad_left, scale, values_are_unit=False):
    """Query, key and value side by side, as one projection gives them: `[batch * seq, 3 * hidden]`."""
    batch, hidden = len(lengths), heads * head_dim
    qkv = tensor("qkv", batch * seq, 3 * hidden, scale=scale)
    if values_are_unit:
        # Then the context is the softmax itself.
        qkv[:, 2 * hidden :] = torch.eye(seq, head_dim, dtype=torch.float64).repeat(batch, heads)
    qkv.requires_grad_()
    dcontext = tensor("dcontext", batch * seq, hidden) * queries(lengths, seq, pad_left)
    parts = qkv.reshape(batch, seq, 3, heads, head_dim).permute(2, 0, 3, 1, 4)
    context = F.scaled_dot_product_attention(*parts, attn_mask=mask(lengths, seq, pad_left))
    context = context.transpose(1, 2).reshape(batch * seq, hidden)
    (dqkv,) = gradients(context, dcontext, [qkv])
    if values_are_unit:
        scores = (parts[0] @ parts[1].mT) / math.sqrt(head_dim)
        scores = scores.masked_fill(~mask(lengths, seq, pad_left), -math.inf)
        softmax = scores.softmax(-1).transpose(1, 2).reshape(batch * seq, -1)
        assert torch.allclose(softmax, context.reshape(batch * seq, -1)[:, : softmax.shape[1]])
    return case(
        {"qkv": qkv, "dcontext": dcontext},
        {"context": context, "dqkv": dqkv},
        seq=seq, heads=heads, head_dim=head_dim, lengths=lengths, pad_left=pad_left,
    )


def distances(seq):
    """i - j of queries i and keys j, by the index i - j + seq - 1."""
    return torch.arange(1 - seq, seq)


def by_pair(seq):
    """The index i - j + seq - 1 of queries i and keys j, `[seq, seq]`."""
    places = torch.arange(seq)
    return places[:, None] - places[None, :] + seq - 1


def biased(seq, heads, head_dim, lengths, pad_left, bias, window=None):
    """Attention whose scores get what `bias(query, key, scale)` says; queries that see no key give zero."""
    batch, hidden = len(lengths), heads * head_dim
    qkv = tensor("qkv", batch * seq, 3 * hidden, scale=2.0).requires_grad_()
    dcontext = tensor("dcontext", batch * seq, hidden) * queries(lengths, seq, pad_left)
    query, key, value = qkv.reshape(batch, seq, 3, heads, head_dim).permute(2, 0, 3, 1, 4)
    scale, added, leaves = bias(query, key)
    scores = scale * (query @ key.mT) + added
    seen = mask(lengths, seq, pad_left).expand(batch, 1, seq, seq)
    if window is not None:
        seen = seen & (distances(seq)[by_pair(seq)].abs() <= window)
    # A row of nothing but -inf would be NaN, and so would be its gradient.
    scores = scores.masked_fill(~seen, -1e30)
    softmax = scores.softmax(-1) * seen.any(-1, keepdim=True)
    context = (softmax @ value).transpose(1, 2).reshape(batch * seq, hidden)
    dqkv, *rest = gradients(context, dcontext, [qkv, *leaves.values()])
    return case(
        {"qkv": qkv, "dcontext": dcontext, **leaves},
        {"context": context, "dqkv": dqkv, **{f"d{name}": d for name, d in zip(leaves, rest)}},
        seq=seq, heads=heads, head_dim=head_dim, lengths=lengths, pad_left=pad_left, window=window, scale=scale,
    )


def windowed(window, **shape):
    return biased(bias=lambda query, key: (1 / math.sqrt(query.shape[-1]), 0.0, {}), window=window, **shape)


def relative(buckets, **shape):
    """MPNet's bias: a number a head and bucket of the distance."""
    seq, heads = shape["seq"], shape["heads"]
    # MPNet's function takes j - i.
    index = MPNetEncoder.relative_position_bucket(-distances(seq), num_buckets=buckets, max_distance=8)

    def bias(query, key):
        table = tensor("table", buckets, heads, scale=2.0).requires_grad_()
        added = table[index[by_pair(seq)]].permute(2, 0, 1).unsqueeze(0)
        return 1 / math.sqrt(query.shape[-1]), added, {"table": table}

    return {"index": index.tolist(), **biased(bias=bias, **shape)}


def disentangled(kinds, columns, **shape):
    """DeBERTa's c2p and p2c, gathered as `DisentangledSelfAttention.disentangled_attention_bias` does it."""
    seq, heads, head_dim = shape["seq"], shape["heads"], shape["head_dim"]
    hidden, span = heads * head_dim, 4
    # Distances to the same bucket on either side, as position_buckets and max_relative_positions give them.
    relative_pos = make_log_bucket_position(distances(seq)[by_pair(seq)], span, 16).long()
    index = (make_log_bucket_position(distances(seq), span, 16).long() + span).clamp(0, 2 * span - 1)

    def bias(query, key):
        positions = tensor("positions", 2 * span, columns * hidden).requires_grad_()
        scale = 1 / math.sqrt(head_dim * (1 + len(kinds)))
        added = 0.0
        if "c2p" in kinds:
            of_heads = positions[:, kinds["c2p"] * hidden :][:, :hidden].reshape(2 * span, heads, head_dim)
            products = query @ of_heads.permute(1, 2, 0)
            at = (relative_pos + span).clamp(0, 2 * span - 1)
            added = added + scale * products.gather(-1, at.expand(*products.shape[:3], seq))
        if "p2c" in kinds:
            of_heads = positions[:, kinds["p2c"] * hidden :][:, :hidden].reshape(2 * span, heads, head_dim)
            products = key @ of_heads.permute(1, 2, 0)
            at = (-relative_pos + span).clamp(0, 2 * span - 1)
            added = added + scale * products.gather(-1, at.expand(*products.shape[:3], seq)).mT
        return scale, added, {"positions": positions}

    settings = {
        "index": index.tolist(),
        "queries": kinds["p2c"] * hidden if "p2c" in kinds else None,
        "keys": kinds["c2p"] * hidden if "c2p" in kinds else None,
    }
    return {**settings, **biased(bias=bias, **shape)}


def rope(seq, heads, head_dim):
    """ModernBERT's rotation of query and key, in float64."""
    hidden = heads * head_dim
    qkv = tensor("qkv", 2 * seq, 3 * hidden).requires_grad_()
    dy = tensor("dy", 2 * seq, 3 * hidden)
    inverse = 10_000.0 ** (-torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
    angles = torch.arange(seq)[:, None] * inverse
    # Numbers that float32 has, so that both compute from the same.
    table = torch.cat([angles.cos(), angles.sin()], dim=-1).float().double()
    cos, sin = (half.repeat(1, 2) for half in table.chunk(2, dim=-1))
    parts = qkv.reshape(2, seq, 3, heads, head_dim).permute(2, 0, 3, 1, 4)
    turned = [x * cos + rotate_half(x) * sin for x in parts[:2]]
    y = torch.stack([*turned, parts[2]]).permute(1, 3, 0, 2, 4).reshape(2 * seq, 3 * hidden)
    (dqkv,) = gradients(y, dy, [qkv])
    return case({"qkv": qkv, "dy": dy, "table": table}, {"y": y, "dqkv": dqkv}, seq=seq, heads=heads, head_dim=head_dim)


def mean_pool(lengths, seq, hidden):
    """ModernBERT's mean pooling."""
    batch = len(lengths)
    x = tensor("x", batch * seq, hidden).requires_grad_()
    dy = tensor("dy", batch, hidden)
    real = mask(lengths, seq, False).reshape(batch, seq, 1)
    y = (x.reshape(batch, seq, hidden) * real).sum(dim=1) / real.sum(dim=1)
    (dx,) = gradients(y, dy, [x])
    return case({"x": x, "dy": dy}, {"y": y, "dx": dx}, lengths=lengths, seq=seq, pad_left=False)


def convolution(lengths, seq, hidden, out, kernel, pad_left):
    """DeBERTa's convolution over states that are zero on padding."""
    batch = len(lengths)
    x = tensor("x", batch * seq, hidden).requires_grad_()
    weight = tensor("weight", out, hidden, kernel).requires_grad_()
    dy = tensor("dy", batch * seq, out) * queries(lengths, seq, pad_left)
    real = mask(lengths, seq, pad_left).reshape(batch, seq, 1)
    states = (x.reshape(batch, seq, hidden) * real).mT
    y = F.conv1d(states, weight, padding=(kernel - 1) // 2).mT.reshape(batch * seq, out)
    dx, dweight = gradients(y, dy, [x, weight])
    return case(
        {"x": x, "weight": weight, "dy": dy}, {"y": y, "dx": dx, "dweight": dweight},
        lengths=lengths, seq=seq, kernel=kernel, pad_left=pad_left,
    )


def cross_entropy(rows, classes, smoothing, scale, ignored=(), weights=(), gamma=0.0):
    """With weights as `CrossEntropyLoss(weight=…)` has it; with gamma the focal loss, its mean by the weights too."""
    logits = tensor("logits", rows, classes, scale=5.0).requires_grad_()
    labels = torch.arange(rows) * 5 % classes
    labels[list(ignored)] = -100
    weight = torch.tensor(weights, dtype=logits.dtype) if weights else None
    if gamma > 0:
        kept = labels >= 0
        log_p = F.log_softmax(logits[kept], dim=1).gather(1, labels[kept].unsqueeze(1)).squeeze(1)
        each = torch.ones_like(log_p) if weight is None else weight[labels[kept]]
        loss = -(each * (1 - log_p.exp()) ** gamma * log_p).sum() / each.sum()
    elif weights:
        loss = F.cross_entropy(logits, labels, weight, label_smoothing=smoothing)
    elif smoothing > 0:
        loss = LabelSmoother(epsilon=smoothing)({"logits": logits}, labels)
        torch.testing.assert_close(
            loss, F.cross_entropy(logits, labels, label_smoothing=smoothing), rtol=1e-6, atol=0, check_dtype=False
        )
        # LabelSmoother sums in float32; the same formula in float64.
        loss = F.cross_entropy(logits, labels, label_smoothing=smoothing)
    else:
        loss = F.cross_entropy(logits, labels)
    (dlogits,) = torch.autograd.grad(scale * loss, [logits])
    return case(
        {"logits": logits}, {"loss": loss.reshape(1), "dlogits": dlogits},
        labels=labels.tolist(), smoothing=smoothing, scale=scale, weights=list(weights), gamma=gamma,
    )


def bce_with_logits(rows, labels, scale):
    logits = tensor("logits", rows, labels, scale=20.0).requires_grad_()
    targets = (tensor("targets", rows, labels) > 0.3).double()
    loss = F.binary_cross_entropy_with_logits(logits, targets)
    (dlogits,) = torch.autograd.grad(scale * loss, [logits])
    return case(
        {"logits": logits, "targets": targets}, {"loss": loss.reshape(1), "dlogits": dlogits}, scale=scale
    )


def mse(rows, scale):
    logits = tensor("logits", rows, 1, scale=3.0).requires_grad_()
    targets = tensor("targets", rows, scale=5.0)
    loss = F.mse_loss(logits.squeeze(1), targets)
    (dlogits,) = torch.autograd.grad(scale * loss, [logits])
    return case(
        {"logits": logits, "targets": targets}, {"loss": loss.reshape(1), "dlogits": dlogits}, scale=scale
    )


def embedding(seq, cols, padding_idx):
    word, position, token_type = (
        tensor(name, entries, cols).requires_grad_()
        for name, entries in (("word", 11), ("position", 7), ("token_type", 2))
    )
    ids = torch.tensor([[2, 10, 3, 3, 7], [3, 1, 0, 0, 0]])
    types = torch.tensor([[0, 0, 1, 1, 1], [0, 1, 0, 0, 0]])
    places = torch.arange(seq)
    y = F.embedding(ids, word, padding_idx) + F.embedding(places, position) + F.embedding(types, token_type)
    y = y.reshape(-1, cols)
    dy = tensor("dy", *y.shape)
    dword, dposition, dtype = gradients(y, dy, [word, position, token_type])
    return case(
        {"word": word, "position": position, "token_type": token_type, "dy": dy},
        {"y": y, "dword": dword, "dposition": dposition, "dtoken_type": dtype},
        ids=ids.flatten().tolist(), types=types.flatten().tolist(), seq=seq, padding_idx=padding_idx,
    )


def adamw(max_norm, weight_decay):
    """Three steps of `torch.optim.AdamW` with a rate that changes; of two tensors only the first decays."""
    decayed = tensor("decayed", 3, 8).requires_grad_()
    kept = tensor("kept", 10).requires_grad_()
    groups = [{"params": [decayed], "weight_decay": weight_decay}, {"params": [kept], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.999), eps=1e-8)
    inputs = {"decayed": decayed.detach().clone(), "kept": kept.detach().clone()}
    outputs, rates, norms = {}, [1e-2, 5e-3, 2.5e-3], []
    for step, rate in enumerate(rates):
        for name, parameter in (("decayed", decayed), ("kept", kept)):
            # Large at first, so that only some steps are clipped.
            parameter.grad = tensor(f"{name} {step}", *parameter.shape, scale=[1.0, 0.05, 0.3][step])
            inputs[f"d{name} {step}"] = parameter.grad.clone()
        for group in optimizer.param_groups:
            group["lr"] = rate
        norms.append(torch.nn.utils.clip_grad_norm_([decayed, kept], max_norm or math.inf).item())
        optimizer.step()
        for name, parameter in (("decayed", decayed), ("kept", kept)):
            state = optimizer.state[parameter]
            outputs[f"{name} {step}"] = parameter.detach().clone()
            outputs[f"exp_avg {name} {step}"] = state["exp_avg"].clone()
            outputs[f"exp_avg_sq {name} {step}"] = state["exp_avg_sq"].clone()
    if max_norm:
        assert min(norms) < max_norm < max(norms)
    return case(inputs, outputs, rates=rates, norms=norms, max_norm=max_norm, weight_decay=weight_decay)


if __name__ == "__main__":
    ragged = {"seq": 6, "heads": 2, "head_dim": 4, "lengths": [6, 1, 4]}
    softmax = {"seq": 8, "heads": 2, "head_dim": 8, "lengths": [8, 5], "values_are_unit": True}
    write("ops.json", {
        "linear": [linear(5, 8, 12, 1), linear(3, 12, 8, 3), linear(7, 16, 2, 1), linear(5, 8, 12, 1, False)],
        "gelu": [elementwise(F.gelu, 6.0)],
        "gelu_tanh": [elementwise(gelu_tanh, 6.0)],
        "relu": [elementwise(F.relu, 6.0)],
        "silu": [elementwise(F.silu, 6.0)],
        "tanh": [elementwise(torch.tanh, 4.0)],
        "gated_gelu": [gated(F.gelu, 6.0)],
        "gated_gelu_tanh": [gated(gelu_tanh, 6.0)],
        "gated_relu": [gated(F.relu, 6.0)],
        "gated_silu": [gated(F.silu, 6.0)],
        "gated_tanh": [gated(torch.tanh, 4.0)],
        "layer_norm": [
            layer_norm(4, 16, 1e-12, True),
            layer_norm(5, 8, 1e-5, False),
            layer_norm(3, 20, 0.1, True),
            layer_norm(4, 16, 1e-5, False, with_beta=False),
        ],
        "attention": [
            attention(pad_left=False, scale=2.0, **ragged),
            attention(pad_left=True, scale=2.0, **ragged),
        ],
        "softmax": [
            attention(pad_left=False, scale=3.0, **softmax),
            attention(pad_left=True, scale=3.0, **softmax),
        ],
        "windowed": [
            windowed(1, pad_left=False, **ragged),
            windowed(2, pad_left=True, **ragged),
            windowed(0, pad_left=False, **ragged),
        ],
        "relative": [relative(8, pad_left=False, **ragged), relative(6, pad_left=True, **ragged)],
        "disentangled": [
            disentangled({"p2c": 0, "c2p": 1}, 2, pad_left=False, **ragged),
            disentangled({"c2p": 0, "p2c": 2}, 3, pad_left=True, **ragged),
            disentangled({"c2p": 0}, 1, pad_left=False, **ragged),
            disentangled({"p2c": 1}, 2, pad_left=False, **ragged),
        ],
        "rope": [rope(5, 2, 8), rope(3, 3, 4)],
        "mean_pool": [mean_pool([5, 1, 3], 5, 8), mean_pool([2, 7], 7, 12)],
        "convolution": [
            convolution([6, 1, 4], 6, 8, 12, 3, False),
            convolution([6, 1, 4], 6, 4, 8, 5, True),
        ],
        "cross_entropy": [
            cross_entropy(6, 2, 0.0, 1.0),
            cross_entropy(5, 3, 0.1, 0.25),
            cross_entropy(8, 7, 0.1, 1.0),
            cross_entropy(4, 7, 0.3, 0.5),
            cross_entropy(9, 5, 0.0, 1.0, ignored=[0, 3, 8]),
            cross_entropy(9, 5, 0.2, 0.5, ignored=[1, 2]),
            cross_entropy(6, 2, 0.0, 1.0, weights=[0.25, 3.0]),
            cross_entropy(9, 5, 0.0, 0.5, ignored=[0, 8], weights=[0.5, 1.0, 2.0, 0.125, 4.0]),
            cross_entropy(9, 5, 0.2, 1.0, ignored=[1], weights=[0.5, 1.0, 2.0, 0.125, 4.0]),
            cross_entropy(6, 2, 0.0, 1.0, gamma=2.0),
            cross_entropy(9, 5, 0.0, 0.5, ignored=[3], gamma=0.5),
            cross_entropy(9, 5, 0.0, 1.0, ignored=[3], weights=[0.5, 1.0, 2.0, 0.125, 4.0], gamma=2.0),
        ],
        "bce_with_logits": [bce_with_logits(7, 3, 1.0), bce_with_logits(1, 5, 0.25)],
        "mse": [mse(7, 1.0), mse(4, 0.25)],
        "embedding": [embedding(5, 8, 0), embedding(5, 8, 3)],
        "adamw": [adamw(0.0, 0.0), adamw(1.0, 0.01), adamw(0.5, 0.1)],
    }, ["torch", "transformers"])
