/** The six steps beside the panels: which are done, and which one is being read. */

import type { App } from "./app.js";
import { missing } from "./columns.js";
import { h } from "./dom.js";

/** Keeps the marks of the steps current. */
export function mountSteps(steps: HTMLElement, app: App): void {
  const links = [...steps.querySelectorAll<HTMLAnchorElement>("a")];
  app.on(["data", "model", "run", "trained"], () => {
    const done: { [step: string]: boolean } = {
      "#data": app.data !== null,
      "#model": app.model !== null,
      "#train": app.trained !== null && !app.running,
    };
    for (const link of links) link.classList.toggle("done", done[link.hash] ?? false);
  });
  const seen = new Set<string>();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) seen.add(`#${target.id}`);
        else seen.delete(`#${target.id}`);
      }
      const current = links.find(({ hash }) => seen.has(hash));
      for (const link of links) {
        if (link === current) link.setAttribute("aria-current", "step");
        else link.removeAttribute("aria-current");
      }
    },
    // A panel is being read while it crosses the upper third of the window.
    { rootMargin: "-20% 0px -65% 0px" },
  );
  for (const { hash } of links) {
    const panel = document.querySelector(hash);
    if (panel) observer.observe(panel);
  }
}

/** The way on from each panel to the next; where something is missing, it says what. */
export function mountNext(app: App): void {
  const panels = [...document.querySelectorAll<HTMLElement>(".panel")];
  for (const [place, panel] of panels.entries()) {
    const next = panels[place + 1];
    if (!next) continue;
    const title = next.querySelector("h2")?.textContent ?? "";
    const go = h("button", { class: "button", type: "button", onclick: () => goTo(next) }, `Next: ${title}`);
    const note = h("p", { class: "note" });
    panel.append(h("div", { class: "buttons next" }, go, note));
    app.on(["data", "model", "arguments", "run", "trained"], () => {
      const missing = missingFor(app, panel.id);
      go.disabled = missing !== null;
      note.textContent = missing ?? "";
    });
  }
}

/** What has to be done in a panel before the next one is of use. */
function missingFor(app: App, panel: string): string | null {
  switch (panel) {
    case "data":
      return app.data ? missing(app.data.inspection) : "Choose the data first.";
    case "model":
      return app.model ? app.unreadable() : "Choose a model first.";
    case "train":
      if (app.running) return "Wait until the run has ended.";
      return app.trained ? null : "Train a model first.";
    default:
      return app.trained ? null : "Train a model first.";
  }
}

function goTo(panel: HTMLElement): void {
  panel.scrollIntoView();
  // For whoever goes by the keyboard, and to be read out.
  const title = panel.querySelector<HTMLElement>("h2");
  title?.setAttribute("tabindex", "-1");
  title?.focus({ preventScroll: true });
}
