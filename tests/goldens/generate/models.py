"""BERTs of transformers in float64 on one batch each: logits, loss, and the gradients of every parameter.

The tests' MiniLM and `data/tiny` on rows of `data/paraphrase`, with norms for all gradients and numbers
for some; and tiny models of several shapes with all numbers.
"""

import torch
from datasets import load_dataset
from transformers import AutoTokenizer, BertForSequenceClassification
from transformers.trainer_pt_utils import LabelSmoother

from common import REPOSITORY, minilm, write
from drawn import SCALE, drawn, norm, numbers, set_head, tiny_model

ROWS = 8


def pairs(folder, max_length):
    """The first rows of the pairs, padded to the longest."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    train = load_dataset(str(REPOSITORY / "data" / "paraphrase"), "mrpc_like")["train"].select(range(ROWS))
    batch = tokenizer(
        train["sentence1"][:], train["sentence2"][:],
        padding=True, truncation=True, max_length=max_length, return_tensors="pt",
    )
    return dict(batch), torch.tensor(train["label"][:])


def drawn_batch(name, rows, seq, vocabulary, types, pad_token_id, pad_left):
    """Rows of lengths from 1 to `seq`, of ids above those of padding."""
    ids = torch.full((rows, seq), pad_token_id)
    token_types = torch.zeros((rows, seq), dtype=torch.long)
    mask = torch.zeros((rows, seq), dtype=torch.long)
    for row in range(rows):
        length = [seq, 1, seq // 2 + 1, seq - 1][row % 4]
        place = slice(seq - length, seq) if pad_left else slice(0, length)
        places = torch.from_numpy(drawn(f"{name} {row}", length)).double()
        ids[row, place] = 2 + ((places + 1) / 2 * (vocabulary - 2)).long()
        token_types[row, place] = torch.arange(length) * types // length
        mask[row, place] = 1
    return {"input_ids": ids, "token_type_ids": token_types, "attention_mask": mask}


def golden(model, batch, labels, smoothing=0.0, whole=(), rows_of=None):
    """The batch, and what the model gives for it. Gradients of the parameters `whole` are told number by
    number (of all, where it is None), of others the norms; of the word embeddings those of some rows."""
    model.zero_grad()
    output = model(**batch, labels=labels)
    loss = output.loss
    if smoothing > 0:
        loss = LabelSmoother(epsilon=smoothing)(output, labels)
    loss.backward()
    named = dict(model.named_parameters())
    told = named if whole is None else whole
    value = {
        "batch": {
            "rows": len(labels),
            "seq": batch["input_ids"].shape[1],
            "input_ids": batch["input_ids"].flatten().tolist(),
            "token_type_ids": batch["token_type_ids"].flatten().tolist(),
            "lengths": batch["attention_mask"].sum(1).tolist(),
            "pad_left": bool((batch["attention_mask"][:, 0] == 0).any()),
            "labels": labels.tolist(),
        },
        "label_smoothing": smoothing,
        "logits": numbers(output.logits),
        "loss": float(f"{loss.item():.12g}"),
        "gradient_norms": {name: norm(parameter.grad) for name, parameter in named.items()},
        "gradients": {name: numbers(named[name].grad) for name in told},
    }
    if rows_of:
        table = named["bert.embeddings.word_embeddings.weight"].grad
        value["word_gradients"] = {str(token): numbers(table[token]) for token in rows_of}
    return value


def pretrained(folder, max_length, whole, **options):
    model = BertForSequenceClassification.from_pretrained(
        folder, num_labels=2, attn_implementation="eager", dtype=torch.float64
    ).eval()
    set_head(model)
    batch, labels = pairs(folder, max_length)
    # The first row's first words, and padding, whose gradient is zero.
    rows_of = [0, *batch["input_ids"][0, :4].tolist()]
    return golden(model, batch, labels, whole=whole, rows_of=rows_of, **options)


def drawn_model(options, rows, seq, labels, pad_left=False, smoothing=0.0):
    batch = drawn_batch(
        "ids", rows, seq, options["vocab_size"], options.get("type_vocab_size", 2), options["pad_token_id"], pad_left
    )
    value = golden(tiny_model(options), batch, torch.tensor(labels), smoothing, whole=None)
    # Numbers are told, so norms say nothing more.
    del value["gradient_norms"]
    return {"config": {"model_type": "bert", **options}, **value}


if __name__ == "__main__":
    shape = {
        "vocab_size": 24, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 24, "max_position_embeddings": 12, "pad_token_id": 0,
    }
    names = lambda count: {str(i): f"class {i}" for i in range(count)}
    write("models.json", {
        "scale": SCALE,
        "checkpoints": {
            "minilm": pretrained(minilm(), 512, [
                "classifier.weight", "classifier.bias", "bert.pooler.dense.bias",
                "bert.embeddings.token_type_embeddings.weight", "bert.embeddings.LayerNorm.weight",
                "bert.encoder.layer.0.attention.self.query.bias", "bert.encoder.layer.0.output.LayerNorm.bias",
                "bert.encoder.layer.3.attention.self.value.bias", "bert.encoder.layer.5.output.dense.bias",
            ]),
            "minilm, smoothed": pretrained(minilm(), 512, ["classifier.weight"], smoothing=0.1),
            "data/tiny": pretrained(REPOSITORY / "data" / "tiny", 128, [
                "classifier.weight", "bert.embeddings.LayerNorm.bias", "bert.encoder.layer.0.intermediate.dense.bias",
                "bert.encoder.layer.1.attention.self.query.weight", "bert.pooler.dense.weight",
            ]),
        },
        "drawn": {
            "two classes": drawn_model({**shape, "id2label": names(2)}, 4, 7, [1, 0, 0, 1]),
            "five classes, smoothed, padded on the left, an odd epsilon, three types, one head": drawn_model(
                {**shape, "id2label": names(5), "layer_norm_eps": 1e-5, "type_vocab_size": 3, "pad_token_id": 1,
                 "num_attention_heads": 1},
                5, 9, [4, 0, 2, 2, 1], pad_left=True, smoothing=0.1,
            ),
            "regression": drawn_model({**shape, "num_hidden_layers": 1, "id2label": names(1)}, 4, 6,
                                      [0.25, -1.5, 3.0, 5.0]),
        },
    }, ["torch", "transformers", "tokenizers", "datasets"])
