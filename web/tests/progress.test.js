import assert from "node:assert/strict";
import { test } from "node:test";
import { progressListener } from "../dist/progress.js";

test("downloads are told as transformers.js tells them", () => {
  const told = [];
  const listen = progressListener("a/b", (info) => told.push(info));
  const file = "model.safetensors";
  listen({ type: "download", file, loaded: 0, total: null });
  listen({ type: "download", file, loaded: 25, total: 100 });
  listen({ type: "download", file, loaded: 100, total: 100 });
  listen({ type: "download", file, loaded: 100, total: 100 });
  listen({ type: "run_started" });
  const name = "a/b";
  assert.deepEqual(told, [
    { status: "initiate", name, file },
    { status: "download", name, file },
    { status: "progress", name, file, progress: 0, loaded: 0, total: 0 },
    { status: "progress", name, file, progress: 25, loaded: 25, total: 100 },
    { status: "progress", name, file, progress: 100, loaded: 100, total: 100 },
    { status: "done", name, file },
    { status: "progress", name, file, progress: 100, loaded: 100, total: 100 },
    { status: "ready", name },
  ]);
});
