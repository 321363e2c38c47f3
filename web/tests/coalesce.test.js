import assert from "node:assert/strict";
import { test } from "node:test";
import { enqueue, Outbox } from "../dist/coalesce.js";

const step = (seq) => ({ seq, type: "step" });
const log = (seq) => ({ seq, type: "log" });

test("a reader that keeps up gets every record at once", () => {
  const sent = [];
  const outbox = new Outbox((record) => sent.push(record.seq), 2);
  for (let seq = 0; seq < 10; seq += 1) {
    outbox.push(step(seq));
    outbox.ack(seq + 1);
  }
  assert.deepEqual(sent, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("for a reader that is behind, steps in a row become the last one and nothing else goes", () => {
  const sent = [];
  const outbox = new Outbox((record) => sent.push(record.seq), 2);
  for (const record of [step(0), step(1), step(2), step(3), log(4), step(5), step(6)]) outbox.push(record);
  assert.deepEqual(sent, [0, 1]);
  outbox.ack(2);
  assert.deepEqual(sent, [0, 1, 3, 4]);
  outbox.finish();
  assert.deepEqual(sent, [0, 1, 3, 4, 6]);
});

test("a queue grows with steps only up to its limit", () => {
  const waiting = [];
  for (let seq = 0; seq < 100; seq += 1) enqueue(waiting, step(seq), 8);
  enqueue(waiting, log(100), 8);
  assert.equal(waiting.length, 9);
  assert.deepEqual(waiting.slice(-2), [step(99), log(100)]);
});
