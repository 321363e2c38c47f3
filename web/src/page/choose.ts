/** The second panel: which checkpoint, with which arguments, and what that will take. */

import type { Estimate, RunConfigJson } from "../index.js";
import type { App } from "./app.js";
import { argumentControl } from "./argument-field.js";
import { bringBuiltin } from "./builtin.js";
import { choice, field, fill, h, StatusLine } from "./dom.js";
import { drawer } from "./drawer.js";
import { bytes, count, duration, parameters } from "./format.js";

const TINY = "/builtin/tiny";
/** Random weights learn next to nothing with the step size that suits pretrained ones. */
const TINY_DEFAULTS: RunConfigJson = { learning_rate: 1e-3, per_device_train_batch_size: 16 };
const SUGGESTED = [
  ["sentence-transformers/all-MiniLM-L6-v2", "91 MB, quick"],
  ["google-bert/bert-base-uncased", "440 MB, better"],
  ["google/bert_uncased_L-2_H-128_A-2", "18 MB, very small"],
] as const;
/** What a tab's memory of 4 GB leaves for a run. */
const TAB_BYTES = 3.4e9;
/** Typing shall not start an estimate for each key. */
const SETTLED_MS = 300;

/** Draws the panel. */
export function mountChoose(body: HTMLElement, app: App): void {
  new Choose(body, app);
}

class Choose {
  private readonly source = h("div", { class: "source" });
  private readonly status = new StatusLine();
  private readonly estimate = h("div", { class: "estimate", "aria-live": "polite" });
  private loading = new AbortController();
  private readonly time = h("dd");
  private timer = 0;
  private rows = 0;
  private asked = 0;

  constructor(
    body: HTMLElement,
    private readonly app: App,
  ) {
    const fieldset = h(
      "fieldset",
      {},
      h("legend", { class: "visually-hidden" }, "Which checkpoint is fine-tuned"),
      h(
        "div",
        { class: "choices" },
        choice("model", "builtin", "Built-in model", "A tiny BERT that starts at once: for a first try, not for results.", () =>
          this.builtin(),
        ),
        choice("model", "hub", "From Hugging Face", "A checkpoint of type bert on huggingface.co, downloaded once.", () =>
          this.pick(this.hubForm()),
        ),
        choice("model", "files", "Local files", "A folder with config.json, the weights and the tokenizer.", () =>
          this.pick(this.filePicker()),
        ),
      ),
      this.source,
      this.status.element,
      this.essentials(),
      drawer(app),
    );
    body.append(fieldset, this.estimate);
    app.on(["run"], () => (fieldset.disabled = app.running));
    app.on(["model"], () => {
      if (!app.model) this.status.clear();
    });
    app.on(["record"], () => this.showTime());
    app.on(["data", "model", "arguments"], () => {
      clearTimeout(this.timer);
      this.timer = window.setTimeout(() => void this.ask(), SETTLED_MS);
    });
  }

  private essentials(): HTMLElement {
    const { app } = this;
    return h(
      "div",
      { class: "essentials" },
      field("Epochs", argumentControl(app, "num_train_epochs"), "Times through all rows"),
      field("Batch size", argumentControl(app, "per_device_train_batch_size"), "Rows a step"),
      field("Learning rate", argumentControl(app, "learning_rate"), "Size of a step"),
      field("Longest text (tokens)", argumentControl(app, "max_seq_length"), "What is longer is cut"),
      field("Training rows", argumentControl(app, "max_train_samples"), "Only the first so many"),
      field("Compute on", argumentControl(app, "device"), "auto: a GPU, else the CPU"),
    );
  }

  /** Asks where the checkpoint lies; until that is told, none is chosen. */
  private pick(form: HTMLElement): void {
    this.loading.abort();
    this.status.clear();
    fill(this.source, form);
    this.app.model = null;
    this.app.tell("model");
  }

  private builtin(): void {
    this.source.replaceChildren();
    void this.load("the built-in model", async (signal) => {
      await bringBuiltin(this.app.trainer, "model", signal);
      await this.take("Built-in model", TINY, TINY_DEFAULTS, signal);
    });
  }

  private hubForm(): HTMLElement {
    const name = h("input", { type: "text", required: true, spellcheck: "false", list: "checkpoints", value: SUGGESTED[0][0] });
    const revision = h("input", { type: "text", placeholder: "main", spellcheck: "false" });
    const options = SUGGESTED.map(([value, text]) => h("option", { value }, text));
    const submit = (event: SubmitEvent): void => {
      event.preventDefault();
      const id = name.value.trim();
      const wanted = revision.value.trim();
      void this.load(id, async (signal) => {
        const path = await this.app.trainer.fetchModel(id, {
          signal,
          ...(wanted && { revision: wanted }),
          progress_callback: (info) => {
            if (info.status !== "progress") return;
            const whole = info.total ? ` of ${bytes(info.total)}` : "";
            this.status.busy(`Downloading ${info.file}: ${bytes(info.loaded)}${whole}`);
          },
        });
        await this.take(id, path, {}, signal);
      });
    };
    return h(
      "form",
      { class: "row", onsubmit: submit },
      field("Checkpoint", name, "As in google-bert/bert-base-uncased"),
      h("datalist", { id: "checkpoints" }, ...options),
      field("Revision", revision, "A branch, tag or commit"),
      h("button", { class: "button" }, "Download checkpoint"),
    );
  }

  private filePicker(): HTMLElement {
    const files = h("input", { type: "file", multiple: true });
    files.addEventListener("change", () => {
      const picked = [...(files.files ?? [])];
      if (picked.length === 0) return;
      void this.load(`${picked.length} files`, async (signal) => {
        const folder = "/models/local";
        await this.app.trainer.remove(folder).catch(() => undefined);
        for (const file of picked) await this.app.trainer.write(`${folder}/${file.name}`, file, { signal });
        await this.take("Local files", folder, {}, signal);
      });
    });
    return field(
      "Files of the checkpoint",
      files,
      "Pick them together: config.json, the weights (model.safetensors or pytorch_model.bin), and the tokenizer's files",
    );
  }

  /** Takes a folder as the model, if it can be trained. */
  private async take(title: string, folder: string, defaults: RunConfigJson, signal: AbortSignal): Promise<void> {
    await this.app.trainer.checkModel(folder);
    signal.throwIfAborted();
    this.app.model = { title, config: { model_name_or_path: folder }, defaults };
    this.app.tell("model");
  }

  private async load(title: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.loading.abort();
    const { signal } = (this.loading = new AbortController());
    this.app.model = null;
    this.app.tell("model");
    this.status.busy(`Reading ${title} …`);
    try {
      await work(signal);
      if (!signal.aborted) this.status.say(`${this.app.model!.title} is ready.`);
    } catch (error) {
      if (!signal.aborted) this.status.fail(error);
    }
  }

  private async ask(): Promise<void> {
    const config = this.app.config();
    const asked = (this.asked += 1);
    if (!config) {
      this.estimate.replaceChildren();
      return this.refuse(null);
    }
    try {
      const estimate = await this.app.trainer.estimate(config);
      const advice = await this.advice(config, estimate);
      // Another choice may have been made meanwhile.
      if (asked !== this.asked) return;
      this.refuse(advice);
      this.show(estimate);
    } catch (error) {
      fill(this.estimate, h("p", { class: "error" }, error instanceof Error ? error.message : String(error)));
    }
  }

  /** What would fit where a run on the CPU needs more memory than a tab can have. */
  private async advice(config: RunConfigJson, estimate: Estimate): Promise<string | null> {
    const onCpu = config.device === "cpu" || !this.app.hasGpu;
    if (!onCpu || estimate.device_bytes <= TAB_BYTES) return null;
    let { per_device_train_batch_size: batch = 8 } = config;
    let needed = estimate.device_bytes;
    while (needed > TAB_BYTES && batch > 1) {
      batch = Math.floor(batch / 2);
      needed = (await this.app.trainer.estimate({ ...config, per_device_train_batch_size: batch })).device_bytes;
    }
    const fits = needed <= TAB_BYTES ? `A batch of ${count(batch)} would fit.` : "Choose a smaller model.";
    return `This takes about ${bytes(estimate.device_bytes)}, and a tab has ${bytes(TAB_BYTES)} at most. ${fits}`;
  }

  private refuse(advice: string | null): void {
    if (this.app.tooLarge === advice) return;
    this.app.tooLarge = advice;
    this.app.tell("limits");
  }

  private showTime(): void {
    const { speed } = this.app;
    const text = speed === null ? "known after the first steps" : `about ${duration(this.rows / speed)} at the last speed`;
    if (this.time.textContent !== text) this.time.textContent = text;
  }

  private show(estimate: Estimate): void {
    const { per_device_train_batch_size: batch = 8, gradient_accumulation_steps: batches = 1 } = this.app.config() ?? {};
    this.rows = estimate.total_steps * batch * batches;
    this.showTime();
    const limit = this.app.hasGpu ? Math.max(...this.app.adapters.map((one) => one.max_binding_bytes)) : Infinity;
    fill(
      this.estimate,
      h("h3", {}, "What this takes"),
      h(
        "dl",
        { class: "facts" },
        fact("Memory", `about ${bytes(estimate.device_bytes)}`),
        fact("Steps", count(estimate.total_steps)),
        fact("Rows", count(estimate.num_examples)),
        fact("Parameters", parameters(estimate.parameters)),
        h("div", { class: "fact" }, h("dt", {}, "Time"), this.time),
      ),
      this.app.tooLarge && h("p", { class: "error" }, this.app.tooLarge),
      estimate.largest_bytes > limit &&
        h(
          "p",
          { class: "note" },
          `One tensor takes ${bytes(estimate.largest_bytes)} and this GPU can hold ${bytes(limit)} in one piece: `,
          "lower the batch size or the longest text.",
        ),
    );
  }
}

function fact(name: string, value: string): HTMLElement {
  return h("div", { class: "fact" }, h("dt", {}, name), h("dd", {}, value));
}
