/** The few helpers with which the panels make their elements. */

import { visible } from "./format.js";

type Child = Node | string | number | null | undefined | false;
type Attribute = string | number | boolean | null | undefined | ((event: never) => void);

/**
 * Makes an element. An attribute that is a function becomes a listener (`onclick`), `true` an empty
 * attribute, and `false`, `null` and `undefined` none.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: { [name: string]: Attribute } = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  set(element, attributes);
  element.append(...nodes(children));
  return element;
}

/** The same for SVG. */
export function s<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: { [name: string]: Attribute } = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(element, attributes);
  element.append(...nodes(children));
  return element;
}

/** Puts these in place of an element's children. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren(...nodes(children));
}

/** The element of this id, which `index.html` has. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no element #${id}`);
  return element;
}

let ids = 0;

/** An id that no other element has. */
export function newId(prefix: string): string {
  ids += 1;
  return `${prefix}-${ids}`;
}

/** A control with its label above it and a hint below. */
export function field(label: string, control: HTMLElement, hint?: string): HTMLElement {
  control.id ||= newId("field");
  const hinted = hint ? h("small", { id: `${control.id}-hint` }, hint) : null;
  if (hinted) control.setAttribute("aria-describedby", hinted.id);
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, hinted);
}

/** Something to know before anything else. */
export function notice(title: string, text: string): HTMLElement {
  return h("div", { class: "notice" }, h("div", {}, h("strong", {}, title), h("p", {}, text)));
}

/** One of several ways to go on, as a card that is a radio button. */
export function choice(
  group: string,
  value: string,
  title: string,
  text: string,
  chosen: () => void,
): HTMLLabelElement {
  const id = newId("choice");
  return h(
    "label",
    { class: "choice" },
    h("input", {
      type: "radio",
      name: group,
      value,
      "aria-labelledby": `${id}-title`,
      "aria-describedby": `${id}-text`,
      onchange: chosen,
    }),
    h("span", { class: "choice-title", id: `${id}-title` }, title),
    h("span", { class: "choice-text", id: `${id}-text` }, text),
  );
}

/** A line that says what goes on, read out when it changes; errors interrupt. */
export class StatusLine {
  private readonly info = h("p", { class: "status", role: "status" });
  private readonly alert = h("div", { class: "error", role: "alert", hidden: true });
  readonly element = h("div", { class: "status-line" }, this.info, this.alert);

  /** Work in progress. */
  busy(text: string): void {
    this.clear();
    fill(this.info, h("span", { class: "spinner", "aria-hidden": "true" }), text);
  }

  /** Something to know. */
  say(text: string): void {
    this.clear();
    fill(this.info, text);
  }

  /** Something went wrong. */
  fail(error: unknown, ...actions: HTMLElement[]): void {
    this.clear();
    const text = error instanceof Error ? error.message : String(error);
    fill(this.alert, h("p", {}, text), actions.length > 0 && h("div", { class: "buttons" }, ...actions));
    this.alert.hidden = false;
  }

  /** Nothing to say. */
  clear(): void {
    this.info.replaceChildren();
    this.alert.replaceChildren();
    this.alert.hidden = true;
  }
}

function set(element: Element, attributes: { [name: string]: Attribute }): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      element.addEventListener(name.replace(/^on/, ""), value as (event: Event) => void);
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
}

function nodes(children: Child[]): (Node | string)[] {
  return children
    .filter((child): child is Node | string | number => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : visible(String(child))));
}
