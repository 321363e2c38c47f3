"""What the tests of this folder share: each compares something of the folders that it is given."""

import json
import sys
import traceback
from pathlib import Path


def lines(path):
    """The values of a file of JSON Lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def main(compare):
    """Prints `passed: NAME` and what `compare` says for each folder; ends with 1 if any failed."""
    failed = 0
    for folder in map(Path, sys.argv[1:]):
        try:
            print(f"passed: {folder.name}, {compare(folder)}", flush=True)
        except Exception:
            failed += 1
            traceback.print_exc()
            print(f"failed: {folder.name}", flush=True)
    sys.exit(1 if failed else 0)
