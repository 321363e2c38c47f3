/** The sixth panel: the model as a file to keep, and what lies in this browser's storage. */

import type { FileEntry, SavedRun } from "../index.js";
import type { App } from "./app.js";
import { fill, h, StatusLine } from "./dom.js";
import { baseName, bytes, count, plural } from "./format.js";
import { javaScript, python } from "./snippets.js";

/** Folders of storage that aren't runs, and what they are to a person. */
const FOLDERS = [
  ["Downloads from Hugging Face", ["/hub"]],
  // What was read of them has the same rows, and is made again where it's needed.
  ["Your data files", ["/files", "/cache/datasets", "/cache/tokenized"]],
  ["Your checkpoints", ["/models"]],
] as const;

/** Draws the panel. */
export function mountKeep(body: HTMLElement, app: App): void {
  new Keep(body, app);
}

class Keep {
  private readonly status = new StatusLine();
  private readonly download: HTMLButtonElement;
  private readonly note = h("p", { class: "note" });
  private readonly onnx = h("input", { type: "checkbox" });
  private readonly withOnnx = h("label", { class: "check" }, this.onnx, "With ONNX, for JavaScript and other runtimes");
  private readonly python = h("pre", { tabindex: 0, "aria-label": "How Python loads it" });
  private readonly javaScript = h("pre", { tabindex: 0, "aria-label": "How JavaScript loads it, from its ONNX" });
  private readonly stored = h("div", { class: "stored" });
  private readonly storedStatus = new StatusLine();

  constructor(
    body: HTMLElement,
    private readonly app: App,
  ) {
    this.download = h(
      "button",
      { class: "button primary", type: "button", onclick: () => void this.save() },
      "Download the model (.zip)",
    );
    body.append(
      h("div", { class: "buttons" }, this.download, this.note),
      this.withOnnx,
      this.status.element,
      this.python,
      this.javaScript,
      h("h3", {}, "Stored on this computer"),
      h("p", { class: "note" }, this.place()),
      this.dropping(),
      this.storedStatus.element,
      this.stored,
    );
    app.on(["trained", "run"], () => this.draw());
    app.on(["runs", "data", "model", "run"], () => void this.drawStored());
  }

  private dropping(): HTMLElement {
    const box = h("input", { type: "checkbox", onchange: () => (this.app.dropsCheckpoints = box.checked) });
    box.checked = this.app.dropsCheckpoints;
    return h("label", { class: "check" }, box, "Delete the checkpoints of a run when it is finished");
  }

  private place(): string {
    const { storage, reason } = this.app.trainer.opened;
    return storage === "opfs"
      ? "In this browser's own storage. It survives a reload and a crash, and clearing the site's data removes it."
      : `In memory only: a reload removes it.${reason ? ` ${reason}` : ""}`;
  }

  private draw(): void {
    const { trained, running } = this.app;
    this.download.disabled = !trained || running;
    this.note.textContent = trained ? `Of ${trained.title}.` : "There is no trained model yet.";
    for (const element of [this.withOnnx, this.python, this.javaScript]) element.hidden = !trained;
    if (!trained) return;
    fill(this.python, h("code", {}, python(trained)));
    fill(this.javaScript, h("code", {}, javaScript(trained)));
  }

  private async save(): Promise<void> {
    const { trained } = this.app;
    if (!trained) return;
    this.download.disabled = true;
    this.status.busy("Packing the model …");
    try {
      const zip = await this.app.trainer.export({
        model: trained.model,
        onnx: this.onnx.checked ? ["fp32", "q8"] : [],
      });
      const url = URL.createObjectURL(zip);
      h("a", { href: url, download: `${baseName(trained.model)}.zip` }).click();
      // The browser has to have begun reading before the address may go.
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
      this.status.say(`${baseName(trained.model)}.zip, ${bytes(zip.size)}, is with your downloads.`);
    } catch (error) {
      this.status.fail(error);
    } finally {
      this.download.disabled = this.app.running;
    }
  }

  private async drawStored(): Promise<void> {
    try {
      const files = await this.app.trainer.list("/");
      const runs = this.app.saved.map((run) => this.runRow(run, size(files, run.output_dir)));
      const folders = FOLDERS.flatMap(([name, paths]) => {
        const there = paths.filter((path) => size(files, path) > 0);
        const taken = there.reduce((sum, path) => sum + size(files, path), 0);
        return taken > 0 ? [this.row(name, "", taken, there, [])] : [];
      });
      const heads = ["What", "How far", "Size"].map((name) => h("th", { scope: "col" }, name));
      heads.push(h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, "Actions")));
      fill(
        this.stored,
        runs.length + folders.length === 0
          ? h("p", { class: "note" }, "Nothing yet.")
          : h("table", { class: "store" }, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...runs, ...folders)),
      );
    } catch (error) {
      this.storedStatus.fail(error);
    }
  }

  private runRow(run: SavedRun, taken: number): HTMLElement {
    const { app } = this;
    const actions: HTMLElement[] = [];
    const act = (text: string, onclick: () => void): void => {
      const label = `${text} ${baseName(run.output_dir)}`;
      actions.push(h("button", { class: "button small", type: "button", disabled: app.running, "aria-label": label, onclick }, text));
    };
    if (!run.finished && !run.in_use && run.config) act("Continue", () => app.continue(run.output_dir, run.config ?? {}));
    act("Open", () => app.openSaved(run));
    const whole = run.total_steps === null ? "" : ` of ${count(run.total_steps)}`;
    const far = run.finished ? `finished, ${plural(run.last_step, "step")}` : `step ${count(run.last_step)}${whole}`;
    return this.row(baseName(run.output_dir), far, taken, [run.output_dir], actions);
  }

  private row(name: string, far: string, taken: number, paths: string[], actions: HTMLElement[]): HTMLElement {
    const remove = h(
      "button",
      {
        class: "button small danger",
        type: "button",
        disabled: this.app.running,
        "aria-label": `Delete ${name}`,
        onclick: () => {
          if (confirm(`Delete ${name} (${bytes(taken)}) from this computer?`)) void this.remove(paths);
        },
      },
      "Delete",
    );
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, name),
      h("td", {}, far),
      h("td", {}, bytes(taken)),
      h("td", {}, h("div", { class: "buttons" }, ...actions, remove)),
    );
  }

  private async remove(paths: string[]): Promise<void> {
    try {
      for (const path of paths) {
        await this.app.trainer.remove(path);
        this.app.forget(path);
      }
      this.storedStatus.clear();
    } catch (error) {
      this.storedStatus.fail(error);
    }
    await this.app.refreshRuns();
  }
}

function size(files: FileEntry[], folder: string): number {
  return files.filter(({ path }) => path.startsWith(`${folder}/`)).reduce((sum, one) => sum + one.bytes, 0);
}
