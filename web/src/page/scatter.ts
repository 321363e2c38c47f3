/** Numbers against numbers as SVG: what was predicted of what is true, and how far off it was. */

import { h, s } from "./dom.js";
import { figure } from "./format.js";
import { niceRange, ticks, type Point } from "./scale.js";

const [WIDTH, HEIGHT] = [360, 260];
const MARGIN = { top: 10, right: 12, bottom: 40, left: 56 };

/** A scatter plot; `line` gives where a perfect prediction would lie. */
export function scatter(title: string, points: readonly Point[], axes: [string, string], line: (x: number) => number): HTMLElement {
  const xs = points.map(([x]) => x);
  const ys = [...points.map(([, y]) => y), ...xs.map(line)];
  const [left, right] = niceRange(least(xs), most(xs), 5);
  const [low, high] = niceRange(least(ys), most(ys), 5);
  const toX = (x: number): number => MARGIN.left + ((x - left) / (right - left)) * (WIDTH - MARGIN.left - MARGIN.right);
  const toY = (y: number): number => MARGIN.top + (1 - (y - low) / (high - low)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const label = `${title}: ${points.length} rows, ${axes[1]} from ${figure(low)} to ${figure(high)}`;
  return h(
    "figure",
    { class: "plot" },
    h("figcaption", {}, h("span", { class: "plot-title" }, title)),
    s(
      "svg",
      { class: "plot-svg scatter", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
      ...ticks(low, high, 5).map((value) =>
        s(
          "g",
          {},
          s("line", { class: "grid", x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: toY(value), y2: toY(value) }),
          s("text", { class: "tick-y", x: MARGIN.left - 8, y: toY(value) + 4 }, figure(value)),
        ),
      ),
      ...ticks(left, right, 5).map((value) =>
        s("text", { class: "tick-x", x: toX(value), y: HEIGHT - MARGIN.bottom + 18 }, figure(value)),
      ),
      s("text", { class: "axis-title", x: WIDTH - MARGIN.right, y: HEIGHT - 6 }, axes[0]),
      s("line", { class: "perfect", x1: toX(left), y1: toY(line(left)), x2: toX(right), y2: toY(line(right)) }),
      ...points.map(([x, y]) => s("circle", { cx: toX(x), cy: toY(y), r: 3 })),
    ),
  );
}

// Spread into Math.min, some thousand numbers could overflow the stack.
function least(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => Math.min(a, b), Infinity);
}

function most(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => Math.max(a, b), -Infinity);
}
