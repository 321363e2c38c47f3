/** Numbers and texts as people read them. */

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

/** `3,600`. */
export function count(number: number): string {
  return whole.format(number);
}

/** `1 row`, `3,600 rows`. */
export function plural(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** Bytes with a unit of 1000: `820 B`, `90.9 MB`, `1.3 GB`. */
export function bytes(number: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (number >= 999.5 && unit < units.length - 1) {
    number /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || number >= 100 ? 0 : 1;
  return `${number.toFixed(digits)} ${units[unit]}`;
}

/** `22.7 million`. */
export function parameters(number: number): string {
  if (number < 1e6) return count(number);
  return number < 1e9 ? `${(number / 1e6).toFixed(1)} million` : `${(number / 1e9).toFixed(2)} billion`;
}

/** `8 s`, `4 min 05 s`, `2 h 07 min`. */
export function duration(seconds: number): string {
  const all = Math.max(0, Math.round(seconds));
  if (all < 60) return `${all} s`;
  const pad = (number: number): string => String(number).padStart(2, "0");
  if (all < 3600) return `${Math.floor(all / 60)} min ${pad(all % 60)} s`;
  const minutes = Math.round(all / 60);
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

/** A share as per cent: `86.3 %`; `n/a` for what JSON can't hold. */
export function percent(share: number | null, digits = 1): string {
  if (share === null) return "n/a";
  return `${(100 * share).toFixed(digits)} %`;
}

/** A loss, metric or rate with about four figures: `0.6188`, `5e-5`; `n/a` for what JSON can't hold. */
export function figure(number: number | null): string {
  if (number === null || !Number.isFinite(number)) return "n/a";
  if (number === 0) return "0";
  const size = Math.abs(number);
  if (size < 1e-3) return number.toExponential(2).replace(/\.?0+e/, "e");
  if (size >= 1000) return count(number);
  return String(Number(number.toPrecision(4)));
}

/** A label as people write it: `not_equivalent` is `not equivalent`. */
export function labelText(label: string): string {
  return label.replaceAll("_", " ");
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.split("/").filter(Boolean).at(-1) ?? path;
}

// C0 without tab and line break, DEL and C1; separators; what reorders the text behind it.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * A name or text of a file with its control characters made visible, and those that reorder what follows
 * them, so that `exe.txt` can't stand for `txt.exe`. The command shows them alike.
 */
export function visible(text: string): string {
  return text.replace(UNSEEN, (unseen) => `\\u${unseen.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
