/**
 * Fine-tune BERT models in a browser tab: the trainer runs in a worker, on WebGPU or on the
 * CPU, and nothing leaves the tab.
 *
 * @packageDocumentation
 */

export { TunesmithError } from "./error.js";
export { Run } from "./run.js";
export { Trainer } from "./trainer.js";
export type { CallOptions, CreateOptions, ExportOptions, ModelOptions, TrainOptions } from "./trainer.js";
export type { ProgressCallback, ProgressInfo } from "./progress.js";
export { apply, emptyView, fraction, trainedFolder } from "./view.js";
export type * from "./generated/protocol.js";
