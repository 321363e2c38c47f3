// What a person meets who has never trained a model: files as they come, no settings, and accidents.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test, type Locator, type Page } from "@playwright/test";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** As far as it is used here. */
interface Axe {
  run(): Promise<{ violations: { id: string; nodes: { target: string[] }[] }[] }>;
}

const SCREENSHOTS = at("../test-results/screenshots");

/** The files, what is found in them, and what Results says of the model. */
const FILES = [
  ["semicolons.csv", "Text", "Category", /rows? (are|is) right/],
  ["windows-1252.csv", "text", "topic", /rows? (are|is) right/],
  ["array.json", "message", "intent", /rows? (are|is) right/],
  ["tickets.xlsx", "subject", "department", /rows? (are|is) right/],
  ["category.csv", "title", "category", /rows? (are|is) right/],
  ["missing.csv", "text", "label", /rows? (are|is) right/],
  ["numbers.csv", "review", "stars", /Measured on/],
  ["labels-200.csv", "question", "product", /rows? (are|is) right/],
] as const;

const panel = (page: Page, name: string): Locator => page.getByRole("region", { name, exact: true });
const button = (page: Page, name: string | RegExp): Locator => panel(page, "Train").getByRole("button", { name, exact: true });

async function open(page: Page): Promise<void> {
  await page.goto("/");
  await expect(panel(page, "Data")).toBeVisible();
}

async function builtinModel(page: Page): Promise<void> {
  await panel(page, "Model").getByRole("radio", { name: "Built-in model" }).check();
  await expect(panel(page, "Model").getByText("Built-in model is ready.")).toBeVisible();
}

async function file(page: Page, name: string, content?: string): Promise<void> {
  const data = panel(page, "Data");
  await data.getByRole("radio", { name: "Your file" }).check();
  const picked = content === undefined ? at(`../../tests/newcomer/${name}`) : { name, mimeType: "text/csv", buffer: Buffer.from(content) };
  await data.getByLabel("Training file").setInputFiles(picked);
  await expect(page.getByRole("region", { name: "First rows of the data" })).toBeVisible();
}

async function enter(page: Page, argument: string, value: string): Promise<void> {
  const model = panel(page, "Model");
  await model.getByText("All arguments").click();
  const control = model.getByLabel(argument, { exact: true });
  await control.fill(value);
  await control.press("Tab");
  await model.getByText("All arguments").click();
}

async function done(page: Page): Promise<void> {
  await expect(panel(page, "Train").getByText(/^Done in/)).toBeVisible({ timeout: 120_000 });
}

async function photograph(page: Page, name: string, titles: string[]): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  const style = "nav { position: static !important; }";
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [1280, 360]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(over, `nothing sticks out at ${width} px`).toBeLessThanOrEqual(0);
      for (const title of titles) {
        const path = join(SCREENSHOTS, `${name}-${title.toLowerCase()}-${colorScheme}-${width}.png`);
        await panel(page, title).screenshot({ path, style, animations: "disabled" });
      }
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 });
}

test("three clicks teach the built-in model the built-in set", async ({ page }) => {
  await open(page);
  await expect(button(page, "Train")).toBeDisabled();
  await panel(page, "Data").getByRole("radio", { name: "Built-in set" }).check();
  await builtinModel(page);
  await button(page, "Train").click();
  await done(page);
  const results = panel(page, "Results");
  await expect(results.getByText(/of 200 validation rows are right/)).toBeVisible({ timeout: 60_000 });
  const share = Number.parseFloat((await results.locator(".headline b").textContent()) ?? "");
  expect(share).toBeGreaterThanOrEqual(85);
  await expect(results.getByText(/Always answering .* would be right for 12.5 %/)).toBeVisible();
  await photograph(page, "default", ["Data", "Model", "Train", "Results", "Export"]);

  // What axe finds, in each look, narrow and wide.
  await page.evaluate(AXE);
  const found: string[] = [];
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [320, 1280]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: Axe }).axe.run());
      for (const { id, nodes } of violations) {
        for (const { target } of nodes) found.push(`${colorScheme}, ${width} px: ${id} at ${target.join(" ")}`);
      }
    }
  }
  expect(found).toEqual([]);
});

test("each of a newcomer's files trains as it is found", async ({ page }) => {
  await open(page);
  await builtinModel(page);
  await enter(page, "max_steps", "2");
  for (const [name, text, label, said] of FILES) {
    await file(page, name);
    const data = panel(page, "Data");
    await expect(data.getByLabel("Text", { exact: true })).toHaveValue(text);
    await expect(data.getByLabel("Label", { exact: true })).toHaveValue(label);
    if (name === "missing.csv") await expect(data.getByText(/5 rows of 48 have no label/)).toBeVisible();
    await button(page, "Train").click();
    await done(page);
    await expect(panel(page, "Results").getByText(said)).toBeVisible({ timeout: 60_000 });
    if (name === "numbers.csv") {
      await expect(panel(page, "Results").getByRole("img", { name: /Predicted against true: \d+ rows/ })).toBeVisible();
      await expect(panel(page, "Results").getByRole("img", { name: /Residuals/ })).toBeVisible();
      await expect(panel(page, "Results").getByRole("rowheader", { name: "mae" })).toBeVisible();
      await photograph(page, "numbers", ["Results"]);
    }
  }
  // The last has 200 labels.
  const results = panel(page, "Results");
  await expect(results.getByText("The 20 classes with the most mistakes, of 200.")).toBeVisible();
  await expect(results.getByRole("region", { name: "Confusion matrix" }).getByRole("row")).toHaveCount(21);
  await results.getByRole("button", { name: "recall" }).click();
  await expect(results.getByRole("columnheader", { name: "recall" })).toHaveAttribute("aria-sort", "ascending");
  await expect(panel(page, "Data").getByText("product 0", { exact: true }).first()).toBeVisible();
  const ask = panel(page, "Try");
  await ask.getByLabel("Text", { exact: true }).fill("a question about product 7");
  await ask.getByLabel("Text", { exact: true }).press("Enter");
  await expect(ask.getByRole("listitem")).toHaveCount(5);
  await expect(ask.getByText("and 195 less likely labels")).toBeVisible();
  await photograph(page, "many", ["Data", "Results", "Try"]);

  // All that a person's rows left behind goes with them.
  page.on("dialog", (dialog) => void dialog.accept());
  await panel(page, "Export").getByRole("button", { name: "Delete Your data files" }).click();
  await expect(panel(page, "Export").getByRole("button", { name: "Delete Your data files" })).toBeHidden();
  const left = await page.evaluate(async () => {
    const { trainer } = (globalThis as unknown as { tunesmith: { trainer: { list(path: string): Promise<{ path: string }[]> } } }).tunesmith;
    return (await trainer.list("/")).map(({ path }) => path).filter((path) => /^\/(files|cache\/datasets|cache\/tokenized)\//.test(path));
  });
  expect(left).toEqual([]);
});

test("what is missing is said, and nothing wrong is trained on", async ({ page }) => {
  await open(page);
  await builtinModel(page);
  await file(page, "notes.csv", "id,text\n1,a long day\n2,a short one\n");
  const train = panel(page, "Train");
  await expect(button(page, "Train")).toBeDisabled();
  await expect(train.getByText("Choose the column to predict.")).toBeVisible();
  await expect(panel(page, "Data").getByRole("button", { name: "Next: Model" })).toBeDisabled();
  await file(page, "one.csv", "text,category\na long day,x\na short one,x\n");
  await expect(train.getByText("There is nothing to learn from these labels")).toBeVisible();
  await file(page, "category.csv");
  await expect(button(page, "Train")).toBeEnabled();
  await panel(page, "Data").getByRole("button", { name: "Next: Model" }).click();
  await expect(page.getByRole("heading", { name: "Model", exact: true })).toBeFocused();

  const epochs = panel(page, "Model").getByLabel("Epochs", { exact: true });
  await epochs.fill("abc");
  await epochs.press("Tab");
  await expect(train.getByText("Epochs: Enter a number, such as 8 or 5e-5.")).toBeVisible();
  await expect(button(page, "Train")).toBeDisabled();
  await epochs.fill("2");
  await epochs.press("Tab");
  await expect(button(page, "Train")).toBeEnabled();
});

test("a double click trains, and a stop before the first step is no failure", async ({ page }) => {
  await open(page);
  await builtinModel(page);
  await panel(page, "Data").getByRole("radio", { name: "Built-in set" }).check();
  await enter(page, "max_steps", "2000");
  const train = panel(page, "Train");
  await button(page, "Train").dblclick();
  await expect(train.getByText(/^Training on/)).toBeVisible({ timeout: 60_000 });
  await expect(button(page, "Pause")).toBeVisible();
  await button(page, /^Stop/).click();
  await expect(train.getByText(/^Stopped after/)).toBeVisible({ timeout: 60_000 });

  // A stop at once, before the worker has anything.
  await page.evaluate(() => {
    const buttons = [...document.querySelectorAll<HTMLButtonElement>("#train-body button")];
    buttons.find(({ textContent }) => textContent === "Train")?.click();
    buttons.find(({ textContent }) => textContent?.startsWith("Stop"))?.click();
  });
  await expect(train.getByText("Stopped before the first step")).toBeVisible({ timeout: 60_000 });
  await expect(train.getByText("The run failed")).toBeHidden();
});

test("a worker that dies is told, and another one goes on without a reload", async ({ page }) => {
  await open(page);
  await builtinModel(page);
  await panel(page, "Data").getByRole("radio", { name: "Built-in set" }).check();
  await enter(page, "max_steps", "2000");
  await enter(page, "save_steps", "10");
  const train = panel(page, "Train");
  await button(page, "Train").click();
  await expect(train.getByText(/^Training on/)).toBeVisible({ timeout: 60_000 });
  await expect(button(page, /^Stop \(back to step/)).toBeVisible({ timeout: 60_000 });
  await page.workers()[0]?.evaluate(() => void setTimeout(() => {
    throw new Error("the test ends this worker");
  }));
  await expect(train.getByText("The run failed")).toBeVisible({ timeout: 60_000 });
  await expect(train.getByRole("alert")).toContainText("The worker ended");
  await train.getByRole("button", { name: "Continue from the last checkpoint" }).click();
  await expect(train.getByText(/^Training on/)).toBeVisible({ timeout: 60_000 });
  await button(page, "Save and stop").click();
  await expect(train.getByText(/^Stopped after/)).toBeVisible({ timeout: 60_000 });
});
