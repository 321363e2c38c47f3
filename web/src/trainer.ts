/** The trainer: storage, models, data and runs behind typed calls. */

import { Connection } from "./connection.js";
import { TunesmithError } from "./error.js";
import type {
  AdapterInfo,
  DeviceChoice,
  Estimate,
  FileEntry,
  Inspection,
  MemoryUsage,
  OnnxDtype,
  Opened,
  Place,
  Request,
  Review,
  RunConfigJson,
  SavedRun,
  TokenizedPrediction,
} from "./generated/protocol.js";
import { progressListener, type ProgressCallback } from "./progress.js";
import { Run } from "./run.js";
import { trainedFolder } from "./view.js";

/** Bytes that cross to the worker at once, so that a large file never lies in memory whole. */
const CHUNK = 4 * 1024 * 1024;

/** How a trainer is made. */
export interface CreateOptions {
  /** Where `worker.js` lies; beside this module where it isn't given. */
  workerUrl?: string | URL;
  /** Address of another hub than `https://huggingface.co`: a mirror, or one of your own. */
  hub?: string;
  /** Ends the trainer, and with it whatever it does. */
  signal?: AbortSignal;
}

/** What any call that takes time accepts. */
export interface CallOptions {
  /** Ends the call; it rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Receives the progress of downloads, in transformers.js's shape. */
  progress_callback?: ProgressCallback;
}

/** What `train` accepts beside the arguments. */
export interface TrainOptions extends CallOptions {
  /** Files by the names that `train_file`, `validation_file` and `test_file` use for them. */
  files?: { [name: string]: Blob };
}

/** What `export` accepts. */
export interface ExportOptions extends ModelOptions {
  /** Adds the model as ONNX, a file for each, for transformers.js and onnxruntime. */
  onnx?: OnnxDtype[];
}

/** What `predict` and `review` accept. */
export interface ModelOptions extends CallOptions {
  /** The folder of a trained model; the last run's where it isn't given. */
  model?: string;
  /** Where to compute. */
  device?: DeviceChoice;
}

/**
 * Fine-tunes, evaluates and predicts in a worker of its own. One trainer runs one training at a time.
 *
 * @example
 * ```ts
 * const trainer = await Trainer.create();
 * const run = trainer.train({ model_name_or_path: "google-bert/bert-base-uncased", dataset_name: "glue", dataset_config_name: "mrpc" });
 * for await (const event of run) console.log(event.type);
 * ```
 */
export class Trainer {
  private last: Run | null = null;
  /** The folder of the last model that a run has left: a run that fails later takes nothing from it. */
  private trained: string | null = null;
  /** Requests that compute; a run waits for them, since both would want the device's memory. */
  private readonly computing = new Set<Promise<unknown>>();

  /** Called where the worker ended by itself; a new one is on its way. */
  onlost: ((error: TunesmithError) => void) | null = null;
  private connection: Connection;
  /** Whether the worker can be called: a new one takes a moment. */
  private ready: Promise<unknown> = Promise.resolve();
  private closed = false;

  private constructor(
    connection: Connection,
    /** Where files are kept, and the version. */
    readonly opened: Opened,
    private readonly options: CreateOptions,
  ) {
    this.connection = connection;
    this.watch();
  }

  /**
   * Starts the worker, loads the module and opens storage.
   *
   * @throws {TunesmithError} when the worker or the module can't be loaded.
   */
  static async create({ workerUrl, hub, signal }: CreateOptions = {}): Promise<Trainer> {
    signal?.throwIfAborted();
    if (typeof Worker === "undefined") {
      throw new TunesmithError("Tunesmith runs in browsers only: there is no web worker here.");
    }
    const connection = connect(workerUrl);
    const abort = (): void => connection.close();
    signal?.addEventListener("abort", abort, { once: true });
    try {
      const opened = await connection.call<Opened>({ call: "open", hub });
      const trainer = new Trainer(connection, opened, { workerUrl, hub });
      signal?.removeEventListener("abort", abort);
      signal?.addEventListener("abort", () => trainer.close(), { once: true });
      return trainer;
    } catch (error) {
      connection.close();
      signal?.throwIfAborted();
      throw error;
    }
  }

  /**
   * Starts a run. The arguments are transformers' `TrainingArguments` and run_glue's, with their
   * names and defaults; `do_train` is true and `output_dir` is new where they aren't given.
   */
  train(args: RunConfigJson, options: TrainOptions = {}): Run {
    const { files = {}, signal, progress_callback } = options;
    const config: RunConfigJson = { do_train: true, output_dir: newRunFolder(), ...args };
    for (const key of ["train_file", "validation_file", "test_file"] as const) {
      const name = config[key];
      if (name && name in files) config[key] = `/files/${name}`;
    }
    const begin = async (): Promise<void> => {
      await this.ready;
      await Promise.allSettled(this.computing);
      for (const [name, blob] of Object.entries(files)) await this.write(`/files/${name}`, blob, { signal });
    };
    const name = config.model_name_or_path ?? "";
    const listener = progress_callback && progressListener(name, progress_callback);
    const run = new Run(this.connection, config, begin, signal, listener);
    const keep = (): void => void (this.trained = trainedFolder(run.view) ?? this.trained);
    run.finished.then(keep, keep);
    this.last = run;
    return run;
  }

  /** Classifies a text, or a pair of texts. */
  async predict(text: string, pair?: string | null, options: ModelOptions = {}): Promise<TokenizedPrediction> {
    const [prediction] = await this.predictAll([{ text, text_pair: pair ?? null }], options);
    if (!prediction) throw new TunesmithError("The model gave no answer.");
    return prediction;
  }

  /** Classifies many texts or pairs; the answers are in their order. */
  predictAll(
    texts: { text: string; text_pair?: string | null }[],
    options: ModelOptions = {},
  ): Promise<TokenizedPrediction[]> {
    const model = this.model(options);
    const device = options.device ?? this.last?.config.device ?? "auto";
    return this.compute({ type: "predict", model, texts, device }, options);
  }

  /** The trained model as one zip file, which transformers and transformers.js load once it is unpacked. */
  async export(options: ExportOptions = {}): Promise<Blob> {
    const { signal, onnx = [] } = options;
    if (onnx.length > 0) {
      await this.request<Place[]>({ type: "onnx", model: this.model(options), dtypes: onnx }, options);
    }
    const { path, bytes } = await this.request<Place>({ type: "zip", path: this.model(options) }, options);
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for (let offset = 0; offset < (bytes ?? 0); ) {
      signal?.throwIfAborted();
      const part = await this.read(path, offset, CHUNK);
      if (part.length === 0) throw new TunesmithError(`${path} ends after ${offset} of ${bytes} bytes.`);
      parts.push(part);
      offset += part.length;
    }
    await this.remove(path);
    return new Blob(parts, { type: "application/zip" });
  }

  /** What the data looks like, and which columns a training would take. */
  inspect(config: RunConfigJson, options: CallOptions = {}): Promise<Inspection> {
    return this.request({ type: "inspect", config }, options);
  }

  /** The memory and the steps that a training would take. */
  estimate(config: RunConfigJson, options: CallOptions = {}): Promise<Estimate> {
    return this.request({ type: "estimate", config }, options);
  }

  /** What a trained model gets right and wrong on the validation split. */
  review(config: RunConfigJson, options: ModelOptions = {}): Promise<Review> {
    return this.compute({ type: "review", config, model: this.model(options) }, options);
  }

  /** The runs that were kept, finished or not. */
  runs(): Promise<SavedRun[]> {
    return this.request({ type: "runs" });
  }

  /** The graphics adapters that could compute; none where the browser has no WebGPU. */
  adapters(): Promise<AdapterInfo[]> {
    return this.request({ type: "adapters" });
  }

  /** Brings a model of the hub into storage, and says where it lies. */
  async fetchModel(name: string, options: CallOptions & { revision?: string } = {}): Promise<string> {
    const { revision = null } = options;
    return (await this.request<Place>({ type: "fetch_model", name, revision }, options)).path;
  }

  /** Checks that a model's folder can be trained: its family, its weights, its tokenizer. */
  async checkModel(path: string): Promise<void> {
    await this.request({ type: "check_model", path });
  }

  /** How much memory is held, here and on the device. */
  memory(): Promise<MemoryUsage> {
    return this.request({ type: "memory" });
  }

  /** All files below a folder of storage. */
  list(path: string): Promise<FileEntry[]> {
    return this.request({ type: "list", path });
  }

  /** Writes a file into storage, chunk by chunk. */
  async write(path: string, blob: Blob, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    for (let offset = 0; offset === 0 || offset < blob.size; offset += CHUNK) {
      signal?.throwIfAborted();
      const bytes = new Uint8Array(await blob.slice(offset, offset + CHUNK).arrayBuffer());
      const call = { call: "write", path, bytes, append: offset > 0 } as const;
      await this.connection.call(call, undefined, [bytes.buffer]);
    }
  }

  /** Reads at most `length` bytes of a file in storage. */
  read(path: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.connection.call({ call: "read", path, offset, length });
  }

  /** Removes a file or a folder from storage. */
  async remove(path: string): Promise<void> {
    await this.request({ type: "remove", path });
  }

  /** Ends the worker. What is in storage stays there. */
  close(): void {
    this.closed = true;
    this.connection.close();
  }

  /** Starts another worker where this one ends by itself: a panic, or a full memory. */
  private watch(): void {
    this.connection.onlost = (error) => {
      if (this.closed) return;
      const { workerUrl, hub } = this.options;
      this.connection = connect(workerUrl);
      // One that can't even start is not tried again.
      this.ready = this.connection.call({ call: "open", hub }).then(() => this.watch());
      // Whoever calls next is told.
      this.ready.catch(() => undefined);
      this.onlost?.(error);
    };
  }

  /** @internal Loses the device as a driver would, for tests. */
  async destroyDevice(): Promise<void> {
    await this.connection.call({ call: "destroy_device" });
  }

  private model({ model }: ModelOptions): string {
    const folder = model ?? (this.last && trainedFolder(this.last.view)) ?? this.trained;
    if (folder) return folder;
    throw new TunesmithError("There is no trained model yet: train one, or name its folder as `model`.");
  }

  private async compute<T>(request: Request, options: CallOptions): Promise<T> {
    const work = this.request<T>(request, options);
    this.computing.add(work);
    try {
      return await work;
    } finally {
      this.computing.delete(work);
    }
  }

  private async request<T>(request: Request, options: CallOptions = {}): Promise<T> {
    const { signal, progress_callback } = options;
    const listener = progress_callback && progressListener(nameOf(request), progress_callback);
    await this.ready;
    signal?.throwIfAborted();
    if (listener) this.connection.listeners.add(listener);
    try {
      return await this.connection.request<T>(request, signal);
    } finally {
      if (listener) this.connection.listeners.delete(listener);
    }
  }
}

function nameOf(request: Request): string {
  if (request.type === "fetch_model") return request.name;
  if ("config" in request) return request.config.model_name_or_path ?? request.config.dataset_name ?? "";
  return "";
}

function connect(workerUrl: string | URL | undefined): Connection {
  const worker = workerUrl
    ? new Worker(workerUrl, { type: "module", name: "tunesmith" })
    : new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "tunesmith" });
  return new Connection(worker);
}

/** The times that folders were named by. */
const named = new Set<string>();

/** A folder name that sorts by time, is readable, and is given once: `/runs/2025-01-31-174502`, then `…-2`. */
export function newRunFolder(now = new Date()): string {
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000);
  const [date, time] = local.toISOString().slice(0, 19).split("T");
  const base = `/runs/${date}-${time?.replaceAll(":", "")}`;
  let name = base;
  for (let number = 2; named.has(name); number += 1) name = `${base}-${number}`;
  named.add(name);
  return name;
}
