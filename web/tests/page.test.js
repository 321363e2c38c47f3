// What the page's panels compute, apart from what they draw.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readsPairs } from "../dist/page/app.js";
import { parse } from "../dist/page/argument-field.js";
import { choices, items, ofZerosAndOnes, predicting, role, withColumns } from "../dist/page/columns.js";
import { pieces } from "../dist/page/entities.js";
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

const inspection = (columns, found) => ({
  columns: Object.entries(columns).map(([name, kind]) => ({ name, kind })),
  rows: [],
  text_column_names: ["text"],
  label_column_name: null,
  label_column_names: [],
  problem_type: null,
  ...found,
});

test("spans are chosen as one column, and each of their columns is called so", () => {
  const columns = { text: "text", "marks.start": "list", "marks.end": "list", "marks.label": "list", "a.b": "number" };
  const found = inspection(columns, { label_column_name: "marks", problem_type: "token_classification" });
  assert.deepEqual(choices(found).map(({ name }) => name), ["text", "marks", "a.b"]);
  assert.deepEqual(Object.keys(columns).map((name) => role(found, name)), ["text", "spans", "spans", "spans", "unused"]);
});

test("columns of 0 and 1 are told from other numbers by the rows that are shown", () => {
  const found = inspection({ id: "number", a: "number", b: "other", text: "text" });
  found.rows = [["0", "0", "true", "1"], ["2", "1", null, "0"]];
  assert.deepEqual(ofZerosAndOnes(found), ["a", "b"]);
});

test("what is to be predicted decides which columns stay", () => {
  const found = inspection({ text: "text", topic: "text", tags: "list", label: "label" }, { label_column_name: "topic" });
  const config = { train_file: "/a", text_column_names: ["text"], label_column_name: "topic" };
  assert.deepEqual(predicting("multi_label_classification", config, found), {
    ...config,
    problem_type: "multi_label_classification",
  });
  assert.deepEqual(predicting("token_classification", config, found), {
    train_file: "/a",
    problem_type: "token_classification",
  });
  const named = { ...config, problem_type: "regression" };
  assert.deepEqual(predicting(null, named, found), { train_file: "/a" });
  const words = { ...found, text_column_names: ["tags"] };
  assert.deepEqual(predicting("regression", { ...named, text_column_names: ["tags"] }, words), {
    train_file: "/a",
    problem_type: "regression",
    label_column_name: "topic",
  });
  const several = { ...found, label_column_name: null, label_column_names: ["a", "b"] };
  assert.deepEqual(withColumns({ train_file: "/a" }, several), {
    train_file: "/a",
    text_column_names: ["text"],
    label_column_names: ["a", "b"],
  });
});

test("a model reads two texts unless its columns or its labels say otherwise", () => {
  const reads = (config, problem_type) => readsPairs({ config, problem_type });
  assert.ok(reads({}) && reads({ text_column_names: ["a", "b"] }));
  assert.ok(!reads({ text_column_names: ["a"] }) && !reads({}, "token_classification"));
});

test("a list's cell has commas between its items, some of which are commas", () => {
  assert.deepEqual(items("Ada, ,, left"), ["Ada", ",", "left"]);
  assert.deepEqual(items(""), []);
});

test("an entity's place is counted in characters, and the text stays whole whatever the places are", () => {
  const entity = (start, end) => ({ start, end });
  const cut = (text, entities) => pieces(text, entities).map(([piece, found]) => [piece, found !== null]);
  assert.deepEqual(cut("🎩 Ada met Zoë.", [entity(2, 5), entity(10, 13)]), [
    ["🎩 ", false],
    ["Ada", true],
    [" met ", false],
    ["Zoë", true],
    [".", false],
  ]);
  assert.deepEqual(cut("", []), []);
  for (const entities of [[entity(0, 2), entity(1, 3)], [entity(2, 9), entity(4, 4)], [entity(5, 8), entity(0, 1)]]) {
    assert.equal(cut("Ada", entities).map(([piece]) => piece).join(""), "Ada");
  }
});
