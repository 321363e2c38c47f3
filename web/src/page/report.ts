/** Each class, label or type of entity by itself. */

import type { ClassReport } from "../index.js";
import { h } from "./dom.js";
import { count, labelText } from "./format.js";
import type { Words } from "./labels.js";

/** A table of them. */
export function report(classes: readonly ClassReport[], words: Words): HTMLElement {
  const heads = [words.class, "precision", "recall", "F1", words.support].map((name) => h("th", { scope: "col" }, name));
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
    { class: "scroll", tabindex: 0, role: "region", "aria-label": words.report },
    h("table", { class: "numbers" }, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows)),
  );
}
