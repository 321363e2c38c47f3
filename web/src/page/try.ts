/** The fifth panel: what the model says of a person's own words. */

import type { Prediction } from "../index.js";
import { readsPairs, type App } from "./app.js";
import { items } from "./columns.js";
import { field, fill, h, StatusLine } from "./dom.js";
import { marked } from "./entities.js";
import { figure, labelText, percent, plural } from "./format.js";

/** The most labels that are shown with their probability. */
const SHOWN = 5;

/** Draws the panel. */
export function mountTry(body: HTMLElement, app: App): void {
  const status = new StatusLine();
  const text = h("textarea", { rows: 3, required: true });
  const pair = h("textarea", { rows: 3 });
  const pairField = field("Second text", pair);
  const ask = h("button", { class: "button primary" }, "Predict");
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
    h("div", { class: "buttons" }, ask, example, about),
  );
  body.append(form, status.element, result);
  let next = 0;

  const isPair = (): boolean => !app.trained || readsPairs(app.trained);

  // As in a search; a line break takes Shift.
  for (const area of [text, pair]) {
    area.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      if (!ask.disabled) form.requestSubmit();
    });
  }

  const predict = async (): Promise<void> => {
    const { trained } = app;
    if (!trained) return;
    ask.disabled = true;
    status.busy("Reading …");
    try {
      const second = isPair() ? pair.value.trim() || null : null;
      const device = trained.config.device ?? "auto";
      const asked = text.value.trim();
      const prediction = await app.trainer.predict(asked, second, { model: trained.model, device });
      draw(result, asked, prediction, trained.labels);
      status.clear();
    } catch (error) {
      result.replaceChildren();
      status.fail(error);
    } finally {
      ask.disabled = app.running;
    }
  };

  const takeExample = (): void => {
    const { data } = app;
    if (!data) return;
    const { columns, rows } = data.inspection;
    const row = rows[next++ % rows.length];
    const cell = (name: string | undefined): string => {
      const place = columns.findIndex((one) => one.name === name);
      const value = row?.[place] ?? "";
      // Words are read as a text.
      return columns[place]?.kind === "list" ? items(value).join(" ") : value;
    };
    const [first, second] = data.config.text_column_names ?? [];
    text.value = cell(first);
    pair.value = cell(second);
  };

  app.on(["trained", "run", "data"], () => {
    const { trained, running } = app;
    ask.disabled = !trained || running;
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

function draw(result: HTMLElement, text: string, prediction: Prediction, labels: readonly string[]): void {
  switch (prediction.problem_type) {
    case "single_label_classification": {
      const { label, label_id, score, scores } = prediction;
      const names = scores.map((_, id) => (id === label_id ? label : nameOf(labels, scores, id)));
      fill(result, headline(labelText(label), ` with ${percent(score)}`), bars(names, scores, () => true));
      return;
    }
    case "multi_label_classification": {
      const { scores } = prediction;
      const names = scores.map((_, id) => nameOf(labels, scores, id));
      const predicted = prediction.labels.map(labelText).join(", ");
      const bar = (name: string): boolean => prediction.labels.includes(name);
      fill(result, headline(predicted || "No label"), bars(names, scores, bar, ", predicted"));
      return;
    }
    case "regression":
      fill(result, headline(figure(prediction.score)));
      return;
    case "token_classification": {
      const { entities } = prediction;
      const found = entities.length > 0 ? plural(entities.length, "entity", "entities") : "No entities";
      fill(result, headline(found), marked(text, entities));
      return;
    }
  }
}

function headline(text: string, more = ""): HTMLElement {
  return h("p", { class: "headline" }, h("b", {}, text), more);
}

/** The name of a label, where those of the model are known. */
function nameOf(labels: readonly string[], scores: readonly number[], id: number): string {
  return (labels.length === scores.length ? labels[id] : undefined) ?? `label ${id}`;
}

/** The labels' probabilities; what isn't predicted is quiet, and what is may have a mark. */
function bars(
  names: readonly string[],
  scores: readonly number[],
  predicted: (name: string) => boolean,
  mark = "",
): HTMLElement {
  const all = names.map((name, id) => ({ name, score: scores[id] ?? 0 }));
  // Of many, those that matter; of a few, all in their order.
  const most = names.length > SHOWN ? all.sort((a, b) => b.score - a.score) : all;
  const rest = names.length - SHOWN;
  const list = h(
    "ul",
    { class: "scores" },
    ...most.slice(0, SHOWN).map(({ name, score }) => {
      const bar = h("span", { class: "count-bar", "aria-hidden": "true" }, h("span"));
      bar.style.setProperty("--share", String(score));
      const is = predicted(name);
      const figure = `${percent(score)}${is ? mark : ""}`;
      return h("li", { class: is ? null : "quiet" }, h("span", {}, labelText(name)), bar, h("span", {}, figure));
    }),
  );
  return h("div", {}, list, rest > 0 && h("p", { class: "note" }, `and ${plural(rest, "less likely label")}`));
}
