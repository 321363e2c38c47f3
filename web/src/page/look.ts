/** The fourth panel: where the model is right, and the rows it got most wrong. */

import type { ClassReport, Review, WrongRow } from "../index.js";
import type { App } from "./app.js";
import { fill, h, StatusLine } from "./dom.js";
import { count, labelText, percent, plural } from "./format.js";

/** Rows shown before a person asks for more. */
const ROWS_SHOWN = 5;

/** Draws the panel. */
export function mountLook(body: HTMLElement, app: App): void {
  const status = new StatusLine();
  const result = h("div", { class: "review" });
  const again = h("button", { class: "button", type: "button", onclick: () => void review() }, "Look at the errors");
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
  const all = sum(review.confusion.flat());
  const right = sum(review.confusion.map((row, i) => row[i] ?? 0));
  const wrong = review.most_wrong;
  const list = h("ol", { class: "wrong" }, ...wrong.slice(0, ROWS_SHOWN).map(wrongRow));
  const more = h(
    "button",
    {
      class: "button quiet",
      type: "button",
      onclick: () => {
        list.append(...wrong.slice(ROWS_SHOWN).map(wrongRow));
        more.remove();
      },
    },
    `Show ${plural(wrong.length - ROWS_SHOWN, "more row")}`,
  );
  fill(
    result,
    h("p", { class: "headline" }, h("b", {}, percent(right / all)), ` of ${plural(all, `${review.split} row`)} are right.`),
    h("div", { class: "columns" }, confusion(review), report(review.per_class)),
    h("h3", {}, "Most wrong"),
    wrong.length === 0 ? h("p", { class: "note" }, "The model got every row right.") : list,
    wrong.length > ROWS_SHOWN && more,
  );
}

function confusion({ labels, confusion: rows }: Review): HTMLElement {
  return h(
    "div",
    {},
    h("h3", {}, "Confusion matrix"),
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
              ...row.map((cell, j) => confusionCell(cell, sum(row), i === j)),
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

function report(classes: ClassReport[]): HTMLElement {
  const heads = ["class", "precision", "recall", "F1", "rows"].map((name) => h("th", { scope: "col" }, name));
  const rows = classes.map(({ label, precision, recall, f1, support }) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, labelText(label)),
      ...[precision, recall, f1].map((value) => h("td", {}, value.toFixed(3))),
      h("td", {}, count(support)),
    ),
  );
  return h(
    "div",
    {},
    h("h3", {}, "Each class"),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "Each class" },
      h("table", { class: "numbers" }, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows)),
    ),
  );
}

function wrongRow({ row, text, text_pair, label, predicted, score, loss }: WrongRow): HTMLElement {
  return h(
    "li",
    {},
    h(
      "p",
      { class: "verdict" },
      h("span", {}, "Is ", h("b", { class: "is" }, labelText(label))),
      h("span", {}, "taken for ", h("b", { class: "taken" }, labelText(predicted))),
      h("small", {}, `row ${count(row)}, true class given ${percent(score)}, loss ${loss.toFixed(2)}`),
    ),
    h("p", {}, text),
    text_pair !== null && h("p", {}, text_pair),
  );
}

function sum(numbers: number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
