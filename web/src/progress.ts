/** Progress in the shape that transformers.js gives its `progress_callback`. */

import type { Event } from "./generated/protocol.js";

/** What a `progress_callback` receives. `progress` is in per cent, `loaded` and `total` in bytes. */
export type ProgressInfo =
  | { status: "initiate" | "download" | "done"; name: string; file: string }
  | { status: "progress"; name: string; file: string; progress: number; loaded: number; total: number }
  | { status: "ready"; name: string };

/** Takes progress. */
export type ProgressCallback = (info: ProgressInfo) => void;

/** Translates a model's events into calls of the callback. */
export function progressListener(name: string, callback: ProgressCallback): (event: Event) => void {
  const begun = new Set<string>();
  const done = new Set<string>();
  return (event) => {
    if (event.type === "run_started") callback({ status: "ready", name });
    if (event.type !== "download") return;
    const { file, loaded, total } = event;
    if (!begun.has(file)) {
      begun.add(file);
      callback({ status: "initiate", name, file });
      callback({ status: "download", name, file });
    }
    const progress = total ? (100 * loaded) / total : 0;
    callback({ status: "progress", name, file, progress, loaded, total: total ?? 0 });
    if (total !== null && loaded >= total && !done.has(file)) {
      done.add(file);
      callback({ status: "done", name, file });
    }
  };
}
