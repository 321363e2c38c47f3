/** The third panel: the run as it goes, and the buttons that steer it. */

import { fraction, type Run, type RunView } from "../index.js";
import type { App } from "./app.js";
import { fill, h, StatusLine } from "./dom.js";
import { bytes, count, duration, figure, plural } from "./format.js";
import { words } from "./labels.js";
import { Plot, type Series } from "./plot.js";
import { report } from "./report.js";
import { smooth, type Point } from "./scale.js";

/** What two clicks are at most apart that systems take for one double click. */
const DOUBLE_CLICK_MS = 500;

/** Draws the panel. */
export function mountTrain(body: HTMLElement, app: App): void {
  new Train(body, app);
}

class Train {
  private readonly start = button("Train", "primary", () => this.train());
  private readonly pause = button("Pause", "", () => this.togglePause());
  private readonly stop = button("Stop", "danger", () => this.stopNow(false));
  private readonly keep = button("Save and stop", "", () => this.stopNow(true));
  private readonly hint = h("p", { class: "note" });
  private readonly state = h("p", { class: "run-state", role: "status" });
  private readonly bar = h("progress", { max: 1, "aria-label": "Steps taken" });
  private readonly figures = h("dl", { class: "facts run-facts" });
  private readonly loss = new Plot("Loss", "The first steps draw the curve");
  private readonly metrics = new Plot("On the validation rows", "The first evaluation draws the curve");
  private readonly rate = new Plot("Learning rate", "The first steps draw the curve");
  private readonly norm = new Plot("Gradient norm", "The first steps draw the curve");
  private readonly evals = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Evaluations" });
  private readonly classes = h("details", { class: "more", hidden: true });
  private readonly warnings = h("ul", { class: "warnings", "aria-label": "Warnings" });
  private readonly fresh = h("p", { class: "note" }, "The answer layer starts from scratch; this run trains it.");
  private readonly end = new StatusLine();
  private readonly progress: HTMLElement;
  private scheduled = false;
  /** When the last run was started by its button. */
  private begun = -Infinity;

  constructor(
    body: HTMLElement,
    private readonly app: App,
  ) {
    const more = h("details", { class: "more" }, h("summary", {}, "Learning rate and gradient norm"));
    more.append(h("div", { class: "plots" }, this.rate.element, this.norm.element));
    this.progress = h(
      "div",
      { class: "run", hidden: true },
      this.state,
      this.bar,
      this.figures,
      this.end.element,
      this.fresh,
      this.warnings,
      h("div", { class: "plots" }, this.loss.element, this.metrics.element),
      this.evals,
      this.classes,
      more,
    );
    body.append(
      h("div", { class: "buttons" }, this.start, this.pause, this.stop, this.keep, this.hint),
      this.progress,
    );
    app.on(["data", "model", "arguments", "limits", "run"], () => this.drawButtons());
    app.on(["run"], () => this.changed());
    app.on(["record"], () => this.schedule());
  }

  private train(): void {
    this.begun = performance.now();
    this.app.train();
  }

  private togglePause(): void {
    const { run } = this.app;
    // The button comes where "Train" was: the second click of two isn't meant for it.
    if (!run || performance.now() - this.begun < DOUBLE_CLICK_MS) return;
    if (run.paused) run.resume();
    else run.pause();
    this.drawButtons();
    this.draw();
  }

  /** Stops after the step that is going; what comes of it is said at once. */
  private stopNow(save: boolean): void {
    const { run } = this.app;
    if (!run) return;
    if (save) run.stopAndSave();
    else run.stop();
    this.drawButtons();
    this.draw();
  }

  private drawButtons(): void {
    const { running, run } = this.app;
    const missing = this.app.missing();
    this.start.hidden = running;
    this.start.disabled = missing !== null;
    for (const one of [this.pause, this.stop, this.keep]) one.hidden = !running;
    for (const one of [this.pause, this.stop, this.keep]) one.disabled = run?.stopping ?? false;
    this.pause.textContent = run?.paused ? "Resume" : "Pause";
    const kept = /checkpoint-(\d+)\/?$/.exec(run?.view.last_checkpoint ?? "")?.[1];
    this.stop.textContent = kept ? `Stop (back to step ${count(Number(kept))})` : "Stop";
    this.hint.textContent = running ? "" : (missing ?? "");
  }

  private changed(): void {
    const { run, running } = this.app;
    this.progress.hidden = !run;
    if (!run) return;
    this.draw();
    this.end.clear();
    if (!running) void this.sayEnd();
  }

  private async sayEnd(): Promise<void> {
    const { run } = this.app;
    if (!run) return;
    const folder = run.config.output_dir ?? "";
    const again = run.view.last_checkpoint
      ? [button("Continue from the last checkpoint", "", () => this.app.continue(folder, run.config))]
      : [];
    try {
      const done = await run.finished;
      if (!done.stopped) return;
      const kept = run.view.last_checkpoint ? "Stopped; the last checkpoint is kept." : "Stopped; nothing was kept.";
      this.end.say(kept);
      this.end.element.append(...again);
    } catch (error) {
      if (stoppedEarly(run)) this.end.say("Stopped; nothing was kept.");
      else this.end.fail(error, ...again);
    }
  }

  /** Draws with the next frame: steps may come faster than a screen shows them. */
  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.draw();
      this.drawButtons();
    });
  }

  private draw(): void {
    const { run, running } = this.app;
    if (!run) return;
    const { view } = run;
    const line = running && run.paused ? "Paused" : running && run.stopping ? stopping(view) : stoppedEarly(run) ? "Stopped before the first step" : describe(view);
    if (this.state.textContent !== line) this.state.textContent = line;
    const share = barShare(view);
    if (share === null) this.bar.removeAttribute("value");
    else this.bar.value = share;
    this.bar.classList.toggle("still", run.paused || (!running && (view.state !== "done" || view.done?.stopped === true)));
    fill(this.figures, ...figures(view).map(([name, value]) => h("div", { class: "fact" }, h("dt", {}, name), h("dd", {}, value))));
    this.fresh.hidden = !view.run?.new_parameters?.length;
    if (this.warnings.childElementCount !== view.warnings.length) {
      fill(this.warnings, ...view.warnings.map((warning) => h("li", {}, warning)));
    }
    this.drawPlots(view);
    this.drawEvals(view);
  }

  private drawPlots(view: RunView): void {
    const losses = line(view, "loss");
    const validation = view.evals.flatMap(({ step, loss }): Point[] => (loss === null ? [] : [[step, loss]]));
    const curves: Series[] = [
      { name: "each step", points: losses, look: "raw", colour: 1 },
      { name: "training", points: smooth(losses), look: "line", colour: 1 },
    ];
    if (validation.length > 0) curves.push({ name: "validation", points: validation, look: "dots", colour: 2 });
    const last = view.step?.step ?? 0;
    this.loss.update(curves, last);
    const names = [...new Set(view.evals.flatMap(({ metrics }) => Object.keys(metrics)))];
    this.metrics.update(
      names.map((name, i) => ({
        name,
        points: view.evals.flatMap(({ step, metrics }): Point[] => {
          const value = metrics[name];
          return typeof value === "number" ? [[step, value]] : [];
        }),
        look: "dots",
        colour: i + 1,
      })),
      last,
    );
    this.metrics.element.hidden = view.run !== null && this.app.run?.config.eval_strategy === "no";
    this.rate.update([{ name: "learning rate", points: line(view, "learning_rate"), look: "line", colour: 1 }], last);
    const norms = line(view, "grad_norm");
    const normCurves: Series[] = [
      { name: "each step", points: norms, look: "raw", colour: 1 },
      { name: "gradient norm", points: smooth(norms), look: "line", colour: 1 },
    ];
    this.norm.update(normCurves, last);
  }

  private drawEvals({ evals, dataset }: RunView): void {
    const last = evals.at(-1);
    this.evals.hidden = !last;
    this.classes.hidden = !last?.per_class;
    if (!last || Number(this.evals.dataset["count"]) === evals.length) return;
    this.evals.dataset["count"] = String(evals.length);
    const names = Object.keys(last.metrics);
    const heads = ["epoch", "step", "loss", ...names].map((name) => h("th", { scope: "col" }, name));
    const rows = evals.map(({ epoch, step, loss, metrics }) =>
      h(
        "tr",
        {},
        ...[epoch, step, loss, ...names.map((name) => metrics[name] ?? null)].map((value) => h("td", {}, figure(value))),
      ),
    );
    fill(this.evals, h("table", { class: "numbers" }, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows)));
    const labels = words(dataset?.problem_type);
    const title = h("summary", {}, `${labels.report} at the last evaluation`);
    if (last.per_class) fill(this.classes, title, report(last.per_class, labels));
  }
}

function button(text: string, look: string, onclick: () => void): HTMLButtonElement {
  return h("button", { class: `button ${look}`, type: "button", onclick }, text);
}

function line({ losses }: RunView, of: "loss" | "learning_rate" | "grad_norm"): Point[] {
  return losses.flatMap((point): Point[] => {
    const value = point[of];
    return value === null ? [] : [[point.step, value]];
  });
}

/** Whether a run was stopped before it had anything to keep. */
function stoppedEarly({ stopped, view }: Run): boolean {
  return stopped && view.run === null;
}

/** What a run does that was told to stop. */
function stopping({ state, step }: RunView): string {
  if (state !== "training") return "Stopping …";
  return `Stopping after step ${count((step?.step ?? 0) + 1)} …`;
}

/** The state of a run in a line. */
function describe(view: RunView): string {
  const loading = view.downloads.find(({ loaded, total }) => total === null || loaded < total);
  if (view.progress) {
    const { stage, done, total } = view.progress;
    return `${stage[0]?.toUpperCase()}${stage.slice(1)}: ${count(done)} of ${count(total)}`;
  }
  switch (view.state) {
    case "idle":
    case "preparing": {
      if (!loading) return "Preparing the model and the data";
      const whole = loading.total === null ? "" : ` of ${bytes(loading.total)}`;
      return `Downloading ${loading.file}: ${bytes(loading.loaded)}${whole}`;
    }
    case "training": {
      const device = view.run ? ` on ${view.run.device.name}` : "";
      const epoch = view.step && view.run ? `, epoch ${Math.ceil(view.step.epoch)} of ${figure(view.run.num_epochs)}` : "";
      return `Training${device}${epoch}`;
    }
    case "done":
      return view.done?.stopped
        ? `Stopped after ${plural(view.done.step, "step")}`
        : `Done in ${duration(view.done?.train_runtime ?? 0)}`;
    case "device_lost":
      return "The device was lost";
    case "failed":
      return "The run failed";
  }
}

/** How full the bar is; `null` while that isn't known. */
function barShare(view: RunView): number | null {
  if (view.progress && view.state === "preparing") return view.progress.done / view.progress.total;
  return fraction(view) ?? (view.state === "preparing" || view.state === "idle" ? null : 0);
}

function figures({ run, step, state }: RunView): [string, string][] {
  if (!run) return [];
  const found: [string, string][] = [["Step", `${count(step?.step ?? run.resumed_from_step ?? 0)} of ${count(run.total_steps)}`]];
  if (!step) return found;
  found.push(["Loss", figure(step.loss)]);
  if (step.samples_per_second > 0) found.push(["Samples a second", figure(Number(step.samples_per_second.toPrecision(3)))]);
  if (state === "training" && step.remaining_seconds !== null) found.push(["Time left", duration(step.remaining_seconds)]);
  return found;
}
