/** The six steps beside the panels: which are done, and which one is being read. */

import type { App } from "./app.js";

/** Keeps the marks of the steps current. */
export function mountSteps(steps: HTMLElement, app: App): void {
  const links = [...steps.querySelectorAll<HTMLAnchorElement>("a")];
  app.on(["data", "model", "run", "trained"], () => {
    const done: { [step: string]: boolean } = {
      "#gather": app.data !== null,
      "#choose": app.model !== null,
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
