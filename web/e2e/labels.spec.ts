// Each kind of labels on the page: what is asked for, what went wrong, what is predicted. The test stands in
// for the worker, so this is about what the page shows and asks; `page.spec.ts` has the whole way.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test, type Locator, type Page } from "@playwright/test";
import type {
  ColumnKind,
  Inspection,
  Prediction,
  ProblemType,
  Record,
  Request,
  Review,
  RunConfigJson,
  TokenizedPrediction,
} from "../src/index.ts";
import { standIn } from "./support/stand-in.ts";

const SCREENSHOTS = fileURLToPath(new URL("../test-results/screenshots", import.meta.url));

const panel = (page: Page, name: string): Locator => page.getByRole("region", { name, exact: true });

/** A data set of a kind, and what a model made of it. */
interface Kind {
  columns: { [name: string]: ColumnKind };
  rows: (string | null)[][];
  found: Partial<Inspection>;
  labels: string[];
  review: Partial<Review>;
  prediction: Prediction;
}

const SEVERAL: Kind = {
  columns: { id: "number", text: "text", toxic: "number", rude: "number", a_threat: "number" },
  rows: [
    ["7", "What a silly idea.", "1", "1", "0"],
    ["8", "See you on Monday.", "0", "0", "0"],
  ],
  found: {
    text_column_names: ["text"],
    label_column_names: ["toxic", "rude", "a_threat"],
    problem_type: "multi_label_classification",
    label_counts: [
      { label: "toxic", count: 30 },
      { label: "rude", count: 50 },
      { label: "a_threat", count: 5 },
    ],
  },
  labels: ["toxic", "rude", "a_threat"],
  review: {
    num_right: 15,
    metrics: { f1_micro: 0.8123, f1_macro: 0.7, accuracy: 0.75 },
    per_class: [
      { label: "toxic", precision: 0.9, recall: 0.8, f1: 0.847, support: 9 },
      { label: "a_threat", precision: 0, recall: 0, f1: 0, support: 2 },
    ],
    most_wrong: [wrong("toxic, a_threat", "none", 1.25)],
  },
  prediction: {
    problem_type: "multi_label_classification",
    labels: ["rude", "toxic"],
    scores: [0.6, 0.91, 0.2],
    logits: [0.4, 2.3, -1.4],
  },
};

const NUMBER: Kind = {
  columns: { sentence1: "text", sentence2: "text", score: "number" },
  rows: [["A cat sits.", "A cat is sitting.", "4.8"]],
  found: {
    text_column_names: ["sentence1", "sentence2"],
    label_column_name: "score",
    problem_type: "regression",
    label_counts: [
      { label: "4.8", count: 2 },
      { label: "0.5", count: 98 },
    ],
  },
  labels: [],
  review: { metrics: { pearson: 0.8812, spearmanr: 0.8699 }, most_wrong: [wrong("4.8", "1.203", 12.939)] },
  prediction: { problem_type: "regression", score: 3.4567, logits: [3.4567] },
};

const TOKENS: Kind = {
  columns: { tokens: "list", ner_tags: "list", id: "number" },
  rows: [["Ada, Lovelace, left, London, .", "B-PER, I-PER, O, B-LOC, O", "1"]],
  found: {
    text_column_names: ["tokens"],
    label_column_name: "ner_tags",
    problem_type: "token_classification",
    label_counts: [
      { label: "PER", count: 60 },
      { label: "LOC", count: 20 },
    ],
  },
  labels: ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"],
  review: {
    num_right: 12,
    metrics: { precision: 0.9, recall: 0.8, f1: 0.847, accuracy: 0.97 },
    per_class: [{ label: "PER", precision: 0.9, recall: 0.8, f1: 0.847, support: 17 }],
    most_wrong: [wrong("Ada_1 (PER), London (LOC)", "none", 2.5)],
  },
  prediction: {
    problem_type: "token_classification",
    entities: [
      // A hat is one character, and two units of a string here.
      { entity_group: "PER", score: 0.987, word: "ada", start: 2, end: 5 },
      { entity_group: "LOC", score: 0.75, word: "london", start: 10, end: 16 },
    ],
  },
};

const ONE: Kind = {
  columns: { text: "text", topic: "text", label: "label", tags: "list" },
  rows: [["It rains.", "weather", "dull", "rain, cold"]],
  found: {
    text_column_names: ["text"],
    label_column_name: "label",
    problem_type: "single_label_classification",
    label_counts: [{ label: "dull", count: 4 }],
  },
  labels: ["dull", "bright"],
  review: {
    num_right: 16,
    confusion: [
      [9, 1],
      [3, 7],
    ],
    per_class: [{ label: "dull", precision: 0.75, recall: 0.9, f1: 0.818, support: 10 }],
    most_wrong: [{ ...wrong("not_dull", "dull", 3.86), score: 0.021 }],
  },
  prediction: {
    problem_type: "single_label_classification",
    label: "bright",
    label_id: 1,
    score: 0.9,
    scores: [0.1, 0.9],
    logits: [-1, 1],
  },
};

function wrong(label: string, predicted: string, loss: number): Review["most_wrong"][number] {
  return { row: 3, text: "The text of this row.", text_pair: null, label, predicted, score: null, confidence: null, loss };
}

function inspection({ columns, rows, found }: Kind): Inspection {
  return {
    splits: [
      { name: "train", num_rows: 100 },
      { name: "validation", num_rows: 20 },
    ],
    columns: Object.entries(columns).map(([name, kind]) => ({ name, kind })),
    rows,
    text_column_names: [],
    label_column_name: null,
    label_column_names: [],
    problem_type: null,
    label_counts: [],
    warnings: [],
    ...found,
  };
}

function review({ labels, found, review }: Kind): Review {
  const problem_type = found.problem_type ?? "single_label_classification";
  const nothing = { num_right: 0, metrics: {}, confusion: [], per_class: [], most_wrong: [] };
  return { split: "validation", problem_type, num_rows: 20, labels, ...nothing, ...review };
}

/** A run of two steps. */
function records({ labels, review, found: { problem_type } }: Kind): Record[] {
  const device = { name: "CPU", backend: "cpu", kind: "cpu" };
  const events = [
    { type: "dataset_ready", splits: [{ name: "train", num_rows: 100 }], labels, problem_type },
    { type: "run_started", device, total_steps: 2, num_epochs: 1, resumed_from_step: null },
    { type: "eval", epoch: 1, step: 2, split: "validation", loss: 0.5, metrics: { f1: 0.8 }, per_class: review.per_class },
    { type: "done", step: 2, output_dir: "/runs/a", stopped: false, train_runtime: 1, metrics: {} },
  ];
  return events.map((event, seq) => ({ version: 1, seq, ...event })) as unknown as Record[];
}

/** Opens the page with a file of this kind chosen, and gives what it asks. */
async function open(page: Page, kind: Kind): Promise<Request[]> {
  const answer: TokenizedPrediction = { ...kind.prediction, tokens: ["[CLS]", "a", "[SEP]"] };
  const asked = await standIn(page, {
    records: records(kind),
    requests: {
      adapters: [],
      runs: [],
      list: [],
      memory: { host_bytes: 0, device_bytes: 0 },
      inspect: inspection(kind),
      estimate: { parameters: 1, device_bytes: 1, largest_bytes: 1, total_steps: 2, num_examples: 100, longest_length: 9 },
      fetch_model: { path: "/models/a", bytes: null },
      check_model: null,
      review: review(kind),
      predict: [answer],
    },
  });
  await page.goto("/");
  const gather = panel(page, "Data");
  await gather.getByRole("radio", { name: "Your file" }).check();
  await gather.getByLabel("Training file").setInputFiles({ name: "rows.csv", mimeType: "text/csv", buffer: Buffer.from("a\n") });
  await expect(gather.getByRole("region", { name: "First rows of the data" })).toBeVisible();
  return asked;
}

/** Trains, so that there is a model to look at and to ask. */
async function train(page: Page): Promise<void> {
  const choose = panel(page, "Model");
  await choose.getByRole("radio", { name: "From Hugging Face" }).check();
  await choose.getByLabel("Checkpoint", { exact: true }).fill("a/b");
  await choose.getByRole("button", { name: "Download checkpoint" }).click();
  await expect(choose.getByText("a/b is ready.")).toBeVisible();
  await panel(page, "Train").getByRole("button", { name: "Train", exact: true }).click();
  await expect(panel(page, "Train").getByText(/^Done in/)).toBeVisible();
}

/** The arguments of the data that was inspected last. */
function inspected(asked: Request[]): RunConfigJson {
  const last = asked.findLast((request) => request.type === "inspect");
  return last?.type === "inspect" ? last.config : {};
}

async function ask(page: Page, text: string): Promise<Locator> {
  const ask = panel(page, "Try");
  await ask.getByLabel("Text", { exact: true }).fill(text);
  await ask.getByRole("button", { name: "Predict" }).click();
  return ask.locator(".prediction");
}

async function photograph(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [1280, 375]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(over, `nothing sticks out at ${width} px`).toBeLessThanOrEqual(0);
      for (const title of ["Data", "Train", "Results", "Try"]) {
        const path = join(SCREENSHOTS, `labels-${name}-${title.toLowerCase()}-${colorScheme}-${width}.png`);
        const style = "nav { position: static !important; }";
        await panel(page, title).screenshot({ path, style, animations: "disabled" });
      }
    }
  }
}

test("one class per row: the confusion matrix, and each class with its bar", async ({ page }) => {
  await open(page, ONE);
  const gather = panel(page, "Data");
  await expect(gather.getByText("Found: one class per row.")).toBeVisible();
  await expect(gather.getByLabel("Label", { exact: true })).toHaveValue("label");
  await train(page);
  const look = panel(page, "Results");
  await expect(look.getByText("80.0 % of 20 validation rows are right.")).toBeVisible();
  await expect(look.getByRole("region", { name: "Confusion matrix" })).toBeVisible();
  const verdict = look.getByRole("listitem").first();
  await expect(verdict).toContainText("Labelled not dull");
  await expect(verdict).toContainText("predicted dull");
  await expect(verdict).toContainText("row 3, true class given 2.1 %, loss 3.86");
  const answer = await ask(page, "It rains.");
  await expect(answer).toContainText("bright with 90.0 %");
  await expect(answer.getByRole("listitem")).toHaveText(["dull10.0 %", "bright90.0 %"]);
});

test("several labels: columns of 0 and 1, each label's report, a bar a label", async ({ page }) => {
  const asked = await open(page, SEVERAL);
  const gather = panel(page, "Data");
  await expect(gather.getByText("Found: several labels per row.")).toBeVisible();
  const rows = gather.getByRole("region", { name: "First rows of the data" });
  await expect(rows.getByRole("columnheader")).toHaveText([/id.*unused/, /text.*text/, /toxic.*label/, /rude.*label/, /a_threat.*label/]);
  // Shares are of the rows: they may have several labels.
  await expect(gather.getByRole("list")).toContainText("50 (50 %)");

  const group = gather.getByRole("group", { name: /^Columns with 1/ });
  await expect(group.getByRole("checkbox")).toHaveCount(3);
  const use = group.getByRole("button", { name: "Use these columns" });
  await expect(use).toBeDisabled();
  await group.getByLabel("rude").uncheck();
  await use.click();
  await expect.poll(() => inspected(asked).label_column_names).toEqual(["toxic", "a_threat"]);
  expect(inspected(asked)).not.toHaveProperty("label_column_name");
  await group.getByLabel("rude").uncheck();
  await group.getByLabel("toxic").uncheck();
  await expect(use, "one column is no several").toBeDisabled();

  await train(page);
  const each = panel(page, "Train").getByText("Each label at the last evaluation");
  await each.click();
  await expect(panel(page, "Train").getByRole("region", { name: "Each label" }).getByRole("row")).toHaveCount(3);
  const look = panel(page, "Results");
  await expect(look.getByText("75.0 % of 20 validation rows have exactly the right labels.")).toBeVisible();
  await expect(look.getByRole("region", { name: "Confusion matrix" })).toHaveCount(0);
  await expect(look.getByRole("region", { name: "Metrics" }).getByRole("row").first()).toHaveText("f1 micro0.8123");
  await expect(look.getByRole("region", { name: "Each label" }).getByRole("row")).toHaveText([
    "labelprecisionrecallF1rows",
    "toxic0.9000.8000.8479",
    "a threat0.0000.0000.0002",
  ]);
  const verdict = look.getByRole("listitem").first();
  await expect(verdict).toContainText("Labelled toxic, a threat");
  await expect(verdict).toContainText("predicted none");
  await expect(verdict.locator("small")).toHaveText("row 3, loss 1.25");

  const answer = await ask(page, "What a silly idea.");
  await expect(answer.locator(".headline")).toHaveText("rude, toxic");
  await expect(answer.getByRole("listitem")).toHaveText(["toxic60.0 %, predicted", "rude91.0 %, predicted", "a threat20.0 %"]);
  await expect(answer.locator(".quiet")).toHaveText(["a threat20.0 %"]);
  await photograph(page, "several");
});

test("a number: metrics without a confusion matrix, and the number", async ({ page }) => {
  await open(page, NUMBER);
  const gather = panel(page, "Data");
  await expect(gather.getByText("Found: a number.")).toBeVisible();
  await expect(gather.getByRole("heading", { name: "Values" })).toBeVisible();
  await train(page);
  const look = panel(page, "Results");
  await expect(look.getByText("Measured on 20 validation rows.")).toBeVisible();
  await expect(look.getByRole("region", { name: "Metrics" }).getByRole("row")).toHaveText(["pearson0.8812", "spearmanr0.8699"]);
  await expect(look.getByRole("table")).toHaveCount(1);
  await expect(look.getByRole("listitem").first()).toContainText("row 3, loss 12.94");
  await expect(panel(page, "Try").getByLabel("Second text")).toBeVisible();
  const answer = await ask(page, "A cat sits.");
  await expect(answer).toHaveText("3.457");
  await photograph(page, "number");
});

test("labels of tokens: words and tags, each type's report, entities marked in the text", async ({ page }) => {
  await open(page, TOKENS);
  const gather = panel(page, "Data");
  await expect(gather.getByText("Found: labels of tokens.")).toBeVisible();
  await expect(gather.getByLabel("Words or text")).toHaveValue("tokens");
  await expect(gather.getByLabel("Tags or spans")).toHaveValue("ner_tags");
  await expect(gather.getByLabel("Second text")).toHaveCount(0);
  const rows = gather.getByRole("region", { name: "First rows of the data" });
  await expect(rows.getByRole("columnheader")).toHaveText([/tokens.*words/, /ner_tags.*tags/, /id.*unused/]);
  await expect(rows.getByRole("cell").nth(1).getByRole("listitem")).toHaveText(["B-PER", "I-PER", "O", "B-LOC", "O"]);
  await expect(gather.getByRole("heading", { name: "Entities" })).toBeVisible();
  await expect(gather.locator(".counts")).toContainText("60 (75 %)");

  await train(page);
  const look = panel(page, "Results");
  await expect(look.getByText("60.0 % of 20 validation rows have exactly the right entities.")).toBeVisible();
  await expect(look.getByRole("region", { name: "Each type" }).getByRole("row")).toHaveText([
    "typeprecisionrecallF1entities",
    "PER0.9000.8000.84717",
  ]);
  // These are words of the text, which stay as they are.
  await expect(look.getByRole("listitem").first()).toContainText("Labelled Ada_1 (PER), London (LOC)");

  const panelTry = panel(page, "Try");
  await expect(panelTry.getByLabel("Second text")).toBeHidden();
  await panelTry.getByRole("button", { name: "Take a row of the data" }).click();
  await expect(panelTry.getByLabel("Text", { exact: true })).toHaveValue("Ada Lovelace left London .");
  const answer = await ask(page, "🎩 Ada saw London.");
  await expect(answer.locator(".headline")).toHaveText("2 entities");
  await expect(answer.locator("mark")).toHaveText(["Ada PER 98.7 %", "London LOC 75.0 %"]);
  await expect(answer.locator(".marked")).toHaveText("🎩 Ada PER 98.7 % saw London LOC 75.0 %.");
  await expect(panel(page, "Export").getByLabel("How Python loads it")).toContainText("AutoModelForTokenClassification");
  await photograph(page, "tokens");
});

test("what to predict is chosen, by the keyboard too, and columns that can't hold it are let go", async ({ page }) => {
  const asked = await open(page, ONE);
  const gather = panel(page, "Data");
  const kind = gather.getByLabel("What to predict");
  await expect(kind.getByRole("option")).toHaveText([
    "Automatic",
    "One class per row",
    "Several labels per row",
    "A number",
    "Labels of tokens",
  ]);
  const choose = async (value: ProblemType | ""): Promise<RunConfigJson> => {
    const before = asked.length;
    await kind.focus();
    await kind.selectOption(value);
    await expect.poll(() => asked.slice(before).filter(({ type }) => type === "inspect").length).toBe(1);
    await expect(kind).toHaveValue(value);
    return inspected(asked);
  };
  const number = await choose("regression");
  expect([number.problem_type, number.text_column_names, number.label_column_name]).toEqual(["regression", ["text"], "label"]);
  await expect(kind, "the keyboard stays where it was").toBeFocused();
  await expect(gather.getByText(/^Found:/)).toHaveCount(0);
  await expect(gather.getByLabel("Label", { exact: true }).getByRole("option")).toHaveText(["text", "topic", "label"]);

  const several = await choose("multi_label_classification");
  expect(several.problem_type).toBe("multi_label_classification");
  expect(several, "a class is no list of labels").not.toHaveProperty("label_column_name");
  const labels = gather.getByLabel("Labels", { exact: true });
  await expect(labels.getByRole("option")).toHaveText(["text", "topic", "label", "tags", "several columns of 0 and 1"]);
  await labels.selectOption("tags");
  await expect.poll(() => inspected(asked).label_column_name).toBe("tags");
  await labels.selectOption("several columns of 0 and 1");
  await expect(gather.getByText(/^Fewer than two columns/)).toBeVisible();

  const tokens = await choose("token_classification");
  expect(tokens).not.toHaveProperty("text_column_names");
  await expect(gather.getByLabel("Second text")).toHaveCount(0);
  const automatic = await choose("");
  for (const name of ["problem_type", "text_column_names", "label_column_name"]) expect(automatic).not.toHaveProperty(name);
});
