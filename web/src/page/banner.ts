/** What a person should know before anything else: the device, the storage, and runs to go on with. */

import type { App } from "./app.js";
import { fill, h, notice } from "./dom.js";
import { baseName, count } from "./format.js";

const BROWSERS =
  "Chrome and Edge have WebGPU from version 113 (on Linux it may have to be turned on), Safari from " +
  "version 26, and Firefox from version 141 on Windows; on Linux, set dom.webgpu.enabled and " +
  "gfx.webgpu.ignore-blocklist to true on Firefox's about:config. It needs a page served over https, or from localhost.";

const NO_GPU = "No GPU found: training uses the processor";

/** Shows the device in the page's head. */
export function mountDevice(chip: HTMLElement, app: App): void {
  app.on(["device"], () => {
    const [adapter] = app.adapters;
    const text = adapter && app.hasGpu ? `GPU: ${adapter.name}` : "CPU only";
    fill(chip, h("span", { class: app.hasGpu ? "dot-on" : "dot-off", "aria-hidden": "true" }), text);
    chip.hidden = false;
  });
}

/** Shows the notices and the runs that can be continued. */
export function mountBanner(banner: HTMLElement, app: App): void {
  app.on(["device", "runs", "run"], () => {
    fill(banner, deviceNotice(app), storageNotice(app), ...savedRuns(app));
  });
}

function deviceNotice({ adapters, hasGpu }: App): HTMLElement | null {
  if (hasGpu) return null;
  const [software] = adapters;
  if (software) {
    return notice(
      NO_GPU,
      `This browser's WebGPU computes on the CPU (${software.name}), many times slower than a GPU. ` +
        "Training takes the CPU directly instead, which is quicker. If this computer has a GPU, its driver may be " +
        "missing, or hardware acceleration may be off in the browser's settings.",
    );
  }
  const why = "gpu" in navigator ? "This browser found no graphics adapter for WebGPU." : "This browser has no WebGPU here.";
  return notice(NO_GPU, `${why} Everything works on the CPU, only slowly. ${BROWSERS}`);
}

function storageNotice({ trainer }: App): HTMLElement | null {
  const { storage, reason } = trainer.opened;
  if (storage === "opfs") return null;
  return notice("Nothing survives a reload", `Files are kept in memory only. ${reason ?? ""}`);
}

function savedRuns(app: App): HTMLElement[] {
  if (app.running) return [];
  return app.saved
    .filter(({ finished, in_use, config }) => !finished && !in_use && config !== null)
    .map((run) => {
      const whole = run.total_steps === null ? "" : ` of ${count(run.total_steps)}`;
      const go = h(
        "button",
        {
          class: "button",
          type: "button",
          onclick: () => {
            app.continue(run.output_dir, run.config ?? {});
            document.getElementById("train")?.scrollIntoView();
          },
        },
        "Continue",
      );
      const name = baseName(run.output_dir);
      go.setAttribute("aria-label", `Continue ${name}`);
      const element = notice("A run can go on", `${name} was kept at step ${count(run.last_step)}${whole}.`);
      element.classList.add("good");
      element.append(go);
      return element;
    });
}

