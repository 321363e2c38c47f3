/** A line plot as SVG: axes, lines, a crosshair for mouse, touch and arrow keys, and a table for readers. */

import { fill, h, s } from "./dom.js";
import { figure } from "./format.js";
import { nearest, niceRange, thin, ticks, type Point } from "./scale.js";

/** A line of a plot. */
export interface Series {
  name: string;
  points: readonly Point[];
  /** `raw` is drawn faintly behind the others, `dots` with a mark on every point. */
  look: "raw" | "line" | "dots";
  /** Which of the style sheet's colours, from 1. */
  colour: number;
}

const HEIGHT = 220;
const MARGIN = { top: 12, right: 14, bottom: 34, left: 52 };
/** Rows of the table for screen readers: enough to follow a curve. */
const TABLE_ROWS = 12;

/** A plot that fills its container's width. */
export class Plot {
  readonly element: HTMLElement;
  private readonly svg: SVGSVGElement;
  private readonly cross = s("g", { class: "cross", visibility: "hidden" });
  private readonly legend = h("ul", { class: "legend" });
  private readonly tip = h("div", { class: "tip", hidden: true });
  private readonly spoken = h("p", { class: "visually-hidden", role: "status" });
  private readonly table = h("table");
  private series: readonly Series[] = [];
  private last = 0;
  private width = 0;
  private scheduled = false;
  private toX = (value: number): number => value;
  private toY = (value: number): number => value;
  private fromX = (pixel: number): number => pixel;
  /** Where the crosshair stands, in values of x. */
  private at: number | null = null;

  constructor(
    private readonly title: string,
    private readonly empty: string,
  ) {
    this.svg = s("svg", {
      class: "plot-svg",
      height: HEIGHT,
      tabindex: 0,
      role: "img",
      "aria-label": title,
      onpointermove: (event: PointerEvent) => this.point(this.fromX(event.offsetX)),
      onpointerdown: (event: PointerEvent) => this.point(this.fromX(event.offsetX)),
      onpointerleave: () => this.point(null),
      onblur: () => this.point(null),
      onkeydown: (event: KeyboardEvent) => this.key(event),
    });
    const frame = h("div", { class: "plot-frame" }, this.svg, this.tip);
    this.element = h(
      "figure",
      { class: "plot" },
      h("figcaption", {}, h("span", { class: "plot-title" }, title), this.legend),
      frame,
      this.spoken,
      // A table itself would be as wide as its columns.
      h("div", { class: "visually-hidden" }, this.table),
    );
    new ResizeObserver(([entry]) => {
      this.width = Math.floor(entry?.contentRect.width ?? 0);
      this.draw();
    }).observe(frame);
  }

  /** Shows these lines up to the step `last`, with the next frame. */
  update(series: readonly Series[], last: number): void {
    this.series = series;
    this.last = last;
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.draw();
    });
  }

  private draw(): void {
    if (this.width === 0) return;
    this.svg.setAttribute("width", String(this.width));
    const points = this.series.flatMap((one) => one.points);
    fill(this.legend, ...this.series.filter((one) => one.look !== "raw").map(legendItem));
    if (points.length === 0) {
      fill(this.svg, s("text", { class: "plot-empty", x: this.width / 2, y: HEIGHT / 2 }, this.empty));
      return;
    }
    const xs = points.map(([x]) => x);
    const ys = points.map(([, y]) => y);
    const xTicks = Math.max(2, Math.floor(this.width / 90));
    const [left, right] = [0, Math.max(this.last, extent(xs)[1])];
    const [low, high] = niceRange(...extent(ys), 5);
    const plotWidth = this.width - MARGIN.left - MARGIN.right;
    const plotHeight = HEIGHT - MARGIN.top - MARGIN.bottom;
    const span = right - left || 1;
    this.toX = (x) => MARGIN.left + ((x - left) / span) * plotWidth;
    this.toY = (y) => MARGIN.top + (1 - (y - low) / (high - low)) * plotHeight;
    this.fromX = (pixel) => left + ((pixel - MARGIN.left) / plotWidth) * span;

    fill(
      this.svg,
      ...ticks(low, high, 5).map((value) => this.rowLine(value)),
      ...ticks(left, right, xTicks).filter(Number.isInteger).map((value) => this.columnLabel(value)),
      s("text", { class: "axis-title", x: this.width - MARGIN.right, y: HEIGHT - 4 }, "step"),
      ...this.series.flatMap((one) => this.line(one, plotWidth)),
      this.cross,
    );
    this.describe();
    this.point(this.at);
  }

  private rowLine(value: number): SVGElement {
    const y = this.toY(value);
    return s(
      "g",
      {},
      s("line", { class: "grid", x1: MARGIN.left, x2: this.width - MARGIN.right, y1: y, y2: y }),
      s("text", { class: "tick tick-y", x: MARGIN.left - 8, y: y + 4 }, figure(value)),
    );
  }

  private columnLabel(value: number): SVGElement {
    const y = HEIGHT - MARGIN.bottom;
    return s(
      "g",
      {},
      s("line", { class: "grid-mark", x1: this.toX(value), x2: this.toX(value), y1: y, y2: y + 4 }),
      s("text", { class: "tick tick-x", x: this.toX(value), y: y + 17 }, figure(value)),
    );
  }

  private line({ points, look, colour }: Series, plotWidth: number): SVGElement[] {
    const path = thin(points, plotWidth)
      .map(([x, y], i) => `${i === 0 ? "M" : "L"}${this.toX(x).toFixed(1)} ${this.toY(y).toFixed(1)}`)
      .join("");
    const drawn: SVGElement[] = [s("path", { class: `line ${look} colour-${colour}`, d: path })];
    if (look === "dots" || points.length === 1) {
      drawn.push(
        ...points.map(([x, y]) =>
          s("circle", { class: `dot colour-${colour}`, cx: this.toX(x), cy: this.toY(y), r: 3.5 }),
        ),
      );
    }
    return drawn;
  }

  /** Moves the crosshair to the value nearest to x, or away. */
  private point(x: number | null): void {
    const longest = this.series.reduce<readonly Point[]>(
      (best, { points }) => (points.length > best.length ? points : best),
      [],
    );
    const found = x === null ? undefined : longest[nearest(longest, x)];
    this.at = found?.[0] ?? null;
    this.tip.hidden = !found;
    this.cross.setAttribute("visibility", found ? "visible" : "hidden");
    if (!found) return;
    const column = this.toX(found[0]);
    const marks: SVGElement[] = [];
    const rows: HTMLElement[] = [];
    for (const { name, points, colour, look } of this.series) {
      const [px, py] = points[nearest(points, found[0])] ?? [NaN, NaN];
      // A series with few points has a value here only where one of them is.
      if (px !== found[0] && (look === "dots" || Number.isNaN(px))) continue;
      marks.push(s("circle", { class: `dot colour-${colour} ${look}`, cx: this.toX(px), cy: this.toY(py), r: 4 }));
      rows.push(h("div", {}, h("span", { class: `key colour-${colour} ${look}` }), `${name} `, h("b", {}, figure(py))));
    }
    const [top, bottom] = [MARGIN.top, HEIGHT - MARGIN.bottom];
    fill(this.cross, s("line", { class: "cross-line", x1: column, x2: column, y1: top, y2: bottom }), ...marks);
    fill(this.tip, h("div", { class: "tip-step" }, `step ${figure(found[0])}`), ...rows);
    const width = this.tip.offsetWidth;
    const place = column + 12 + width > this.width ? column - 12 - width : column + 12;
    this.tip.style.setProperty("left", `${Math.max(0, place)}px`);
  }

  private key(event: KeyboardEvent): void {
    const longest = this.series.map(({ points }) => points).sort((a, b) => b.length - a.length)[0] ?? [];
    const stride = event.shiftKey ? 10 : 1;
    const now = this.at === null ? longest.length : nearest(longest, this.at);
    const next = { ArrowLeft: now - stride, ArrowRight: now + stride, Home: 0, End: longest.length - 1 }[event.key];
    if (event.key === "Escape") this.point(null);
    if (next === undefined) return;
    event.preventDefault();
    this.point(longest[Math.min(Math.max(next, 0), longest.length - 1)]?.[0] ?? null);
    this.spoken.textContent = this.tip.innerText.replaceAll("\n", ", ");
  }

  /** Tells in the table what the lines show. */
  private describe(): void {
    const told = this.series.filter(({ look, points }) => look !== "raw" && points.length > 0);
    const steps = [...new Set(told.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b);
    const stride = Math.ceil(steps.length / TABLE_ROWS);
    const shown = steps.filter((_, i) => i % stride === 0 || i === steps.length - 1);
    fill(
      this.table,
      h("caption", {}, this.title),
      h("tr", {}, h("th", {}, "step"), ...told.map(({ name }) => h("th", {}, name))),
      ...shown.map((step) =>
        h(
          "tr",
          {},
          h("td", {}, figure(step)),
          ...told.map(({ points }) => h("td", {}, figure(points.find(([x]) => x === step)?.[1] ?? null))),
        ),
      ),
    );
  }
}

function legendItem({ name, colour, look }: Series): HTMLElement {
  return h("li", {}, h("span", { class: `key colour-${colour} ${look}` }), name);
}

function extent(values: number[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return [low, high];
}
