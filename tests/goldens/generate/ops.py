"""Single ops of PyTorch, in float64 over inputs that are float32: outputs and gradients."""

import math

import torch
from torch.nn import functional as F
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


def linear(rows, inner, out, every):
    x = tensor("x", rows * every, inner).requires_grad_()
    weight = tensor("weight", out, inner).requires_grad_()
    bias = tensor("bias", out).requires_grad_()
    dy = tensor("dy", rows, out)
    y = F.linear(x[::every], weight, bias)
    dx, dweight, dbias = gradients(y, dy, [x, weight, bias])
    return case(
        {"x": x, "weight": weight, "bias": bias, "dy": dy},
        {"y": y, "dx": dx, "dweight": dweight, "dbias": dbias},
        every=every,
    )


def elementwise(function, scale):
    x = tensor("x", 6, 12, scale=scale).requires_grad_()
    dy = tensor("dy", 6, 12)
    y = function(x)
    (dx,) = gradients(y, dy, [x])
    return case({"x": x, "dy": dy}, {"y": y, "dx": dx})


def layer_norm(rows, cols, epsilon, residual):
    x = tensor("x", rows, cols, scale=2.0).requires_grad_()
    r = tensor("residual", rows, cols).requires_grad_() if residual else None
    gamma = (1 + 0.5 * tensor("gamma", cols)).requires_grad_()
    beta = tensor("beta", cols).requires_grad_()
    dy = tensor("dy", rows, cols)
    y = F.layer_norm(x + r if residual else x, [cols], gamma, beta, epsilon)
    dx, dgamma, dbeta = gradients(y, dy, [x, gamma, beta])
    return case(
        {"x": x, "residual": r, "gamma": gamma, "beta": beta, "dy": dy},
        {"y": y, "dx": dx, "dgamma": dgamma, "dbeta": dbeta},
        epsilon=epsilon,
    )


def mask(lengths, seq, pad_left):
    """Which keys count, `[batch, 1, 1, seq]`."""
    places = torch.arange(seq)
    real = torch.stack([(places >= seq - n) if pad_left else (places < n) for n in lengths])
    return real[:, None, None, :]


def attention(seq, heads, head_dim, lengths, pad_left, scale, values_are_unit=False):
    """Query, key and value side by side, as one projection gives them: `[batch * seq, 3 * hidden]`."""
    batch, hidden = len(lengths), heads * head_dim
    qkv = tensor("qkv", batch * seq, 3 * hidden, scale=scale)
    if values_are_unit:
        # Then the context is the softmax itself.
        qkv[:, 2 * hidden :] = torch.eye(seq, head_dim, dtype=torch.float64).repeat(batch, heads)
    qkv.requires_grad_()
    dcontext = tensor("dcontext", batch * seq, hidden)
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


def cross_entropy(rows, classes, smoothing, scale):
    logits = tensor("logits", rows, classes, scale=5.0).requires_grad_()
    labels = torch.arange(rows) * 5 % classes
    if smoothing > 0:
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
        labels=labels.tolist(), smoothing=smoothing, scale=scale,
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
        "linear": [linear(5, 8, 12, 1), linear(3, 12, 8, 3), linear(7, 16, 2, 1)],
        "gelu": [elementwise(F.gelu, 6.0)],
        "tanh": [elementwise(torch.tanh, 4.0)],
        "layer_norm": [layer_norm(4, 16, 1e-12, True), layer_norm(5, 8, 1e-5, False), layer_norm(3, 20, 0.1, True)],
        "attention": [
            attention(pad_left=False, scale=2.0, **ragged),
            attention(pad_left=True, scale=2.0, **ragged),
        ],
        "softmax": [
            attention(pad_left=False, scale=3.0, **softmax),
            attention(pad_left=True, scale=3.0, **softmax),
        ],
        "cross_entropy": [
            cross_entropy(6, 2, 0.0, 1.0),
            cross_entropy(5, 3, 0.1, 0.25),
            cross_entropy(8, 7, 0.1, 1.0),
            cross_entropy(4, 7, 0.3, 0.5),
        ],
        "mse": [mse(7, 1.0), mse(4, 0.25)],
        "embedding": [embedding(5, 8, 0), embedding(5, 8, 3)],
        "adamw": [adamw(0.0, 0.0), adamw(1.0, 0.01), adamw(0.5, 0.1)],
    }, ["torch", "transformers"])
