/** Each class, label or type of entity by itself. */

import type { ClassReport } from "../index.js";
import { fill, h } from "./dom.js";
import { count, labelText } from "./format.js";
import type { Words } from "./labels.js";

type Column = keyof ClassReport;

/** A table of them, which a press on a column's head sorts. */
export function report(classes: readonly ClassReport[], words: Words): HTMLElement {
  const columns: [Column, string][] = [
    ["label", words.class],
    ["precision", "precision"],
    ["recall", "recall"],
    ["f1", "F1"],
    ["support", words.support],
  ];
  const body = h("tbody", {});
  const heads = columns.map(([column, name]) => {
    const head = h("th", { scope: "col" });
    head.append(h("button", { class: "sort", type: "button", onclick: () => sort(column, head) }, name));
    return head;
  });
  const sort = (column: Column, head: HTMLElement): void => {
    // The weakest first: that is what one looks for.
    const up = head.ariaSort !== "ascending";
    for (const other of heads) other.ariaSort = null;
    head.ariaSort = up ? "ascending" : "descending";
    const sorted = [...classes].sort((a, b) => compare(a[column], b[column]));
    draw(up ? sorted : sorted.reverse());
  };
  const draw = (classes: readonly ClassReport[]): void => fill(body, ...classes.map(row));
  draw(classes);
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": words.report },
    h("table", { class: "numbers" }, h("thead", {}, h("tr", {}, ...heads)), body),
  );
}

function row({ label, precision, recall, f1, support }: ClassReport): HTMLElement {
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, labelText(label)),
    ...[precision, recall, f1].map((value) => h("td", {}, value.toFixed(3))),
    h("td", {}, count(support)),
  );
}

function compare(a: string | number, b: string | number): number {
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
}
