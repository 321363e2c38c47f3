// What a program is told that isn't in a browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Trainer, TunesmithError } from "../dist/index.js";
import { newRunFolder } from "../dist/trainer.js";

test("outside a browser the trainer says where it runs", async () => {
  await assert.rejects(Trainer.create(), (error) => {
    assert(error instanceof TunesmithError);
    assert.match(error.message, /browsers only/);
    return true;
  });
});

test("two runs of one second have folders of their own", () => {
  const now = new Date(2026, 0, 31, 17, 45, 2);
  const names = [newRunFolder(now), newRunFolder(now), newRunFolder(now)];
  assert.equal(new Set(names).size, 3);
  assert.deepEqual([...names].sort(), names);
});
