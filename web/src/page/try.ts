/** The fifth panel: what the model says of a person's own words. */

import type { Prediction } from "../index.js";
import type { App } from "./app.js";
import { field, fill, h, StatusLine } from "./dom.js";
import { figure, labelText, percent } from "./format.js";

/** Draws the panel. */
export function mountTry(body: HTMLElement, app: App): void {
  const status = new StatusLine();
  const text = h("textarea", { rows: 3, required: true });
  const pair = h("textarea", { rows: 3 });
  const pairField = field("Second text", pair);
  const classify = h("button", { class: "button primary" }, "Classify");
  const example = h("button", { class: "button quiet", type: "button", onclick: () => takeExample() }, "Take a row of the data");
  const result = h("div", { class: "prediction", role: "status" });
  const about = h("p", { class: "note" });
  const form = h(
    "form",
    {
      onsubmit: (event: SubmitEvent) => {
        event.preventDefault();
        void predict();
      },
    },
    h("div", { class: "columns" }, field("Text", text), pairField),
    h("div", { class: "buttons" }, classify, example, about),
  );
  body.append(form, status.element, result);
  let next = 0;

  const isPair = (): boolean => app.trained?.config.text_column_names?.length !== 1;

  const predict = async (): Promise<void> => {
    const { trained } = app;
    if (!trained) return;
    classify.disabled = true;
    status.busy("Reading …");
    try {
      const second = isPair() ? pair.value.trim() || null : null;
      const device = trained.config.device ?? "auto";
      const prediction = await app.trainer.predict(text.value.trim(), second, { model: trained.model, device });
      draw(result, prediction, trained.labels);
      status.clear();
    } catch (error) {
      result.replaceChildren();
      status.fail(error);
    } finally {
      classify.disabled = app.running;
    }
  };

  const takeExample = (): void => {
    const { data } = app;
    if (!data) return;
    const { columns, rows } = data.inspection;
    const row = rows[next++ % rows.length];
    const cell = (name: string | undefined): string => row?.[columns.findIndex((one) => one.name === name)] ?? "";
    const [first, second] = data.config.text_column_names ?? [];
    text.value = cell(first);
    pair.value = cell(second);
  };

  app.on(["trained", "run", "data"], () => {
    const { trained, running } = app;
    classify.disabled = !trained || running;
    pairField.hidden = !isPair();
    example.hidden = !app.data || app.data.inspection.rows.length === 0;
    about.textContent = running
      ? "Wait until the run has ended."
      : trained
        ? `Asks ${trained.title}.`
        : "Train a model first, or open a stored one below.";
  });
  app.on(["trained"], () => result.replaceChildren());
}

function draw(result: HTMLElement, { label, score, scores, label_id }: Prediction, labels: readonly string[]): void {
  if (scores.length <= 1) {
    fill(result, h("p", { class: "headline" }, h("b", {}, figure(score))));
    return;
  }
  fill(
    result,
    h("p", { class: "headline" }, h("b", {}, labelText(label)), ` with ${percent(score)}`),
    h(
      "ul",
      { class: "scores" },
      ...scores.map((one, i) => {
        const bar = h("span", { class: "count-bar", "aria-hidden": "true" }, h("span"));
        bar.style.setProperty("--share", String(one ?? 0));
        return h("li", {}, h("span", {}, labelText(i === label_id ? label : (labels[i] ?? `class ${i}`))), bar, h("span", {}, percent(one)));
      }),
    ),
  );
}
