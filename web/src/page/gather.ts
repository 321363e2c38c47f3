/** The first panel: which data, and which of its columns are what. */

import type { RunConfigJson } from "../index.js";
import type { App } from "./app.js";
import { bringBuiltin } from "./builtin.js";
import { choice, field, fill, h, StatusLine } from "./dom.js";
import { count, labelText, percent, plural } from "./format.js";

const FORMATS = ".csv,.tsv,.tab,.jsonl,.ndjson,.json,.parquet,.xlsx,.xlsm,.gz,.zst,.zip";
/** Label counts beyond this number say nothing more. */
const COUNTS_SHOWN = 12;
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
        choice("data", "builtin", "Built-in set", "4,000 made-up pairs of news sentences: do they say the same?", () =>
          this.builtin(),
        ),
        choice("data", "file", "Your file", "CSV, TSV, JSON, JSON Lines, Excel (.xlsx) or parquet, also as .gz, .zst or .zip. It stays on this computer.", () =>
          this.ask(this.filePicker()),
        ),
        choice("data", "hub", "From the hub", "A public data set of huggingface.co, by its name.", () =>
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

  private builtin(): void {
    this.source.replaceChildren();
    void this.load("Built-in set", async (signal) => {
      const paths = await bringBuiltin(this.app.trainer, "dataset", signal);
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
      field("Training file", train, "Drop it here or pick it. One row an example: a text or two, and a label."),
    );
    return h(
      "div",
      { class: "columns" },
      zone,
      h(
        "div",
        {},
        field("Validation file (optional)", validation, "The rows on which the model is measured."),
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
      const label = inspection.label_column_name;
      config.text_column_names = inspection.text_column_names;
      if (label) config.label_column_name = label;
      this.app.data = { title, config, inspection };
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
    const { splits, warnings } = data.inspection;
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
      this.mapping(),
      this.table(),
      this.labels(),
    );
  }

  private mapping(): HTMLElement {
    const { config, inspection } = this.app.data!;
    const names = inspection.columns.map(({ name }) => name);
    const [first, second] = config.text_column_names ?? [];
    const pick = (chosen: string | undefined, none: string | null, take: (name: string) => void): HTMLSelectElement => {
      const select = h("select", { onchange: () => take(select.value) });
      if (none !== null) select.append(h("option", { value: "" }, none));
      for (const name of names) select.append(h("option", { value: name, selected: name === chosen }, name));
      return select;
    };
    const remap = (changes: RunConfigJson): void => void this.remap({ ...config, ...changes });
    const pair = (one?: string, two?: string): string[] => [one, two].filter((name): name is string => !!name);
    return h(
      "div",
      { class: "row" },
      field("Text", pick(first, null, (name) => remap({ text_column_names: pair(name, second) }))),
      field("Second text", pick(second, "none", (name) => remap({ text_column_names: pair(first, name) }))),
      field(
        "Label",
        pick(config.label_column_name ?? undefined, config.label_column_name ? null : "choose one", (name) =>
          remap({ label_column_name: name }),
        ),
      ),
    );
  }

  /** Takes other columns; the labels have to be counted anew. */
  private async remap(config: RunConfigJson): Promise<void> {
    const { data } = this.app;
    if (!data) return;
    try {
      const inspection = await this.app.trainer.inspect(config);
      this.app.data = { ...data, config, inspection };
      this.status.clear();
    } catch (error) {
      this.status.fail(error);
    }
    this.app.tell("data");
    this.draw();
  }

  private table(): HTMLElement {
    const { config, inspection } = this.app.data!;
    const role = (name: string): string => {
      const text = config.text_column_names?.indexOf(name) ?? -1;
      if (text >= 0) return text === 0 ? "text" : "second text";
      return name === config.label_column_name ? "label" : "";
    };
    return h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "First rows of the data" },
      h(
        "table",
        { class: "rows" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ...inspection.columns.map(({ name }) =>
              h("th", { scope: "col", class: role(name) ? "used" : "unused" }, name, h("small", {}, role(name) || "unused")),
            ),
          ),
        ),
        h(
          "tbody",
          {},
          ...inspection.rows.map((row) =>
            h(
              "tr",
              {},
              ...row.map((cell, i) => {
                const used = role(inspection.columns[i]?.name ?? "");
                return h("td", { class: used || "unused" }, cell ?? h("i", {}, "empty"));
              }),
            ),
          ),
        ),
      ),
    );
  }

  private labels(): HTMLElement | null {
    const counts = this.app.data!.inspection.label_counts;
    if (counts.length === 0) return null;
    const all = counts.reduce((sum, one) => sum + one.count, 0);
    const most = Math.max(...counts.map((one) => one.count));
    const rest = counts.length - COUNTS_SHOWN;
    return h(
      "div",
      { class: "counts" },
      h("h3", {}, "Labels"),
      h(
        "ul",
        {},
        ...counts.slice(0, COUNTS_SHOWN).map((one) => {
          const meter = h("span", { class: "count-bar", "aria-hidden": "true" }, h("span"));
          meter.style.setProperty("--share", String(one.count / most));
          const share = percent(one.count / all, 0);
          return h("li", {}, h("span", {}, labelText(one.label)), meter, h("span", {}, `${count(one.count)} (${share})`));
        }),
      ),
      rest > 0 && h("p", { class: "note" }, `and ${plural(rest, "more label", "more labels")}`),
    );
  }
}
