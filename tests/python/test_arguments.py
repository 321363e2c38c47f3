"""The `training_args.json` that Tunesmith writes loads in transformers, with the values that it has there.

Called with folders that `cargo xtask test --python` has made, each with a `model`. Prints a line for each.
"""

import json
import sys
from pathlib import Path

from transformers import HfArgumentParser, TrainingArguments

for folder in sys.argv[1:]:
    path = Path(folder) / "model" / "training_args.json"
    # Tunesmith has arguments besides: class_weights, device and others.
    (arguments,) = HfArgumentParser(TrainingArguments).parse_json_file(str(path), allow_extra_keys=True)
    written = json.loads(path.read_text())
    assert arguments.max_steps == written["max_steps"] > 0, path
    assert arguments.learning_rate == written["learning_rate"], path
    assert arguments.save_strategy == written["save_strategy"] == "no", path
    print(f"passed: {path}")
