"""Token ids of transformers and of tokenizers: assorted pairs at several lengths, and a whole data set."""

import hashlib
import struct

from datasets import load_dataset
from tokenizers import Tokenizer
from transformers import AutoTokenizer

import texts
from common import REPOSITORY, minilm, write

PACKAGES = ["transformers", "tokenizers", "datasets"]


def fields(encoding, row=None):
    names = ("input_ids", "token_type_ids", "attention_mask")
    return {name: encoding[name] if row is None else encoding[name][row] for name in names}


def tokenizers_own(text, pair=None):
    """What the library below transformers makes of it, without padding and truncation."""
    encoding = OWN.encode(text, pair)
    return {
        "input_ids": encoding.ids,
        "token_type_ids": encoding.type_ids,
        "attention_mask": encoding.attention_mask,
    }


def case(number, text, pair):
    """All encodings of a pair. One that equals another is only named."""
    made = {"case": number, "text": text, "text_pair": pair}

    def put(name, encoding):
        same = next((key for key, value in made.items() if value == encoding and key != name), None)
        made[name] = f"same as {same}" if same else encoding

    def to(max_length, *which):
        return fields(TOKENIZER(*which, truncation=True, max_length=max_length))

    put("single_text_max128", to(128, text))
    put("single_text_max512", to(512, text))
    single = fields(TOKENIZER(text))
    assert single == tokenizers_own(text), (text, "transformers and tokenizers part")
    made["single_untruncated_length"] = len(single["input_ids"])
    if pair:
        put("pair_max128", to(128, text, pair))
        put("pair_max512", to(512, text, pair))
        untruncated = fields(TOKENIZER(text, pair))
        assert untruncated == tokenizers_own(text, pair), (text, pair, "transformers and tokenizers part")
        made["pair_untruncated_length"] = len(untruncated["input_ids"])
        # Thousands of ids for each of the long ones: their length says enough.
        if len(untruncated["input_ids"]) <= 700:
            put("pair_untruncated", untruncated)
        for length in (16, 17):
            put(f"pair_max{length}", to(length, text, pair))
    else:
        # Called with two strings, transformers drops an empty second one; in a batch it stays.
        batch = TOKENIZER([text], [pair], truncation=True, max_length=128)
        put("pair_batched_call_max128", fields(batch, 0))
    return made


def data_set():
    """Every row of data/paraphrase by tokenizers, as digests, and some rows in full."""
    made = {}
    for split, rows in load_dataset(str(REPOSITORY / "data" / "paraphrase"), "mrpc_like").items():
        encodings = OWN.encode_batch(list(zip(rows["sentence1"], rows["sentence2"])))
        hasher = hashlib.sha256()
        for encoding in encodings:
            hasher.update(struct.pack(f"<{len(encoding.ids) + 1}I", len(encoding.ids), *encoding.ids))
        types = hashlib.sha256(b"".join(bytes(encoding.type_ids) for encoding in encodings))
        shown = []
        for number in (0, 15, 87, len(rows) - 1):
            row = rows[number]
            first, second = row["sentence1"], row["sentence2"]
            shown.append({
                "row": number,
                "values": row,
                "pair": fields(TOKENIZER(first, second)),
                "single1": fields(TOKENIZER(first)),
                "single2": fields(TOKENIZER(second)),
                "pair_tokens": encodings[number].tokens,
            })
        made[split] = {
            "rows": len(rows),
            "digest": hasher.hexdigest(),
            "type_ids_sha256": types.hexdigest(),
            "lengths": [len(encoding.ids) for encoding in encodings[:50]],
            "shown": shown,
        }
    return made


if __name__ == "__main__":
    TOKENIZER = AutoTokenizer.from_pretrained(minilm())
    OWN = Tokenizer.from_file(str(minilm() / "tokenizer.json"))
    OWN.no_padding()
    OWN.no_truncation()
    cases = [case(number, *pair) for number, pair in enumerate(texts.pairs())]
    course = ["This is the first sentence.", "This is the second one."]
    write("tokenization.json", {
        "cases": cases,
        "course_example": {"text": course, "pair": fields(TOKENIZER(*course))},
        "paraphrase": data_set(),
    }, PACKAGES)
