/**
 * The reducer from a run's records to what a screen shows. It mirrors `RunView` of
 * `crates/protocol/src/view.rs`, and both replay the same golden log.
 */

import type { Record, RunState, RunView, Step } from "./generated/protocol.js";

/** The view of a run of which nothing is known. */
export function emptyView(): RunView {
  return {
    state: "idle",
    seq: null,
    run: null,
    dataset: null,
    downloads: [],
    progress: null,
    step: null,
    losses: [],
    logs: [],
    evals: [],
    last_checkpoint: null,
    warnings: [],
    message: null,
    done: null,
  };
}

/**
 * Takes one record into the view, and says whether it was new. A record that was applied before is
 * ignored, so a reader may replay; record 0 begins a new run.
 */
export function apply(view: RunView, record: Record): boolean {
  if (record.seq === 0) Object.assign(view, emptyView());
  else if (view.seq !== null && record.seq <= view.seq) return false;
  view.seq = record.seq;
  if (view.state === "idle") view.state = "preparing";
  switch (record.type) {
    case "run_started": {
      const { version, seq, type, ...run } = record;
      view.run = run;
      view.progress = null;
      view.state = "training";
      // A run that goes on from a checkpoint takes the steps after it again.
      forgetAfter(view, run.resumed_from_step ?? 0);
      break;
    }
    case "download":
      download(view, record.file, record.loaded, record.total);
      break;
    case "progress": {
      const { stage, done, total } = record;
      view.progress = done < total ? { stage, done, total } : null;
      break;
    }
    case "dataset_ready":
      view.dataset = { splits: record.splits, labels: record.labels, problem_type: record.problem_type };
      break;
    case "step": {
      const { version, seq, type, ...step } = record;
      takeStep(view, step);
      break;
    }
    case "log": {
      const { version, seq, type, ...log } = record;
      view.logs.push(log);
      break;
    }
    case "eval": {
      const { version, seq, type, ...found } = record;
      view.progress = null;
      view.evals.push(found);
      break;
    }
    case "checkpoint":
      view.message = `Checkpoint of step ${record.step} written to ${record.path}`;
      view.last_checkpoint = record.path;
      break;
    case "warning":
      view.warnings.push(record.message);
      view.message = record.message;
      break;
    case "device_lost":
      end(view, "device_lost", record.message);
      break;
    case "failed":
      end(view, "failed", record.message);
      break;
    case "done": {
      const { version, seq, type, ...done } = record;
      end(view, "done", `Model written to ${done.output_dir}`);
      view.done = done;
      break;
    }
  }
  return true;
}

/** Puts what the view of before has of the steps up to where this run goes on in front of its own. */
export function resume(view: RunView, before: RunView): void {
  const step = view.run?.resumed_from_step ?? null;
  if (step === null) return;
  const kept = <T extends { step: number }>(points: T[]): T[] => points.filter((point) => point.step <= step);
  view.losses.unshift(...kept(before.losses));
  view.logs.unshift(...kept(before.logs));
  view.evals.unshift(...kept(before.evals));
}

/** The share of the run's steps that is taken, 0 to 1; `null` before the first is known. */
export function fraction(view: RunView): number | null {
  if (!view.run || !view.step || view.run.total_steps <= 0) return null;
  return Math.min(view.step.step / view.run.total_steps, 1);
}

/** The folder with the weights that a run has left so far, if any: its output, or its last checkpoint. */
export function trainedFolder(view: RunView): string | null {
  return view.done && !view.done.stopped ? view.done.output_dir : view.last_checkpoint;
}

function takeStep(view: RunView, step: Step): void {
  view.progress = null;
  const { loss, learning_rate, grad_norm } = step;
  view.losses.push({ step: step.step, loss, learning_rate, grad_norm });
  view.step = step;
}

function forgetAfter(view: RunView, step: number): void {
  view.losses = view.losses.filter((point) => point.step <= step);
  view.logs = view.logs.filter((log) => log.step <= step);
  view.evals = view.evals.filter((found) => found.step <= step);
}

function download(view: RunView, file: string, loaded: number, total: number | null): void {
  const known = view.downloads.find((one) => one.file === file);
  if (known) {
    known.loaded = loaded;
    known.total = total ?? known.total;
  } else {
    view.downloads.push({ file, loaded, total });
  }
}

function end(view: RunView, state: RunState, message: string): void {
  view.state = state;
  view.progress = null;
  view.message = message;
}
