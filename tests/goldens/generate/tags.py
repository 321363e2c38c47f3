"""Tags of tokens as transformers' example for token classification aligns them, and entities as its
pipeline finds them, with tokenizers of three kinds.

The alignment is `tokenize_and_align_labels` of the example (`examples/pytorch/token-classification/
run_ner.py`), which is a script and no package. Of the pipeline `postprocess` runs, on logits from here.
"""

import json
import warnings
from types import SimpleNamespace

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, DataCollatorForTokenClassification, PreTrainedTokenizerFast
from transformers.pipelines.token_classification import AggregationStrategy, TokenClassificationPipeline

import texts
from common import REPOSITORY, write

NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-MISC"]
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


def byte_level(add_prefix_space, trained=None):
    """A byte-level BPE as RoBERTa's, trained on the sentences unless one is given to be copied."""
    tokenizer = trained or Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    if trained is None:
        trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
                                      initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
        tokenizer.train_from_iterator(texts.sentences(), trainer)
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=add_prefix_space)
    return tokenizer


def unigram():
    """A sentencepiece Unigram as XLM-R's, of single letters and a few pieces: training isn't the same everywhere."""
    words = sorted({word for text in texts.sentences() for word in text.split()})
    letters = sorted({letter for word in words for letter in word})
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -3.0)]
    pieces += [(f"▁{word}", -9.0) for word in words[::3] if len(word) > 1]
    pieces += [(word[:3], -8.0) for word in words[::2] if len(word) > 5]
    known = {piece for piece, _ in pieces}
    # Some letters are unknown.
    pieces += [(letter, -7.0) for number, letter in enumerate(letters) if letter not in known and number % 17]
    unique = list(dict(pieces).items())
    tokenizer = Tokenizer(models.Unigram(unique, unk_id=3))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return tokenizer


def wrapped(tokenizer):
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL)


def continued(names):
    """The example's `b_to_i_label`."""
    labels = []
    for number, name in enumerate(names):
        if name.startswith("B-") and name.replace("B-", "I-") in names:
            labels.append(names.index(name.replace("B-", "I-")))
        else:
            labels.append(number)
    return labels


def aligned(encoding, tags, label_all_tokens):
    """The example's labels of one row."""
    previous, labels = None, []
    for word in encoding.word_ids(0):
        if word is None:
            labels.append(-100)
        elif word != previous:
            labels.append(tags[word])
        elif label_all_tokens:
            labels.append(continued(NAMES)[tags[word]])
        else:
            labels.append(-100)
        previous = word
    return labels


def of_spans(encoding, spans, label_all_tokens):
    """The first token of a word has a label; a word ends where a span begins or ends as well."""
    labels, previous, seen = [], None, set()
    for word, (start, end), special in zip(encoding.word_ids(0), encoding["offset_mapping"],
                                           encoding["special_tokens_mask"]):
        if special:
            labels.append(-100)
            previous = None
            continue
        span = next((span for span in spans if span["start"] < end and span["end"] > start), None)
        key = (word, span and span["start"])
        if span is None:
            label = "O"
        else:
            label = ("I-" if span["start"] in seen else "B-") + span["label"]
            seen.add(span["start"])
        labels.append(-100 if key == previous and not label_all_tokens else NAMES.index(label))
        previous = key
    return labels


def word_rows(draw):
    for number, text in enumerate(texts.sentences()[::2]):
        words = text.split()
        yield words, [next(draw) % len(NAMES) if number else 0 for _ in words]


def span_rows(draw):
    for text in texts.sentences()[::3]:
        spans, at = [], 0
        while (start := at + next(draw) % 9) < len(text):
            at = min(start + next(draw) % 7 + 1, len(text))
            # What holds nothing but space has no token.
            if text[start:at].strip():
                spans.append({"start": start, "end": at, "label": ["PER", "LOC"][next(draw) % 2]})
        yield text, spans


def pipeline(tokenizer):
    pipe = TokenClassificationPipeline.__new__(TokenClassificationPipeline)
    pipe.tokenizer = tokenizer
    pipe.model = SimpleNamespace(config=SimpleNamespace(id2label=dict(enumerate(NAMES))))
    return pipe


def logits(draw, tokens):
    """Numbers that float32 holds; one label stands out of most tokens, so that entities are long."""
    rows, tag = [], 0
    for _ in range(tokens):
        if next(draw) % 3 == 0:
            tag = next(draw) % len(NAMES)
        row = [next(draw) % 256 / 64 - 2 for _ in NAMES]
        row[tag] += 2
        rows.append(row)
    return rows


def found(pipe, encoding, text, rows):
    outputs = [{
        "logits": torch.tensor([rows]), "sentence": text,
        "input_ids": torch.tensor([encoding["input_ids"]]),
        "offset_mapping": torch.tensor([encoding["offset_mapping"]]),
        "special_tokens_mask": torch.tensor([encoding["special_tokens_mask"]]),
    }]
    entities = {}
    for strategy in AggregationStrategy:
        entities[strategy.value] = [
            [entity.get("entity") or entity["entity_group"], float(entity["score"]), entity["word"],
             entity["start"], entity["end"]]
            for entity in pipe.postprocess(outputs, aggregation_strategy=strategy)
        ]
    return entities


def cases(name, tokenizer, for_words, draw):
    words, spans, entities = [], [], []
    placed = {"return_offsets_mapping": True, "return_special_tokens_mask": True}
    for number, (row, tags) in enumerate(word_rows(draw)):
        length = [64, 12][number % 2]
        encoding = for_words(row, is_split_into_words=True, truncation=True, max_length=length, **placed)
        words.append({
            "words": row, "tags": tags, "max_length": length, "input_ids": encoding["input_ids"],
            "labels": aligned(encoding, tags, False), "all_labels": aligned(encoding, tags, True),
        })
    for text, row in span_rows(draw):
        encoding = tokenizer(text, **placed)
        spans.append({
            "text": text, "spans": row, "input_ids": encoding["input_ids"],
            "offsets": [list(offsets) for offsets in encoding["offset_mapping"]],
            "word_ids": encoding.word_ids(0),
            "labels": of_spans(encoding, row, False), "all_labels": of_spans(encoding, row, True),
        })
    pipe = pipeline(tokenizer)
    for text in [*texts.sentences()[::4], "", "New York, New-York and Søren's café."]:
        encoding = tokenizer(text, **placed)
        rows = logits(draw, len(encoding["input_ids"]))
        entities.append({"text": text, "logits": rows, "entities": found(pipe, encoding, text, rows)})
    collated = []
    for side in ("right", "left"):
        for_words.padding_side = side
        collator = DataCollatorForTokenClassification(for_words, pad_to_multiple_of=4)
        features = [{"input_ids": row["input_ids"], "labels": row["labels"]} for row in words[:5]]
        batch = collator(features)
        collated.append({"padding_side": side, "input_ids": batch["input_ids"].tolist(),
                         "labels": batch["labels"].tolist()})
    return {"tokenizer": name, "words": words, "spans": spans, "entities": entities, "batches": collated}


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of tokenizers that don't know words
    draw = texts.numbers(seed=9)
    wordpiece = AutoTokenizer.from_pretrained(REPOSITORY / "data" / "tiny")
    bytes_alone = byte_level(False)
    written = json.loads(bytes_alone.to_str())
    spaced = wrapped(byte_level(True, Tokenizer.from_str(bytes_alone.to_str())))
    pieces = unigram()
    write("tags.json", {
        "names": NAMES,
        "tokenizers": {"byte_level": json.dumps(written, ensure_ascii=False), "unigram": pieces.to_str()},
        "cases": [
            cases("wordpiece", wordpiece, wordpiece, draw),
            cases("byte_level", wrapped(bytes_alone), spaced, draw),
            cases("unigram", wrapped(pieces), wrapped(pieces), draw),
        ],
    }, ["transformers", "tokenizers", "torch"])
