// A run over a connection that is played here.
import assert from "node:assert/strict";
import { test } from "node:test";
import { TunesmithError } from "../dist/error.js";
import { Run } from "../dist/run.js";

const done = { type: "done", output_dir: "/runs/a", stopped: false };

/** Plays these records to the run, and keeps what the run says. */
function play(records, signal, end = async () => null) {
  const said = [];
  const connection = {
    ack: (count) => said.push(`ack ${count}`),
    call: async ({ call, command }, take) => {
      said.push(command?.type ?? call);
      if (call !== "train") return null;
      records.forEach((record, seq) => take({ version: 1, seq, ...record }));
      return end();
    },
  };
  return { run: new Run(connection, {}, async () => undefined, signal, undefined), said };
}

async function types(run) {
  const found = [];
  for await (const { type } of run) found.push(type);
  return found;
}

test("a run gives its records, its view and its end", async () => {
  const { run, said } = play([{ type: "warning", message: "cold" }, done]);
  assert.deepEqual(await types(run), ["warning", "done"]);
  assert.deepEqual(run.view.warnings, ["cold"]);
  assert.equal((await run.finished).output_dir, "/runs/a");
  assert.deepEqual(said, ["train", "ack 1", "ack 2"]);
});

test("a failed run gives all its records and then throws with its message", async () => {
  const { run } = play([{ type: "warning", message: "cold" }, { type: "failed", message: "no memory" }]);
  const found = [];
  const reading = (async () => {
    for await (const { type } of run) found.push(type);
  })();
  await assert.rejects(reading, (error) => error instanceof TunesmithError && error.message === "no memory");
  assert.deepEqual(found, ["warning", "failed"]);
});

test("a run that goes on after a lost device ends well", async () => {
  const { run } = play([{ type: "device_lost", message: "gone" }, { type: "run_started", resumed_from_step: 0 }, done]);
  assert.deepEqual(await types(run), ["device_lost", "run_started", "done"]);
});

test("aborting stops the run and throws the signal's reason", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const { run, said } = play([{ ...done, stopped: true }], controller.signal, async () => {
    controller.abort(reason);
    return null;
  });
  await assert.rejects(types(run), reason);
  assert.deepEqual(said, ["train", "ack 1", "stop"]);
});

test("the commands reach the worker while the run lasts and not after it", async () => {
  const { run, said } = play([done], undefined, async () => {
    run.pause();
    assert.equal(run.paused, true);
    run.resume();
    run.stopAndSave();
    assert.equal(run.paused, false);
  });
  await run.finished;
  run.stop();
  assert.deepEqual(said, ["train", "ack 1", "pause", "resume", "stop_and_save"]);
});

test("a run that is steered before it has begun begins paused, or not at all", async () => {
  const paused = play([done]);
  paused.run.pause();
  await paused.run.finished;
  assert.deepEqual(paused.said, ["train", "ack 1", "pause"]);

  const stopped = play([done]);
  stopped.run.stop();
  await assert.rejects(stopped.run.finished, /stopped before it began/);
  assert.deepEqual(stopped.said, []);
});
