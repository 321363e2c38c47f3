/** What is to be predicted, and which columns it is learned from. */

import type { ProblemType, RunConfigJson } from "../index.js";
import type { ChosenData } from "./app.js";
import { choices, holdsLabels, holdsText, ofZerosAndOnes, predicting } from "./columns.js";
import { field, fill, h, newId } from "./dom.js";
import { WORDS, words } from "./labels.js";

/** The value of the choice of no column but several; a column's name has no space first. */
const SEVERAL = " several";

/** The controls; `take` gets the arguments with other columns, of which the data has to be inspected anew. */
export function mapping({ config, inspection }: ChosenData, take: (config: RunConfigJson) => void): HTMLElement {
  const several = h("div", {});
  const show = (ticked: string[] | null): void =>
    fill(several, ticked && ticks(config, inspection.label_column_names, ticked, ofZerosAndOnes(inspection), take));
  const found = inspection.label_column_names;
  show(found.length > 0 ? found : null);
  return h(
    "div",
    { class: "mapping" },
    kind(config, inspection, take),
    columns(config, inspection, take, () => show(ofZerosAndOnes(inspection))),
    several,
  );
}

type Take = (config: RunConfigJson) => void;
type Found = ChosenData["inspection"];

/** One class, several labels, a number or tags. */
function kind(config: RunConfigJson, found: Found, take: Take): HTMLElement {
  const asked = config.problem_type ?? null;
  const select = h(
    "select",
    { name: "problem_type", onchange: () => take(predicting((select.value || null) as ProblemType | null, config, found)) },
    h("option", { value: "" }, "Automatic"),
    ...Object.entries(WORDS).map(([value, { choice }]) => h("option", { value, selected: value === asked }, choice)),
  );
  const hint = found.problem_type
    ? words(found.problem_type).found
    : "No labels were found: choose the column that has them.";
  return field("What to predict", select, asked === null ? hint : undefined);
}

/** Which column is what. */
function columns(config: RunConfigJson, found: Found, take: Take, tick: () => void): HTMLElement {
  const asked = config.problem_type ?? null;
  const labels = asked ?? found.problem_type;
  const all = choices(found);
  const [first, second] = found.text_column_names;
  const several = found.label_column_names.length > 0;
  const label = several ? SEVERAL : (found.label_column_name ?? undefined);
  const pick = (
    name: string,
    chosen: string | undefined,
    holds: typeof holdsText,
    none: string | null,
    change: (name: string) => void,
  ): HTMLSelectElement => {
    const select = h("select", { name, onchange: () => change(select.value) });
    if (none !== null) select.append(h("option", { value: "" }, none));
    for (const { name, kind } of all) {
      if (name === chosen || holds(asked, kind)) select.append(h("option", { value: name, selected: name === chosen }, name));
    }
    return select;
  };
  const text = (...names: (string | undefined)[]): void =>
    take({ ...config, text_column_names: names.filter((name): name is string => !!name) });
  const labelPick = pick("label", label, holdsLabels, label === undefined ? "none" : null, (name) => {
    if (name === SEVERAL) return tick();
    const { label_column_names: _, ...others } = config;
    take({ ...others, label_column_name: name });
  });
  if (asked === null || asked === "multi_label_classification") {
    labelPick.append(h("option", { value: SEVERAL, selected: several }, "several columns of 0 and 1"));
  }
  const { text: textName, column } = words(labels);
  return h(
    "div",
    { class: "row" },
    field(textName, pick("text", first, holdsText, first === undefined ? "none" : null, (name) => text(name, second))),
    labels !== "token_classification" &&
      field("Second text", pick("second-text", second, holdsText, "none", (name) => text(first, name))),
    field(column, labelPick),
  );
}

/** The columns that are a label each, to be ticked. */
function ticks(config: RunConfigJson, now: string[], ticked: string[], columns: string[], take: Take): HTMLElement {
  const all = [...columns, ...now.filter((name) => !columns.includes(name))];
  if (all.length < 2) {
    return h("p", { class: "note" }, "Fewer than two columns hold nothing but 0 and 1. Each label needs a column of its own.");
  }
  const boxes = all.map((name) => {
    const box = h("input", { type: "checkbox", value: name, onchange: () => enable() });
    box.checked = ticked.includes(name);
    return box;
  });
  const chosen = (): string[] => boxes.filter(({ checked }) => checked).map(({ value }) => value);
  const use = h(
    "button",
    {
      class: "button",
      type: "button",
      // Where the keyboard goes on when the button is done with.
      name: "label",
      onclick: () => {
        const { label_column_name: _, ...others } = config;
        take({ ...others, label_column_names: chosen() });
      },
    },
    "Use these columns",
  );
  const enable = (): void => {
    const names = chosen();
    use.disabled = names.length < 2 || names.join("\n") === now.join("\n");
  };
  enable();
  const id = newId("ticks");
  return h(
    "div",
    { role: "group", "aria-labelledby": id, class: "ticks" },
    h("p", { class: "note", id }, "Columns with 1 where a row has the label and 0 where it hasn't"),
    h("div", { class: "row" }, ...boxes.map((box) => h("label", { class: "check" }, box, box.value))),
    use,
  );
}
