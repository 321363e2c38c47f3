/** The first panel: which data. */

import type { RunConfigJson } from "../index.js";
import type { App } from "./app.js";
import { bringBuiltin } from "./builtin.js";
import { withColumns } from "./columns.js";
import { choice, field, fill, h, StatusLine } from "./dom.js";
import { count } from "./format.js";
import { mapping } from "./mapping.js";
import { counts, table } from "./preview.js";

const FORMATS = ".csv,.tsv,.tab,.jsonl,.ndjson,.json,.parquet,.xlsx,.xlsm,.conll,.conllu,.iob,.iob2,.bio,.txt,.gz,.zst,.zip";
/** The share of the training rows that is set aside for evaluation, in percent. */
const SET_ASIDE = 10;

/** Draws the panel. */
export function mountGather(body: HTMLElement, app: App): void {
  new Gather(body, app);
}

class Gather {
  private readonly source = h("div", { class: "source" });
  private readonly status = new StatusLine();
  private readonly preview = h("div", { class: "preview" });
  private readonly fieldset: HTMLFieldSetElement;
  private loading = new AbortController();
  private aside: RunConfigJson = { validation_split_percentage: SET_ASIDE };

  constructor(
    body: HTMLElement,
    private readonly app: App,
  ) {
    this.fieldset = h(
      "fieldset",
      {},
      h("legend", { class: "visually-hidden" }, "Where the data comes from"),
      h(
        "div",
        { class: "choices" },
        choice(
          "data",
          "topics",
          "Built-in set",
          "1,800 made-up news sentences: which of eight topics? The built-in model learns it in seconds.",
          () => this.builtin("Built-in set", "topics"),
        ),
        choice(
          "data",
          "pairs",
          "Built-in pairs",
          "4,000 made-up pairs of news sentences: do they say the same? This takes a pretrained model.",
          () => this.builtin("Built-in pairs", "pairs"),
        ),
        choice("data", "file", "Your file", "CSV, TSV, JSON, JSON Lines, Excel (.xlsx) or parquet, also as .gz, .zst or .zip. It stays on this computer.", () =>
          this.ask(this.filePicker()),
        ),
        choice("data", "hub", "From Hugging Face", "A public data set of huggingface.co, by its name.", () =>
          this.ask(this.hubForm()),
        ),
      ),
      this.source,
    );
    body.append(this.fieldset, this.status.element, this.preview);
    app.on(["run"], () => (this.fieldset.disabled = app.running));
    app.on(["data"], () => {
      if (!app.data) this.preview.replaceChildren();
    });
  }

  /** Asks where the data lies; until that is told, none is chosen. */
  private ask(form: HTMLElement): void {
    this.loading.abort();
    this.status.clear();
    this.preview.replaceChildren();
    fill(this.source, form);
    this.app.data = null;
    this.app.tell("data");
  }

  private builtin(title: string, kind: "topics" | "pairs"): void {
    this.source.replaceChildren();
    void this.load(title, async (signal) => {
      const paths = await bringBuiltin(this.app.trainer, kind, signal);
      const folder = paths[0]?.split("/").slice(0, 3).join("/") ?? null;
      // A data set's rows lie in a folder by the configuration's name.
      const configuration = paths.find((path) => path.endsWith(".parquet"))?.split("/").at(-2) ?? null;
      const named = configuration !== null && !folder?.endsWith(`/${configuration}`);
      return { dataset_name: folder, ...(named && { dataset_config_name: configuration }) };
    });
  }

  private filePicker(): HTMLElement {
    const train = h("input", { type: "file", accept: FORMATS });
    const validation = h("input", { type: "file", accept: FORMATS });
    const take = (): void => {
      const [file] = train.files ?? [];
      if (file) this.files(file, validation.files?.[0]);
    };
    for (const input of [train, validation]) input.addEventListener("change", take);
    const remove = h(
      "button",
      {
        class: "button quiet",
        type: "button",
        onclick: () => {
          validation.value = "";
          validation.dispatchEvent(new Event("change"));
        },
      },
      "Remove the validation file",
    );
    const showRemove = (): void => void (remove.hidden = !validation.files?.length);
    validation.addEventListener("change", showRemove);
    showRemove();
    const zone = h(
      "div",
      {
        class: "drop",
        ondragover: (event: DragEvent) => {
          event.preventDefault();
          zone.classList.add("over");
        },
        ondragleave: () => zone.classList.remove("over"),
        ondrop: (event: DragEvent) => {
          event.preventDefault();
          zone.classList.remove("over");
          if (!event.dataTransfer?.files.length) return;
          train.files = event.dataTransfer.files;
          take();
        },
      },
      field("Training file", train, "Drop it here or pick it. One row an example: a text or two, and what is to be predicted."),
    );
    return h(
      "div",
      { class: "columns" },
      zone,
      h(
        "div",
        {},
        field("Validation file (optional)", validation, "The rows on which the model is measured."),
        remove,
        this.setAside(),
      ),
    );
  }

  private files(train: File, validation: File | undefined): void {
    void this.load(train.name, async (signal) => {
      const config: RunConfigJson = { train_file: `/files/train-${train.name}`, ...this.aside };
      await this.app.trainer.write(config.train_file!, train, { signal });
      if (validation) {
        config.validation_file = `/files/validation-${validation.name}`;
        await this.app.trainer.write(config.validation_file, validation, { signal });
      }
      return config;
    });
  }

  /** Whether rows are set aside where there is no validation split. */
  private setAside(): HTMLElement {
    const box = h("input", { type: "checkbox", id: "set-aside" });
    box.checked = this.aside.validation_split_percentage !== undefined;
    box.addEventListener("change", () => {
      this.aside = box.checked ? { validation_split_percentage: SET_ASIDE } : {};
      const { data } = this.app;
      if (data) void this.remap({ ...data.config, validation_split_percentage: null, ...this.aside });
    });
    return h("label", { class: "check" }, box, "Without validation rows, set a tenth of the training rows aside");
  }

  private hubForm(): HTMLElement {
    const name = h("input", { type: "text", required: true, placeholder: "owner/name", spellcheck: "false" });
    const configuration = h("input", { type: "text", placeholder: "none", spellcheck: "false" });
    return h(
      "form",
      {
        class: "row",
        onsubmit: (event: SubmitEvent) => {
          event.preventDefault();
          const dataset = name.value.trim();
          const part = configuration.value.trim() || null;
          const config: RunConfigJson = {
            dataset_name: dataset,
            ...(part && { dataset_config_name: part }),
            ...this.aside,
          };
          void this.load(part ? `${dataset}/${part}` : dataset, () => Promise.resolve(config));
        },
      },
      field("Data set", name, "As in nyu-mll/glue"),
      field("Configuration", configuration, "As in mrpc, if it has any"),
      h("button", { class: "button" }, "Load data set"),
      this.setAside(),
    );
  }

  /** Makes the data ready, looks into it, and takes it as chosen. */
  private async load(title: string, prepare: (signal: AbortSignal) => Promise<RunConfigJson>): Promise<void> {
    this.loading.abort();
    const { signal } = (this.loading = new AbortController());
    const cancel = h("button", { class: "button quiet", type: "button", onclick: () => this.cancel() }, "Cancel");
    this.app.data = null;
    this.app.tell("data");
    this.preview.replaceChildren(cancel);
    this.status.busy(`Reading ${title} …`);
    const progress_callback = (info: { status: string; file?: string; progress?: number }): void => {
      if (info.status === "progress") {
        this.status.busy(`Downloading ${info.file}: ${Math.floor(info.progress ?? 0)} %`);
      }
    };
    try {
      const config = await prepare(signal);
      const inspection = await this.app.trainer.inspect(config, { signal, progress_callback });
      signal.throwIfAborted();
      this.app.data = { title, config: withColumns(config, inspection), inspection };
      this.app.tell("data");
      this.status.say("");
      this.draw();
    } catch (error) {
      if (signal.aborted) return;
      this.preview.replaceChildren();
      this.status.fail(error);
    }
  }

  private cancel(): void {
    this.loading.abort();
    this.preview.replaceChildren();
    this.status.say("Cancelled.");
  }

  private draw(): void {
    const { data } = this.app;
    if (!data) return;
    const { config, inspection } = data;
    const { splits, warnings } = inspection;
    const focused = this.preview.contains(document.activeElement) && document.activeElement?.getAttribute("name");
    fill(
      this.preview,
      h(
        "p",
        { class: "facts" },
        ...splits.map(({ name, num_rows }) => h("span", { class: "fact" }, h("b", {}, count(num_rows)), ` ${name}`)),
      ),
      !splits.some(({ name }) => name.startsWith("validation")) &&
        h("p", { class: "note" }, "There are no validation rows, so nothing measures the model as it learns."),
      ...warnings.map((warning) => h("p", { class: "note" }, warning)),
      mapping(data, (config) => void this.remap(config)),
      table(inspection),
      counts(config.problem_type ?? inspection.problem_type, inspection),
    );
    // Whoever goes by the keyboard stays at the control that was changed.
    if (focused) this.preview.querySelector<HTMLElement>(`[name="${focused}"]`)?.focus();
  }

  /** Takes other columns or other labels; these have to be counted anew. */
  private async remap(config: RunConfigJson): Promise<void> {
    const { data } = this.app;
    if (!data) return;
    try {
      const inspection = await this.app.trainer.inspect(config);
      this.app.data = { ...data, config: withColumns(config, inspection), inspection };
      this.status.clear();
    } catch (error) {
      this.status.fail(error);
    }
    this.app.tell("data");
    this.draw();
  }
}
