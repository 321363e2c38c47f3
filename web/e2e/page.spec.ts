// The page as a person uses it, from the data to the downloaded model.

import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test as base, type Locator, type Page } from "@playwright/test";
import { FakeHub } from "./support/hub.ts";
import { recordTasks, recordedTasks } from "./support/tasks.ts";
import { entries } from "./support/zip.ts";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const SCREENSHOTS = at("../test-results/screenshots");
const PANELS = ["Data", "Model", "Train", "Results", "Try", "Export"];
const MODEL = "tunesmith/tiny";
/** What the Long Tasks specification calls long: a click waits noticeably. */
const LONG_TASK_MS = 50;

/** What the tests left on the page. */
interface Global {
  tunesmith: { trainer: { destroyDevice(): Promise<void> } };
}

const test = base.extend<{ hub: FakeHub; errors: string[] }>({
  hub: async ({ context }, use) => {
    const hub = await FakeHub.start({
      [`models/${MODEL}`]: at("../../data/tiny"),
      "datasets/tunesmith/paraphrase": at("../../data/paraphrase"),
    });
    await hub.stand(context);
    await use(hub);
    await hub.close();
  },
  /** Whatever throws on the page, in any test, and nobody catches. */
  errors: [
    async ({ page }, use) => {
      const errors: string[] = [];
      page.on("pageerror", (error) => errors.push(error.message));
      await use(errors);
      expect(errors).toEqual([]);
    },
    { auto: true },
  ],
});

const panel = (page: Page, name: string): Locator => page.getByRole("region", { name, exact: true });

async function open(page: Page): Promise<void> {
  await page.goto("/");
  await expect(panel(page, "Data")).toBeVisible();
}

/** Chooses what is built in, and enters arguments in the drawer. */
async function choose(page: Page, entered: { [argument: string]: string }): Promise<void> {
  await panel(page, "Data").getByRole("radio", { name: "Built-in set" }).check();
  await expect(page.getByRole("region", { name: "First rows of the data" })).toBeVisible();
  const choose = panel(page, "Model");
  await choose.getByRole("radio", { name: "Built-in model" }).check();
  await expect(choose.getByText("Built-in model is ready.")).toBeVisible();
  await choose.getByText("All arguments").click();
  for (const [argument, value] of Object.entries(entered)) {
    const control = choose.getByLabel(argument, { exact: true });
    if (await control.evaluate((element) => element instanceof HTMLSelectElement)) await control.selectOption(value);
    else await control.fill(value);
    await control.press("Tab");
  }
  await choose.getByText("All arguments").click();
}

/** The step that the train panel shows. */
async function step(page: Page): Promise<number> {
  const text = (await panel(page, "Train").getByRole("definition").first().textContent({ timeout: 60_000 })) ?? "";
  return Number(/^([\d,]+) of/.exec(text)?.[1]?.replaceAll(",", "") ?? 0);
}

async function reached(page: Page, wanted: number): Promise<void> {
  await expect.poll(() => step(page), { timeout: 120_000, intervals: [100] }).toBeGreaterThanOrEqual(wanted);
}

const button = (page: Page, name: string | RegExp): Locator =>
  panel(page, "Train").getByRole("button", { name, exact: true });

/** Every panel by itself, in each look and width. */
async function photograph(page: Page, name: string): Promise<void> {
  // On a phone the steps stick to the window's edge and would lie over a long panel.
  const style = "nav { position: static !important; }";
  mkdirSync(SCREENSHOTS, { recursive: true });
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [1280, 375]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(over, `nothing sticks out at ${width} px`).toBeLessThanOrEqual(0);
      for (const title of PANELS) {
        const path = join(SCREENSHOTS, `${name}-${title.toLowerCase()}-${colorScheme}-${width}.png`);
        await panel(page, title).screenshot({ path, style, animations: "disabled" });
      }
      const path = join(SCREENSHOTS, `${name}-page-${colorScheme}-${width}.png`);
      await page.screenshot({ path, animations: "disabled" });
    }
  }
}

test("data, model, train, results, try and export, with what is built in", async ({ page, browser }) => {
  await open(page);
  await expect(page.getByText("No GPU found: training uses the processor")).toBeVisible();
  await expect(button(page, "Train")).toBeDisabled();
  await choose(page, { max_steps: "60", logging_steps: "5", eval_steps: "30", eval_strategy: "steps" });

  const gather = panel(page, "Data");
  await expect(gather.getByText("1,600 train")).toBeVisible();
  await expect(gather.getByRole("list")).toContainText("%)");
  await expect(panel(page, "Model").getByRole("heading", { name: "What this takes" })).toBeVisible();

  const train = panel(page, "Train");
  await recordTasks(browser, page);
  await button(page, "Train").click();
  await reached(page, 3);
  await button(page, "Pause").click();
  await expect(train.getByText("Paused")).toBeVisible();
  await button(page, "Resume").click();
  await expect(train.getByText(/^Done in/)).toBeVisible({ timeout: 180_000 });
  // A task that would be too long, so that the record is known to have it.
  await page.evaluate(() => {
    for (const end = performance.now() + 400; performance.now() < end; );
  });
  const [own = 0, longest = Infinity] = await recordedTasks(browser);
  expect(own, "the record has what keeps the thread busy").toBeGreaterThan(LONG_TASK_MS);
  expect(longest, "the page's thread is free while it trains").toBeLessThan(LONG_TASK_MS);
  expect(await step(page)).toBe(60);
  await expect(train.getByRole("region", { name: "Evaluations" }).getByRole("row")).toHaveCount(3);

  const look = panel(page, "Results");
  await expect(look.getByText(/of 200 validation rows are right/)).toBeVisible({ timeout: 60_000 });
  await expect(look.getByRole("region", { name: "Confusion matrix" }).getByRole("cell")).toHaveCount(65);
  await expect(look.getByRole("listitem").first()).toContainText(/Labelled .*predicted/);

  // By the keyboard, with the mouse out of its way.
  await page.mouse.move(0, 0);
  const loss = train.getByRole("img", { name: "Loss" });
  await loss.focus();
  await loss.press("End");
  await expect(train.getByText(/^step 60/).first()).toBeVisible();

  const ask = panel(page, "Try");
  await ask.getByRole("button", { name: "Take a row of the data" }).click();
  await expect(ask.getByLabel("Text", { exact: true })).not.toBeEmpty();
  await ask.getByRole("button", { name: "Predict" }).click();
  await expect(ask.getByRole("status").filter({ hasText: /with \d/ })).toBeVisible();
  await expect(ask.getByRole("listitem")).toHaveCount(5);
  await expect(ask.getByText("and 3 less likely labels")).toBeVisible();

  const download = page.waitForEvent("download");
  await panel(page, "Export").getByRole("button", { name: "Download the model (.zip)" }).click();
  const zip = readFileSync(await (await download).path());
  expect((await download).suggestedFilename()).toMatch(/\.zip$/);
  const names = entries(zip).map((name) => name.split("/").at(-1));
  for (const name of ["config.json", "model.safetensors", "tokenizer.json", "README.md"]) expect(names).toContain(name);
  await photograph(page, "done");
});

test("the keyboard reaches the panels at once", async ({ page }) => {
  await open(page);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the panels" })).toBeFocused();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await expect(panel(page, "Data").getByRole("radio").first()).toBeFocused();
});

test("after a reload in the middle of a run the page offers to continue it", async ({ page }) => {
  await open(page);
  await choose(page, { max_steps: "3000", save_steps: "4", eval_strategy: "no" });
  await button(page, "Train").click();
  await reached(page, 6);
  await page.reload();
  const offer = page.getByRole("button", { name: /^Continue 20/ }).first();
  await expect(page.getByText("A run can go on")).toBeVisible();
  await offer.click();
  await reached(page, 5);
  await button(page, "Save and stop").click();
  await expect(panel(page, "Train").getByText(/^Stopped after/)).toBeVisible();
  await expect(panel(page, "Train").getByRole("button", { name: "Continue from the last checkpoint" })).toBeVisible();

  const kept = await step(page);
  await page.reload();
  await offer.click();
  await reached(page, kept + 1);
});

test("a file of one's own is mapped, and a checkpoint comes from the hub or from files", async ({ page, hub }) => {
  await open(page);
  const gather = panel(page, "Data");
  await gather.getByRole("radio", { name: "Your file" }).check();
  await gather.getByLabel("Training file").setInputFiles(at("../../examples/data/my_pairs_train.csv"));
  const rows = gather.getByRole("region", { name: "First rows of the data" });
  await expect(rows.getByRole("columnheader")).toHaveText([/sentence1.*text/, /sentence2.*second text/, /label.*label/]);
  await expect(gather.getByLabel("Label", { exact: true })).toHaveValue("label");
  await expect(gather.locator(".facts")).toHaveText("180 train20 validation");
  await gather.getByLabel(/set a tenth of the training rows aside/).uncheck();
  await expect(gather.locator(".facts")).toHaveText("200 train");
  await gather.getByLabel("Second text").selectOption("none");
  await expect(rows.getByRole("columnheader").nth(1)).toHaveText(/sentence2.*unused/);
  await expect(gather.getByRole("list")).toContainText("equivalent");

  const choose = panel(page, "Model");
  await choose.getByRole("radio", { name: "From Hugging Face" }).check();
  await choose.getByLabel("Checkpoint", { exact: true }).fill(MODEL);
  await choose.getByRole("button", { name: "Download checkpoint" }).click();
  await expect(choose.getByText(`${MODEL} is ready.`)).toBeVisible();
  expect(hub.count(`/${MODEL}/resolve/${hub.commit(`models/${MODEL}`)}/model.safetensors`)).toBeGreaterThan(0);

  await choose.getByRole("radio", { name: "Local files" }).check();
  const tiny = at("../../data/tiny");
  await choose.getByLabel("Files of the checkpoint").setInputFiles(readdirSync(tiny).map((name) => join(tiny, name)));
  await expect(choose.getByText("Local files is ready.")).toBeVisible();
  await expect(choose.getByText("Parameters", { exact: true })).toBeVisible();
});

test("a data set of the hub is loaded, and one that isn't there is told", async ({ page, hub }) => {
  await open(page);
  const gather = panel(page, "Data");
  await gather.getByRole("radio", { name: "From Hugging Face" }).check();
  await gather.getByLabel("Data set").fill("nobody/nothing");
  await gather.getByRole("button", { name: "Load data set" }).click();
  await expect(gather.getByRole("alert")).toContainText("nobody/nothing");
  await gather.getByLabel("Data set").fill("tunesmith/paraphrase");
  await gather.getByLabel("Configuration").fill("mrpc_like");
  await gather.getByRole("button", { name: "Load data set" }).click();
  await expect(gather.getByText("400 validation")).toBeVisible();
  expect(hub.count("/datasets/tunesmith/paraphrase/resolve/")).toBeGreaterThan(0);
});

/** Rows of each kind of labels but one, which the other tests have: words, tags and such by column. */
const KINDS = {
  several: {
    rows: [
      { text: "the train is late and dirty", late: 1, dirty: 1, cheap: 0 },
      { text: "the bus is late", late: 1, dirty: 0, cheap: 0 },
      { text: "the boat is cheap", late: 0, dirty: 0, cheap: 1 },
    ],
    found: "No labels were found: choose the column that has them.",
    right: /of \d+ validation rows have exactly the right labels/,
    answer: /(late|dirty|cheap|No label).*\d %/,
  },
  number: {
    rows: [
      { text: "a dull day", label: 0.5 },
      { text: "a fine day", label: 4.25 },
    ],
    found: "Found: a number.",
    right: /Measured on \d+ validation rows/,
    answer: /^-?\d/,
  },
  tokens: {
    rows: [
      { tokens: ["Ada", "left", "London", "."], ner_tags: ["B-PER", "O", "B-LOC", "O"] },
      { tokens: ["Rome", "is", "far"], ner_tags: ["B-LOC", "O", "O"] },
    ],
    found: "Found: labels of tokens.",
    right: /of \d+ validation rows have exactly the right entities/,
    answer: /^(No entities|1 entity|\d+ entities).+/,
  },
  spans: {
    rows: [
      { text: "Ada left London.", marks: [{ start: 0, end: 3, label: "PER" }, { start: 9, end: 15, label: "LOC" }] },
      { text: "Rome is far.", marks: [{ start: 0, end: 4, label: "LOC" }] },
    ],
    found: "No labels were found: choose the column that has them.",
    right: /of \d+ validation rows have exactly the right entities/,
    answer: /^(No entities|1 entity|\d+ entities).+/,
  },
};

for (const [name, { rows, found, right, answer }] of Object.entries(KINDS)) {
  test(`${name}: a file is trained on, looked at and asked`, async ({ page }) => {
    await open(page);
    await choose(page, { max_steps: "4", eval_strategy: "steps", eval_steps: "4" });
    const gather = panel(page, "Data");
    const lines = Array.from({ length: 60 }, (_, i) => JSON.stringify(rows[i % rows.length]));
    await gather.getByRole("radio", { name: "Your file" }).check();
    await gather
      .getByLabel("Training file")
      .setInputFiles({ name: "rows.jsonl", mimeType: "application/jsonl", buffer: Buffer.from(lines.join("\n")) });
    await expect(gather.getByText(found)).toBeVisible();
    if (name === "several") {
      await gather.getByLabel("Label", { exact: true }).selectOption("several columns of 0 and 1");
      await gather.getByRole("button", { name: "Use these columns" }).click();
      await expect(gather.getByText("Found: several labels per row.")).toBeVisible();
    }
    if (name === "spans") {
      await gather.getByLabel("Label", { exact: true }).selectOption("marks");
      await expect(gather.getByText("Found: labels of tokens.")).toBeVisible();
      await expect(gather.getByLabel("Words or text")).toHaveValue("text");
    }
    await button(page, "Train").click();
    await expect(panel(page, "Train").getByText(/^Done in/)).toBeVisible({ timeout: 120_000 });
    await expect(panel(page, "Results").getByText(right)).toBeVisible({ timeout: 60_000 });
    const ask = panel(page, "Try");
    await ask.getByRole("button", { name: "Take a row of the data" }).click();
    await ask.getByRole("button", { name: "Predict" }).click();
    await expect(ask.locator(".prediction")).toHaveText(answer, { timeout: 60_000 });
  });
}

test("a lost device is told, and the run continues from its last checkpoint", async ({ page }) => {
  await open(page);
  await choose(page, {
    device: "software-gpu",
    max_steps: "6",
    save_steps: "2",
    eval_strategy: "no",
    max_train_samples: "50",
    per_device_train_batch_size: "2",
    max_seq_length: "16",
  });
  await button(page, "Train").click();
  await reached(page, 3);
  await page.evaluate(() => (globalThis as unknown as Global).tunesmith.trainer.destroyDevice());
  const train = panel(page, "Train");
  const warnings = train.getByRole("list", { name: "Warnings" });
  await expect(warnings).toContainText(/device was lost.*goes on from.*checkpoint-/, { timeout: 60_000 });
  await expect(train.getByText(/^Done in/)).toBeVisible({ timeout: 120_000 });
  expect(await step(page)).toBe(6);
});

test("without WebGPU the page names browsers and trains on the CPU", async ({ page }) => {
  const without = "Reflect.deleteProperty((globalThis.WorkerNavigator ?? globalThis.Navigator).prototype, 'gpu');\n";
  await page.addInitScript(without);
  await page.route("**/worker.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: without + (await response.text()) });
  });
  await open(page);
  const notice = page.getByText(/has no WebGPU/);
  for (const name of ["Chrome", "Edge", "Safari", "Firefox"]) await expect(notice).toContainText(name);
  await choose(page, { max_steps: "3", eval_strategy: "no" });
  await button(page, "Train").click();
  await expect(panel(page, "Train").getByText(/^Done in/)).toBeVisible({ timeout: 60_000 });
});
