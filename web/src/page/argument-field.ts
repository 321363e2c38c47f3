/** A control for one argument, bound to what the person entered. */

import type { App } from "./app.js";
import { ARGUMENTS, type Argument, type ArgumentName } from "../generated/arguments.js";
import { h, newId } from "./dom.js";
import { figure } from "./format.js";

/** The control of this argument, which follows every change made elsewhere. */
export function argumentControl(app: App, name: ArgumentName): HTMLInputElement | HTMLSelectElement {
  const argument = find(name);
  const control = isChoice(argument) ? select(argument) : input(argument);
  control.id = newId(name);
  control.addEventListener("change", () => {
    const { value, problem } = parse(argument, control.value.trim());
    control.setCustomValidity(problem);
    control.setAttribute("aria-invalid", String(problem !== ""));
    control.reportValidity();
    if (problem) app.cannotRead(name, problem);
    else app.enter(name, value);
  });
  app.on(["arguments", "data", "model"], () => show(app, argument, control));
  return control;
}

/** What holds where the person enters nothing. */
export function fallback(app: App, argument: Argument): string {
  // -1 is the Trainer's way of saying so.
  if (argument.name === "max_steps") return "by epochs";
  const own = app.defaults()[argument.name];
  if (own === undefined) return argument.fallback;
  return typeof own === "number" ? figure(own) : String(own);
}

function find(name: ArgumentName): Argument {
  const found = ARGUMENTS.flatMap(({ items }) => items).find((item) => item.name === name);
  if (!found) throw new Error(`there is no argument ${name}`);
  return found;
}

function isChoice({ kind }: Argument): boolean {
  return kind === "flag" || typeof kind !== "string";
}

function select({ kind }: Argument): HTMLSelectElement {
  const words = typeof kind === "string" ? ["true", "false"] : kind;
  return h("select", {}, h("option", { value: "" }), ...words.map((word) => h("option", { value: word }, word)));
}

function input({ kind }: Argument): HTMLInputElement {
  const numeric = kind === "integer" ? "numeric" : kind === "number" ? "decimal" : "text";
  return h("input", { type: "text", inputmode: numeric, spellcheck: "false", autocomplete: "off" });
}

function show(app: App, argument: Argument, control: HTMLInputElement | HTMLSelectElement): void {
  const entered = app.entered[argument.name];
  const otherwise = fallback(app, argument);
  if (control instanceof HTMLInputElement) control.placeholder = otherwise;
  else if (control.options[0]) control.options[0].textContent = `${otherwise} (default)`;
  if (document.activeElement === control && control instanceof HTMLInputElement) return;
  // What can't be read stays, to be corrected.
  if (app.unread.has(argument.name) && control.validationMessage) return;
  control.setCustomValidity("");
  control.removeAttribute("aria-invalid");
  control.value = entered === undefined ? "" : typeof entered === "object" ? JSON.stringify(entered) : String(entered);
}

/** What a person's words mean; a problem where they mean nothing. */
export function parse({ kind }: Argument, text: string): { value?: unknown; problem: string } {
  if (text === "") return { problem: "" };
  if (kind === "integer" || kind === "number") {
    const value = Number(text.replace(",", "."));
    if (!Number.isFinite(value)) return { problem: "Enter a number, such as 8 or 5e-5." };
    if (kind === "integer" && !Number.isInteger(value)) return { problem: "Enter a whole number." };
    return { value, problem: "" };
  }
  if (kind === "json") {
    try {
      return { value: JSON.parse(text) as unknown, problem: "" };
    } catch {
      return { problem: 'Enter a JSON object, such as {"num_cycles": 0.5}.' };
    }
  }
  const words: { [word: string]: boolean } = { true: true, false: false };
  return { value: kind === "flag" || text in words ? words[text] : text, problem: "" };
}
