/** The fourth panel: where the model is right, and the rows it got most wrong. */

import type { Metrics, ProblemType, Review, WrongRow } from "../index.js";
import type { App } from "./app.js";
import { fill, h, notice, StatusLine } from "./dom.js";
import { count, figure, labelText, percent, plural } from "./format.js";
import { words } from "./labels.js";
import { report } from "./report.js";
import type { Point } from "./scale.js";
import { scatter } from "./scatter.js";

/** Classes of a matrix that can be read. */
const CLASSES_SHOWN = 20;

/** Pairs of classes that are listed. */
const MISTAKES_SHOWN = 8;

/** Rows shown before a person asks for more. */
const ROWS_SHOWN = 5;

/** What helps a model that learned nothing; the window's `look.rs` says the same. */
const TO_TRY =
  "To try: more epochs, another learning rate, a pretrained model from Hugging Face in place of the built-in one, " +
  "or more rows. Check that the labels follow from the text.";

/** Draws the panel. */
export function mountLook(body: HTMLElement, app: App): void {
  const status = new StatusLine();
  const result = h("div", { class: "review" });
  const again = h("button", { class: "button", type: "button", onclick: () => void review() }, "Show the errors");
  const waiting = h("p", { class: "note" }, "When a run has ended, its errors on the validation rows are shown here.");
  body.append(waiting, again, status.element, result);

  const review = async (): Promise<void> => {
    const { trained } = app;
    if (!trained) return;
    again.disabled = true;
    status.busy("Reading the validation rows …");
    try {
      const found = await app.trainer.review(trained.config, { model: trained.model });
      if (app.trained !== trained) return;
      status.clear();
      again.hidden = true;
      draw(result, found);
    } catch (error) {
      status.fail(error);
    } finally {
      again.disabled = app.running;
    }
  };

  app.on(["trained"], () => {
    result.replaceChildren();
    status.clear();
    again.hidden = !app.trained;
    waiting.hidden = app.trained !== null;
    // After a run that was cut short the person may rather want to go on with it.
    if (app.trained?.whole && measured(app)) void review();
  });
  app.on(["run"], () => (again.disabled = app.running));
}

/** Whether the run has validation rows to look at. */
function measured({ trained }: App): boolean {
  const config = trained?.config;
  return config?.do_eval === true || (config?.eval_strategy ?? "no") !== "no";
}

function draw(result: HTMLElement, review: Review): void {
  const { problem_type, split, num_rows, num_right, most_wrong: wrong } = review;
  const names = words(problem_type);
  const rows = plural(num_rows, `${split} row`);
  const draw = (row: WrongRow): HTMLElement => wrongRow(row, problem_type);
  const list = h("ol", { class: "wrong" }, ...wrong.slice(0, ROWS_SHOWN).map(draw));
  const more = h(
    "button",
    {
      class: "button quiet",
      type: "button",
      onclick: () => {
        list.append(...wrong.slice(ROWS_SHOWN).map(draw));
        more.remove();
      },
    },
    `Show ${plural(wrong.length - ROWS_SHOWN, "more row")}`,
  );
  fill(
    result,
    problem_type === "regression"
      ? h("p", { class: "headline" }, `Measured on ${rows}.`)
      : h("p", { class: "headline" }, h("b", {}, percent(num_right / num_rows)), ` of ${rows} ${names.right}`),
    baseline(review),
    h(
      "div",
      { class: "columns" },
      review.confusion.length > 0 ? confusion(review) : metrics(review.metrics),
      ...numbers(review),
      review.per_class.length > 0 && h("div", {}, h("h3", {}, names.report), report(review.per_class, names)),
    ),
    h("h3", {}, "Most wrong"),
    wrong.length === 0 ? h("p", { class: "note" }, "The model got every row right.") : list,
    wrong.length > ROWS_SHOWN && more,
  );
}

/** What was predicted of numbers, row by row. */
function numbers({ numbers = [] }: Review): HTMLElement[] {
  if (numbers.length === 0) return [];
  const off = numbers.map(([is, predicted]): Point => [is, predicted - is]);
  return [
    scatter("Predicted against true", numbers, ["true", "predicted"], (x) => x),
    scatter("Residuals (predicted − true)", off, ["true", "predicted − true"], () => 0),
  ];
}

/** What always giving the most frequent class would get right, and what to try where the model is no better. */
function baseline({ confusion: rows, labels, num_rows, num_right }: Review): HTMLElement | null {
  const counts = rows.map(sum);
  const most = Math.max(...counts);
  const label = labels[counts.indexOf(most)];
  if (label === undefined) return null;
  const share = percent(most / num_rows);
  if (num_right > most) {
    return h("p", { class: "note" }, `Always answering ${labelText(label)} would be right for ${share}.`);
  }
  return notice(`No better than always answering ${labelText(label)} (${share})`, TO_TRY);
}

/** The classes of a matrix, or of a large one those with the most rows in the wrong place. */
function shownClasses({ labels, confusion: rows }: Review): number[] {
  const all = labels.map((_, i) => i);
  if (labels.length <= CLASSES_SHOWN) return all;
  const wrong = (i: number): number =>
    sum(rows[i] ?? []) + rows.reduce((all, row) => all + (row[i] ?? 0), 0) - 2 * (rows[i]?.[i] ?? 0);
  return all.sort((a, b) => wrong(b) - wrong(a)).slice(0, CLASSES_SHOWN);
}

/** Which class was most often taken for which. */
function mistakes({ labels, confusion: rows }: Review): HTMLElement | null {
  const found = rows.flatMap((row, i) => row.flatMap((rows, j) => (i !== j && rows > 0 ? [{ i, j, rows }] : [])));
  if (found.length === 0 || labels.length <= 2) return null;
  const name = (i: number): HTMLElement => h("b", {}, labelText(labels[i] ?? ""));
  return h(
    "div",
    {},
    h("h3", {}, "Most confused"),
    h(
      "ul",
      { class: "mistakes" },
      ...found
        .sort((a, b) => b.rows - a.rows)
        .slice(0, MISTAKES_SHOWN)
        .map(({ i, j, rows }) => h("li", {}, "Labelled ", name(i), ", predicted ", name(j), `: ${plural(rows, "row")}`)),
    ),
  );
}

function confusion(review: Review): HTMLElement {
  const shown = shownClasses(review);
  const labels = shown.map((i) => review.labels[i] ?? "");
  const rows = shown.map((i) => shown.map((j) => review.confusion[i]?.[j] ?? 0));
  const all = shown.map((i) => sum(review.confusion[i] ?? []));
  const rest = review.labels.length - shown.length;
  return h(
    "div",
    {},
    mistakes(review),
    h("h3", {}, "Confusion matrix"),
    rest > 0 && h("p", { class: "note" }, `The ${CLASSES_SHOWN} classes with the most mistakes, of ${review.labels.length}.`),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "Confusion matrix" },
      h(
        "table",
        { class: "confusion" },
        h("caption", {}, "Rows: the true class. Columns: what the model says."),
        h("thead", {}, h("tr", {}, h("td"), ...labels.map((label) => h("th", { scope: "col" }, labelText(label))))),
        h(
          "tbody",
          {},
          ...rows.map((row, i) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, labelText(labels[i] ?? "")),
              ...row.map((cell, j) => confusionCell(cell, all[i] ?? 0, i === j)),
            ),
          ),
        ),
      ),
    ),
  );
}

function confusionCell(cell: number, ofClass: number, right: boolean): HTMLElement {
  const share = ofClass > 0 ? cell / ofClass : 0;
  const element = h("td", { class: right ? "right" : "off" }, h("b", {}, count(cell)), h("small", {}, percent(share, 0)));
  element.style.setProperty("--share", share.toFixed(3));
  return element;
}

/** The metrics over all rows. */
function metrics(found: Metrics): HTMLElement {
  const rows = Object.entries(found).map(([name, value]) =>
    h("tr", {}, h("th", { scope: "row" }, labelText(name)), h("td", {}, figure(value))),
  );
  return h(
    "div",
    {},
    h("h3", {}, "Metrics"),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "Metrics" },
      h("table", { class: "numbers" }, h("tbody", {}, ...rows)),
    ),
  );
}

function wrongRow({ row, text, text_pair, label, predicted, score, loss }: WrongRow, labels: ProblemType): HTMLElement {
  // A label of tokens has words of the text in it.
  const name = (label: string): string => (labels === "token_classification" ? label : labelText(label));
  const about = [
    `row ${count(row)}`,
    score !== null && `true class given ${percent(score)}`,
    loss !== null && `loss ${figure(loss)}`,
  ];
  return h(
    "li",
    {},
    h(
      "p",
      { class: "verdict" },
      h("span", {}, "Labelled ", h("b", { class: "is" }, name(label))),
      h("span", {}, "predicted ", h("b", { class: "taken" }, name(predicted))),
      h("small", {}, about.filter(Boolean).join(", ")),
    ),
    h("p", {}, text),
    text_pair !== null && h("p", {}, text_pair),
  );
}

function sum(numbers: number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
