// The golden log of crates/protocol, replayed as its own test does.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { apply, emptyView, fraction, resume, trainedFolder } from "../dist/view.js";

const golden = new URL("../../crates/protocol/tests/events.jsonl", import.meta.url);
const records = readFileSync(golden, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));

function view(some) {
  const found = emptyView();
  for (const record of some) assert.ok(apply(found, record), `record ${record.seq} was not taken`);
  return found;
}

test("the view tells the golden log's story", () => {
  const preparing = view(records.slice(0, 4));
  assert.equal(preparing.state, "preparing");
  assert.deepEqual(preparing.downloads, [{ file: "model.safetensors", loaded: 8192, total: 8192 }]);
  assert.deepEqual(preparing.progress, { stage: "tokenizing", done: 16, total: 48 });
  assert.equal(fraction(preparing), null);
  assert.equal(view(records.slice(0, 5)).progress, null);

  const lost = view(records.slice(0, 17));
  assert.equal(lost.state, "device_lost");
  assert.match(lost.message, /out\/checkpoint-4/);
  assert.equal(lost.last_checkpoint, "out/checkpoint-4");
  assert.equal(lost.losses.length, 5);
  assert.equal(fraction(lost), 5 / 8);

  const resumed = view(records.slice(0, 18));
  assert.equal(resumed.state, "training");
  assert.equal(resumed.losses.length, 4, "the step after the checkpoint is taken again");

  const done = view(records.slice(0, 25));
  assert.equal(done.state, "done");
  assert.equal(done.done.best_metric, 0.75);
  assert.deepEqual(done.losses.map(({ step }) => step), [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.equal(done.losses[0].loss, Math.fround(0.61877024));
  assert.equal(done.losses[4].loss, 0.375);
  assert.equal(done.losses[5].loss, null);
  assert.deepEqual(done.logs.map(({ step }) => step), [4, 8]);
  assert.deepEqual(done.evals.map(({ step }) => step), [4, 8]);
  assert.deepEqual(Object.entries(done.evals[0].metrics), [["f1", 0.8125], ["accuracy", 0.6875]]);
  assert.equal(done.warnings.length, 1);
  assert.equal(done.dataset.labels[1], "equivalent");
  assert.equal(fraction(done), 1);

  const failed = view(records);
  assert.equal(failed.state, "failed");
  assert.match(failed.message, /^No space left/);
});

test("replayed records change nothing and record 0 begins anew", () => {
  const twice = view(records);
  const once = structuredClone(twice);
  for (const record of records.slice(1)) assert.equal(apply(twice, record), false);
  assert.deepEqual(twice, once);
  apply(twice, records[0]);
  assert.deepEqual(twice, view(records.slice(0, 1)));
});

test("coalesced steps leave the same view with fewer points", () => {
  const fewer = records.filter(({ type }, i) => type !== "step" || records[i + 1]?.type !== "step");
  assert.ok(fewer.length < records.length);
  const [whole, coalesced] = [view(records), view(fewer)];
  assert.deepEqual(coalesced.losses.map(({ step }) => step), [4, 8]);
  assert.deepEqual({ ...coalesced, losses: [] }, { ...whole, losses: [] });
});

test("the view holds the events' fields and not the record's", () => {
  const { run, step, done } = view(records);
  for (const part of [run, step, done]) {
    assert.deepEqual(Object.keys(part).filter((key) => ["version", "seq", "type"].includes(key)), []);
  }
});

test("the weights of a stopped run are its last checkpoint's", () => {
  assert.equal(trainedFolder(view(records.slice(0, 9))), null);
  assert.equal(trainedFolder(view(records.slice(0, 17))), "out/checkpoint-4");
  assert.equal(trainedFolder(view(records)), "out");
  const stopped = { ...records[24], stopped: true };
  assert.equal(trainedFolder(view([...records.slice(0, 24), stopped])), "out/checkpoint-4");
});

test("a run that goes on keeps the curves of before", () => {
  const before = view(records.slice(0, 17));
  const after = view(records.slice(17, 25));
  assert.equal(after.losses[0].step, 5);
  resume(after, before);
  assert.deepEqual(after.losses.map(({ step }) => step), [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.equal(after.losses[4].loss, 0.375);
  assert.equal(after.evals.length, 2);
});
