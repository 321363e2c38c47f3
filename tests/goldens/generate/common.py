"""What the generators of goldens share: a golden says which script made it, and with which versions.

`cargo xtask goldens` runs each script of this folder as `python SCRIPT OUTPUT_FOLDER`. A test compares
the hash that a golden holds with the scripts, so a script can't change without its goldens.
"""

import hashlib
import json
import os
import re
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]


def minilm():
    """The folder of the tests' checkpoint, all-MiniLM-L6-v2."""
    return Path(os.environ["TUNESMITH_MINILM"])


def output_folder():
    """The folder that the script is told to write to."""
    return Path(sys.argv[1])


def local_modules():
    """The names of this folder's files that the script has imported, sorted."""
    files = [getattr(module, "__file__", None) for module in sys.modules.values()]
    names = {Path(file).name for file in files if file and Path(file).resolve().parent == HERE}
    return sorted(names - {Path(sys.argv[0]).name})


def digest(names):
    """SHA-256 over the bytes of these files of the folder, one after another."""
    hasher = hashlib.sha256()
    for name in names:
        hasher.update((HERE / name).read_bytes())
    return hasher.hexdigest()


def write(name, value, packages):
    """Writes a golden to the output folder: `value` (a dict) below what made it.

    `packages` are those whose versions matter, by their names on PyPI.
    """
    script = Path(sys.argv[0]).name
    imports = local_modules()
    generator = {
        "script": script,
        "imports": imports,
        "sha256": digest([script, *imports]),
        "versions": {package: version(package) for package in packages},
    }
    text = json.dumps({"generator": generator, **value}, ensure_ascii=False, indent=1)
    # Lists of numbers on a line of their own; a line break never stands inside a string of JSON.
    text = re.sub(r"\[\n\s+([^\[\]{}\"]*?)\n\s*\]", lambda found: "[" + re.sub(r"\s+", "", found[1]) + "]", text)
    path = output_folder() / name
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
    print(f"{path}: {len(text) // 1024} KiB")
