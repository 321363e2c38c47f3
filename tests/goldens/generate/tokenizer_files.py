"""Tokenizers that have no `tokenizer.json`, and the ids that transformers' own conversion gives.

Trains a tiny vocabulary of each kind on this repository's sentences, writes the files of each to
`tokenizer_files/NAME`, loads that folder by `AutoTokenizer`, and writes the ids of all texts, alone and in
pairs, to `tokenizer_files.json`.
"""

import hashlib
import io
import json
import shutil
import struct
import tempfile
from pathlib import Path

import sentencepiece
from tokenizers import ByteLevelBPETokenizer, BertWordPieceTokenizer
from transformers import AutoTokenizer

import texts
from common import output_folder, write

PACKAGES = ["transformers", "tokenizers", "sentencepiece"]

# What a normalizer's table replaces: a small one, since that of NFKC has 240 kB.
FOLDED = (
    [(chr(0xFF01 + code), chr(0x21 + code)) for code in range(94)]
    + [("\u3000", " "), ("\u00a0", " "), ("\u2003", " "), ("\t", " "), ("\n", " "), ("\r", " ")]
    + [("\u200b", ""), ("\u00ad", ""), ("\ufb01", "fi"), ("\ufb02", "fl"), ("…", "..."), ("№", "No")]
    + [("e\u0301", "é"), ("n\u0303", "ñ"), ("A\u030a", "Å"), ("ﾊ", "ハ"), ("ﾝ", "ン"), ("①", "1")]
)


def corpus():
    """The sentences, so often that pieces of several letters come out."""
    return texts.sentences() * 4


def word_piece(folder, *, vocab, lowercase, special):
    trainer = BertWordPieceTokenizer(lowercase=lowercase)
    trainer.train_from_iterator(
        corpus(), vocab_size=vocab, min_frequency=2, special_tokens=special, show_progress=False
    )
    words = sorted(trainer.get_vocab().items(), key=lambda item: item[1])
    (folder / "vocab.txt").write_text("".join(word + "\n" for word, _ in words), encoding="utf-8", newline="\n")


def byte_bpe(folder, *, vocab, special):
    trainer = ByteLevelBPETokenizer()
    trainer.train_from_iterator(
        corpus(), vocab_size=vocab, min_frequency=2, special_tokens=special, show_progress=False
    )
    trainer.save_model(str(folder))


def piece_model(folder, name, *, table, kind="unigram", vocab=800, **options):
    with tempfile.TemporaryDirectory() as scratch:
        rules = Path(scratch) / "rules.tsv"
        code = lambda text: " ".join(f"{ord(character):X}" for character in text)
        rules.write_text("".join(f"{code(old)}\t{code(new)}\n" for old, new in FOLDED))
        normalizer = {"normalization_rule_tsv": str(rules)} if table else {"normalization_rule_name": "identity"}
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(corpus()), model_writer=model, model_type=kind, vocab_size=vocab,
            character_coverage=0.98, num_threads=1, minloglevel=2, hard_vocab_limit=kind != "unigram",
            **normalizer, **options,
        )
    (folder / name).write_bytes(model.getvalue())


def albert(folder):
    # The numbers with a comma that ALBERT's pieces have are among them.
    piece_model(
        folder, "spiece.model", table=True, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1,
        control_symbols=["[CLS]", "[SEP]"], user_defined_symbols=["[MASK]"],
    )


def deberta(folder, **options):
    piece_model(
        folder, "spm.model", table=options.pop("table", True), pad_id=0, bos_id=1, eos_id=2, unk_id=3,
        pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]", **options,
    )


BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
MPNET = ["<s>", "<pad>", "</s>", "<unk>", "[UNK]", "<mask>"]
ADDED = {"content": "<extra>", "lstrip": False, "rstrip": True, "single_word": False, "normalized": False, "special": True}

# Each kind: its `model_type`, its `tokenizer_config.json`, and what makes its files.
KINDS = {
    "bert": ("bert", None, lambda folder: word_piece(folder, vocab=900, lowercase=True, special=BERT)),
    "bert_cased": (
        "bert",
        {"do_lower_case": False, "tokenize_chinese_chars": False, "model_max_length": 512},
        lambda folder: word_piece(folder, vocab=900, lowercase=False, special=BERT),
    ),
    "distilbert": (
        "distilbert",
        {"do_lower_case": False, "strip_accents": True, "tokenizer_class": "DistilBertTokenizer"},
        lambda folder: word_piece(folder, vocab=900, lowercase=False, special=BERT),
    ),
    "electra": (
        "electra",
        {"do_lower_case": True, "strip_accents": False},
        lambda folder: word_piece(folder, vocab=900, lowercase=True, special=BERT),
    ),
    "mpnet": ("mpnet", None, lambda folder: word_piece(folder, vocab=900, lowercase=True, special=MPNET)),
    "roberta": ("roberta", None, lambda folder: byte_bpe(folder, vocab=900, special=ROBERTA)),
    "roberta_prefix": (
        "roberta",
        {
            "add_prefix_space": True,
            "additional_special_tokens": ["<e1>", "<e2>"],
            "mask_token": {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "rstrip": False,
                           "single_word": False, "normalized": True},
        },
        lambda folder: byte_bpe(folder, vocab=600, special=ROBERTA),
    ),
    "xlm_roberta": (
        "xlm-roberta", {"tokenizer_class": "XLMRobertaTokenizerFast", "mask_token": "<hide>", "sep_token": "</s>"},
        lambda folder: piece_model(folder, "sentencepiece.bpe.model", table=True),
    ),
    "xlm_roberta_bpe": (
        "xlm-roberta", None,
        lambda folder: piece_model(folder, "sentencepiece.bpe.model", table=False, kind="bpe"),
    ),
    "camembert": (
        "camembert", None,
        lambda folder: piece_model(
            folder, "sentencepiece.bpe.model", table=True, unk_id=0, bos_id=1, eos_id=2
        ),
    ),
    "albert": ("albert", {"do_lower_case": True}, albert),
    "albert_accents": ("albert", {"do_lower_case": False, "keep_accents": True}, albert),
    "deberta_v2": (
        "deberta-v2",
        {"do_lower_case": False, "vocab_type": "spm", "additional_special_tokens": ["<e1>"]},
        lambda folder: deberta(folder, user_defined_symbols=["<u1>"]),
    ),
    "deberta_v3": (
        "deberta-v2",
        {"do_lower_case": True, "split_by_punct": True, "added_tokens_decoder": {"901": ADDED}},
        lambda folder: deberta(folder, table=False, byte_fallback=False, user_defined_symbols=["<u1>"]),
    ),
}


def digest(encoding):
    """SHA-256 over ids and types of a pair."""
    ids, types = encoding["input_ids"], encoding["token_type_ids"]
    return hashlib.sha256(struct.pack(f"<{len(ids)}I{len(types)}B", *ids, *types)).hexdigest()


def main():
    root = output_folder() / "tokenizer_files"
    shutil.rmtree(root, ignore_errors=True)
    pairs = texts.AWKWARD + list(zip(texts.sentences(), reversed(texts.sentences()))) + texts.mixtures(40, seed=2)
    # A token that was added and one of a user's are in some.
    pairs += [("a <extra>  b <e1><e2> <mask> c", "x [MASK] y <mask><u1>z"), ("1,000,000, 12, 3,", "<s> </s> <unk> [UNK]")]
    made = {}
    for name, (model_type, config, files) in KINDS.items():
        folder = root / name
        folder.mkdir(parents=True)
        files(folder)
        (folder / "config.json").write_text(json.dumps({"model_type": model_type}) + "\n")
        if config is not None:
            (folder / "tokenizer_config.json").write_text(json.dumps(config) + "\n")
        tokenizer = AutoTokenizer.from_pretrained(folder)
        call = lambda *which: tokenizer(*which, return_token_type_ids=True)
        made[name] = {
            "size": len(tokenizer),
            "pad_token_id": tokenizer.pad_token_id,
            "ids": [[call(text)["input_ids"] for text in pair] for pair in pairs],
            # Called with two strings, transformers drops an empty second one; in a batch it stays.
            "pairs": [digest({key: rows[0] for key, rows in call([a], [b]).items()}) for a, b in pairs],
        }
    write("tokenizer_files.json", {"texts": pairs, "kinds": made}, PACKAGES)


if __name__ == "__main__":
    main()
