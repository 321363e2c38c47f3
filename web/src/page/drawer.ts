/** The drawer with every argument, to be searched. */

import type { App } from "./app.js";
import { argumentControl, fallback } from "./argument-field.js";
import { ARGUMENTS } from "../generated/arguments.js";
import { fill, h } from "./dom.js";
import { plural } from "./format.js";

/** Arguments that mean nothing to a page, which has one device. */
const NOT_HERE = ["devices"];

/** Makes the drawer. */
export function drawer(app: App): HTMLElement {
  const search = h("input", { type: "search", placeholder: "Find an argument", "aria-label": "Find an argument" });
  const none = h("p", { class: "note", hidden: true }, "No argument has this in its name or its explanation.");
  const changed = h("span", { class: "badge", hidden: true });
  const reset = h(
    "button",
    {
      class: "button quiet",
      type: "button",
      onclick: () => app.enterNothing(),
    },
    "Back to the defaults",
  );
  const groups = ARGUMENTS.map(({ group, items }) => {
    const here = items.filter(({ name }) => !NOT_HERE.includes(name));
    const rows = here.map((argument) => {
      const control = argumentControl(app, argument.name);
      const otherwise = h("span", { class: "argument-default" });
      const row = h(
        "div",
        { class: "argument" },
        h("label", { for: control.id }, h("code", {}, argument.name)),
        control,
        h("p", { id: `${control.id}-help` }, argument.help, otherwise),
      );
      control.setAttribute("aria-describedby", `${control.id}-help`);
      app.on(["arguments", "data", "model"], () => {
        row.classList.toggle("changed", app.entered[argument.name] !== undefined);
        otherwise.textContent = ` Default: ${fallback(app, argument)}`;
      });
      return { row, text: `${argument.name} ${argument.help}`.toLowerCase() };
    });
    return { element: h("section", {}, h("h3", {}, group), ...rows.map(({ row }) => row)), rows };
  });
  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase().replaceAll(" ", "_");
    let found = 0;
    for (const { element, rows } of groups) {
      for (const { row, text } of rows) {
        row.hidden = !text.includes(wanted) && !text.replaceAll(" ", "_").includes(wanted);
        found += row.hidden ? 0 : 1;
      }
      element.hidden = rows.every(({ row }) => row.hidden);
    }
    none.hidden = found > 0;
  });
  app.on(["arguments"], () => {
    const number = Object.keys(app.entered).length;
    changed.hidden = number === 0;
    reset.hidden = number === 0 && app.unread.size === 0;
    fill(changed, plural(number, "change"));
  });
  return h(
    "details",
    { class: "drawer" },
    h("summary", {}, "All arguments", changed),
    h(
      "div",
      { class: "drawer-body" },
      h("p", {}, "The names are those of transformers' TrainingArguments and run_glue, and so are the defaults, except where this page has a better one."),
      h("div", { class: "row" }, search, reset),
      none,
      ...groups.map(({ element }) => element),
    ),
  );
}
