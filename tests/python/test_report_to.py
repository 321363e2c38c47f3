"""What `--report_to all` wrote is read by TensorBoard's own reader and by pandas' kind of reader, and is the log.

`cargo xtask test --python` runs it on the folders that `test_roundtrip.py` describes. In `model/runs` there is one
folder with an event file and `metrics.csv`; `model/trainer_state.json` has the same in `log_history`.
"""

import csv
import json
import math

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from common import main


def tag(name):
    """transformers' `rewrite_logs`."""
    for split in ("eval", "test"):
        if name.startswith(f"{split}_"):
            return f"{split}/{name.removeprefix(f'{split}_')}"
    return f"train/{name}"


def compare(folder):
    (run,) = (folder / "model" / "runs").iterdir()
    state = json.loads((folder / "model" / "trainer_state.json").read_text(encoding="utf-8"))
    history = state["log_history"]
    assert len(history) > 2, history

    wanted = {}
    for entry in history:
        for name, value in entry.items():
            if name != "step":
                wanted.setdefault(tag(name), []).append((entry["step"], value))
    events = EventAccumulator(str(run), size_guidance={"scalars": 0})
    events.Reload()
    assert set(events.Tags()["scalars"]) == set(wanted), events.Tags()
    for name, values in wanted.items():
        found = [(event.step, event.value) for event in events.Scalars(name)]
        assert [step for step, _ in found] == [step for step, _ in values], (name, found)
        for (_, got), (_, value) in zip(found, values):
            assert math.isclose(got, value, rel_tol=1e-6), (name, got, value)

    with open(run / "metrics.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(history), rows
    for row, entry in zip(rows, history):
        got = {name: float(value) for name, value in row.items() if value}
        assert got == entry, (got, entry)
    return f"{len(wanted)} values, {len(history)} entries"


if __name__ == "__main__":
    main(compare)
