/** The first rows of the data, and how often there is which label. */

import type { Inspection, ProblemType } from "../index.js";
import { items, role } from "./columns.js";
import { h } from "./dom.js";
import { count, labelText, percent, plural } from "./format.js";
import { words } from "./labels.js";

/** Label counts beyond this number say nothing more. */
const COUNTS_SHOWN = 12;

/** A table of the first rows. */
export function table(found: Inspection): HTMLElement {
  const roles = found.columns.map(({ name }) => role(found, name));
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "First rows of the data" },
    h(
      "table",
      { class: "rows" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ...found.columns.map(({ name }, i) =>
            h("th", { scope: "col", class: roles[i] === "unused" ? "unused" : "used" }, name, h("small", {}, roles[i])),
          ),
        ),
      ),
      h(
        "tbody",
        {},
        ...found.rows.map((row) =>
          h(
            "tr",
            {},
            ...row.map((value, i) => {
              const isList = found.columns[i]?.kind === "list";
              return h("td", { class: `${roles[i]}${isList ? " list" : ""}` }, cell(value, isList));
            }),
          ),
        ),
      ),
    ),
  );
}

function cell(value: string | null, isList: boolean): HTMLElement | string {
  if (value === null || (isList && value === "")) return h("i", {}, "empty");
  return isList ? h("ul", { class: "items" }, ...items(value).map((item) => h("li", {}, item))) : value;
}

/** The counts of labels, or of entities; nothing where there are none. */
export function counts(labels: ProblemType | null, { label_counts, splits }: Inspection): HTMLElement | null {
  if (label_counts.length === 0) return null;
  const { counts: title, more } = words(labels);
  const sum = label_counts.reduce((sum, one) => sum + one.count, 0);
  // Of tokens it's entities that are counted.
  const all = labels === "token_classification" ? sum : (splits[0]?.num_rows ?? sum);
  const most = Math.max(...label_counts.map((one) => one.count));
  const rest = label_counts.length - COUNTS_SHOWN;
  return h(
    "div",
    { class: "counts" },
    h("h3", {}, title),
    h(
      "ul",
      {},
      ...label_counts.slice(0, COUNTS_SHOWN).map((one) => {
        const meter = h("span", { class: "count-bar", "aria-hidden": "true" }, h("span"));
        meter.style.setProperty("--share", String(one.count / most));
        const share = percent(one.count / all, 0);
        return h("li", {}, h("span", {}, labelText(one.label)), meter, h("span", {}, `${count(one.count)} (${share})`));
      }),
    ),
    rest > 0 && h("p", { class: "note" }, `and ${plural(rest, more)}`),
  );
}
