/** The arithmetic of a plot: ticks, smoothing, thinning. */

/** A point of a line. */
export type Point = readonly [x: number, y: number];

/** At most about `wanted` round numbers (1, 2 or 5 times a power of ten) that span the range. */
export function ticks(low: number, high: number, wanted: number): number[] {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / Math.max(wanted, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const found: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) {
    // Rounded to the step's own digits, since 3 * 0.1 is not 0.3.
    found.push(Number((i * step).toPrecision(12)));
  }
  return found;
}

/** The smallest range with round ends that holds the values. */
export function niceRange(low: number, high: number, wanted: number): [number, number] {
  if (low === high) return [low - (Math.abs(low) * 0.1 || 1), high + (Math.abs(high) * 0.1 || 1)];
  // Round ends widen the range, which may ask for wider steps, and they for other ends: once is enough.
  for (let pass = 0; pass < 2; pass += 1) {
    const [first = 0, second = first + high - low] = ticks(low, high, wanted);
    const step = second - first;
    [low, high] = [Math.floor(low / step + 1e-6) * step, Math.ceil(high / step - 1e-6) * step];
  }
  return [low, high];
}

/**
 * An exponential moving average, as TensorBoard smooths: its start is corrected for the missing past.
 * The average reaches over about a twentieth of the points.
 */
export function smooth(points: readonly Point[]): Point[] {
  const weight = 1 - 1 / Math.max(points.length / 20, 4);
  let mean = 0;
  let seen = 0;
  return points.map(([x, y]) => {
    mean = weight * mean + (1 - weight) * y;
    seen = weight * seen + (1 - weight);
    return [x, mean / seen];
  });
}

/** Of more points than a screen has columns, each column's least and greatest. */
export function thin(points: readonly Point[], columns: number): readonly Point[] {
  if (points.length <= 2 * columns) return points;
  const kept: Point[] = [];
  const size = points.length / columns;
  for (let column = 0; column < columns; column += 1) {
    const bucket = points.slice(Math.floor(column * size), Math.floor((column + 1) * size));
    const least = bucket.reduce((a, b) => (b[1] < a[1] ? b : a));
    const greatest = bucket.reduce((a, b) => (b[1] > a[1] ? b : a));
    kept.push(...(least[0] <= greatest[0] ? [least, greatest] : [greatest, least]));
  }
  return kept;
}

/** The index of the point whose x is nearest; -1 where there is none. */
export function nearest(points: readonly Point[], x: number): number {
  let best = -1;
  let distance = Infinity;
  points.forEach((point, index) => {
    const found = Math.abs(point[0] - x);
    if (found < distance) [best, distance] = [index, found];
  });
  return best;
}
