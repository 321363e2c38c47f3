// What the page's panels compute, apart from what they draw.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "../dist/page/argument-field.js";
import { baseName, bytes, count, duration, figure, parameters, percent, plural, visible } from "../dist/page/format.js";
import { nearest, niceRange, smooth, thin, ticks } from "../dist/page/scale.js";

test("numbers are written for people", () => {
  assert.deepEqual([0, 820, 999.6, 90_868_373, 1_340_000_000].map(bytes), ["0 B", "820 B", "1.0 kB", "90.9 MB", "1.3 GB"]);
  assert.deepEqual([0.4, 59.6, 245, 3599.7, 7620].map(duration), ["0 s", "1 min 00 s", "4 min 05 s", "1 h 00 min", "2 h 07 min"]);
  assert.deepEqual(
    [null, NaN, 0, 0.00005, 0.000123, 0.61877024, 12, 1234.5].map(figure),
    ["n/a", "n/a", "0", "5e-5", "1.23e-4", "0.6188", "12", "1,235"],
  );
  assert.deepEqual([count(3600), parameters(22_713_986), percent(0.8625)], ["3,600", "22.7 million", "86.3 %"]);
  assert.deepEqual([plural(1, "row"), plural(2, "row"), baseName("/runs/a/")], ["1 row", "2 rows", "a"]);
});

test("a name can't pass for another, and texts of every script stay as they are", () => {
  assert.equal(visible("a\u202etxt.exe"), "a\\u202etxt.exe");
  assert.equal(visible("\u001b[2J\u009b\r\u2066\u2028"), "\\u001b[2J\\u009b\\u000d\\u2066\\u2028");
  for (const text of ["two\nlines\tand a tab", "שלום\u200f", "می\u200cخواهم", "👩\u200d👧", "日本語"]) {
    assert.equal(visible(text), text);
  }
});

test("ticks are round and lie in the range", () => {
  assert.deepEqual(ticks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(ticks(0, 675, 4), [0, 200, 400, 600]);
  assert.deepEqual(ticks(0.1, 0.3, 2), [0.1, 0.2, 0.3]);
  assert.deepEqual(niceRange(0.13, 0.87, 5), [0, 1]);
  const range = niceRange(0.37, 0.85, 5);
  const inside = ticks(...range, 5);
  assert.deepEqual([inside[0], inside.at(-1)].map(figure), range.map(figure), "the ends are ticks");
  const [low, high] = niceRange(0.5, 0.5, 5);
  assert.ok(low < 0.5 && high > 0.5);
});

test("smoothing keeps a constant and follows a step slowly", () => {
  const flat = Array.from({ length: 50 }, (_, x) => [x, 0.7]);
  for (const [, y] of smooth(flat)) assert.ok(Math.abs(y - 0.7) < 1e-12);
  const step = smooth(Array.from({ length: 100 }, (_, x) => [x, x < 50 ? 0 : 1]));
  assert.ok(step[50][1] < 0.5 && step[99][1] > 0.9);
});

test("thinning keeps the peaks, and the order", () => {
  const points = Array.from({ length: 10_000 }, (_, x) => [x, x === 5_003 ? 9 : x === 7_001 ? -9 : 0]);
  const kept = thin(points, 100);
  assert.equal(kept.length, 200);
  assert.ok(kept.some(([x]) => x === 5_003) && kept.some(([x]) => x === 7_001));
  assert.ok(kept.every(([x], i) => i === 0 || x >= kept[i - 1][0]));
  assert.equal(nearest(points, 7_000.6), 7_001);
  assert.equal(nearest([], 1), -1);
});

test("words become values, and what is none is refused", () => {
  const read = (kind, text) => parse({ kind }, text);
  assert.equal(read("number", "5e-5").value, 5e-5);
  assert.equal(read("number", "0,1").value, 0.1);
  assert.match(read("integer", "1.5").problem, /whole number/);
  assert.match(read("number", "few").problem, /Enter a number/);
  assert.equal(read("flag", "false").value, false);
  assert.equal(read("text", "true").value, true);
  assert.equal(read("text", "checkpoint-4").value, "checkpoint-4");
  assert.deepEqual(read("json", '{"power": 2}').value, { power: 2 });
  assert.deepEqual(read(["no", "steps"], "steps"), { value: "steps", problem: "" });
  assert.equal(read("integer", "").value, undefined);
});
