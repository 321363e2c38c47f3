/** What the panels share: the trainer, what was chosen, and the run. Panels listen and draw. */

import {
  Trainer,
  trainedFolder,
  type AdapterInfo,
  type Inspection,
  type ProblemType,
  type Run,
  type RunConfigJson,
  type SavedRun,
} from "../index.js";
import { newRunFolder } from "../trainer.js";
import type { ArgumentName } from "../generated/arguments.js";
import { missing } from "./columns.js";
import { baseName } from "./format.js";

/** What the page calls the arguments that matter. */
export const TITLES: { readonly [name in ArgumentName]?: string } = {
  num_train_epochs: "Epochs",
  max_steps: "Steps",
  per_device_train_batch_size: "Batch size",
  learning_rate: "Learning rate",
  max_seq_length: "Longest text (tokens)",
  max_train_samples: "Training rows",
  device: "Compute on",
};

/** What a panel can listen to. */
export type Topic = "device" | "data" | "model" | "arguments" | "limits" | "run" | "record" | "trained" | "runs";

/** The data that was chosen. */
export interface ChosenData {
  title: string;
  config: RunConfigJson;
  inspection: Inspection;
}

/** The checkpoint that was chosen. */
export interface ChosenModel {
  title: string;
  config: RunConfigJson;
  /** Arguments that suit this model better than transformers' defaults. */
  defaults: RunConfigJson;
}

/** A model that can be looked at, tried and kept. */
export interface Trained {
  /** Its folder. */
  model: string;
  title: string;
  config: RunConfigJson;
  /** What it predicts, where that is known. */
  problem_type: ProblemType | null;
  /** The names of its labels in the order of their ids. */
  labels: readonly string[];
  /** Whether its run came to its end. */
  whole: boolean;
}

/** Whether a model reads two texts. */
export function readsPairs({ config, problem_type }: Pick<Trained, "config" | "problem_type">): boolean {
  return config.text_column_names?.length !== 1 && problem_type !== "token_classification";
}

/** What a person calls a model by: its run, and the step where that was cut short. */
function titleOf(model: string): string {
  const [, run = model, step] = /^(.*)\/checkpoint-(\d+)$/.exec(model) ?? [];
  return step === undefined ? baseName(run) : `${baseName(run)}, step ${step}`;
}

/** The state of the page. */
export class App {
  adapters: AdapterInfo[] = [];
  data: ChosenData | null = null;
  model: ChosenModel | null = null;
  /** What the person entered, by argument. */
  entered: RunConfigJson = {};
  /** What was typed and can't be read, by argument: the problem. */
  readonly unread = new Map<ArgumentName, string>();
  /** That the run would need more memory than a tab can have, and what would fit. */
  tooLarge: string | null = null;
  run: Run | null = null;
  /** Whether the run is still going. */
  running = false;
  trained: Trained | null = null;
  /** Rows a second, as the last run had it. */
  speed: number | null = null;
  saved: SavedRun[] = [];
  /** Whether a finished run's checkpoints are deleted: they take six times the model's room. */
  dropsCheckpoints = true;
  private readonly listeners = new Map<Topic, (() => void)[]>();

  constructor(readonly trainer: Trainer) {
    trainer.onlost = () => void this.refreshRuns().catch(() => undefined);
  }

  /** Calls the listener whenever one of the topics changes, and once now. */
  on(topics: Topic[], listener: () => void): void {
    for (const topic of topics) {
      this.listeners.set(topic, [...(this.listeners.get(topic) ?? []), listener]);
    }
    listener();
  }

  /** Tells the listeners of a topic. */
  tell(topic: Topic): void {
    for (const listener of this.listeners.get(topic) ?? []) listener();
  }

  /** Whether there is a GPU to speak of. */
  get hasGpu(): boolean {
    return this.adapters.some(({ kind }) => kind !== "software_gpu" && kind !== "cpu");
  }

  /** The arguments that hold where the person entered none. */
  defaults(): RunConfigJson {
    const evaluates = this.data?.inspection.splits.some(({ name }) => name.startsWith("validation"));
    return {
      do_train: true,
      max_seq_length: 128,
      eval_strategy: evaluates ? "epoch" : "no",
      // A tenth of the run is the most that a crash can cost.
      save_steps: 0.1,
      save_total_limit: 2,
      ...this.model?.defaults,
    };
  }

  /** The value of an argument as it stands. */
  argument(name: ArgumentName): unknown {
    return this.entered[name] ?? this.defaults()[name];
  }

  /** Takes what the person entered; nothing puts the default back. */
  enter(name: ArgumentName, value: unknown): void {
    const { [name]: _, ...others } = this.entered;
    this.entered = value === undefined ? others : { ...others, [name]: value };
    this.unread.delete(name);
    this.tell("arguments");
  }

  /** Keeps a run from being started while an argument can't be read. */
  cannotRead(name: ArgumentName, problem: string): void {
    this.unread.set(name, problem);
    this.tell("arguments");
  }

  /** Puts all defaults back. */
  enterNothing(): void {
    this.entered = {};
    this.unread.clear();
    this.tell("arguments");
  }

  /** The configuration of a run with all that was chosen, or `null` while something is missing. */
  config(): RunConfigJson | null {
    if (!this.data || !this.model) return null;
    return { ...this.defaults(), ...this.data.config, ...this.model.config, ...this.entered };
  }

  /** The first argument whose text can't be read, and why. */
  unreadable(): string | null {
    const [first] = this.unread;
    return first ? `${TITLES[first[0]] ?? first[0]}: ${first[1]}` : null;
  }

  /** What has to be done before a run can start, in a sentence. */
  missing(): string | null {
    const unreadable = this.unreadable();
    if (unreadable) return unreadable;
    const parts = [!this.data && "the data", !this.model && "a model"].filter(Boolean);
    if (parts.length > 0) return `Choose ${parts.join(" and ")} first.`;
    return (this.data && missing(this.data.inspection)) || this.tooLarge;
  }

  /** Starts a run with what was chosen. */
  train(): void {
    const config = this.config();
    if (!config || this.running || this.missing() !== null) return;
    const name = this.data?.title.replace(/[^\w-]+/g, "-").toLowerCase();
    this.begin({ output_dir: `${newRunFolder()}-${name}`, ...config });
  }

  /** Goes on with a run from its last checkpoint. */
  continue(outputDir: string, config: RunConfigJson): void {
    this.begin({ ...config, output_dir: outputDir, resume_from_checkpoint: true });
  }

  /** Asks storage which runs it has. */
  async refreshRuns(): Promise<void> {
    const runs = await this.trainer.runs();
    // The newest first: their names begin with the time.
    this.saved = runs.sort((a, b) => (a.output_dir < b.output_dir ? 1 : -1));
    this.tell("runs");
  }

  /** Takes a stored model to look at, to try and to keep. */
  openSaved({ output_dir, config, finished, last_step, problem_type, labels = [] }: SavedRun): void {
    const model = finished ? output_dir : `${output_dir}/checkpoint-${last_step}`;
    this.open({ model, title: titleOf(model), config: config ?? {}, problem_type, labels, whole: finished });
  }

  /** Lets go of what was chosen or trained and lies in a folder that is gone. */
  forget(path: string): void {
    const lay = (chosen: object | null): boolean => JSON.stringify(chosen).includes(`"${path}/`);
    if (lay(this.data?.config ?? null)) {
      this.data = null;
      this.tell("data");
    }
    if (lay(this.model?.config ?? null)) {
      this.model = null;
      this.tell("model");
    }
    if (`${this.trained?.model}/`.startsWith(`${path}/`)) {
      this.trained = null;
      this.tell("trained");
    }
  }

  /** Deletes the checkpoints of a run that is finished: its model lies beside them. */
  private async dropCheckpoints(folder: string): Promise<void> {
    try {
      const files = await this.trainer.list(folder);
      const found = files.flatMap(({ path }) => /^checkpoint-\d+(?=\/)/.exec(path.slice(folder.length + 1)) ?? []);
      for (const name of new Set(found)) await this.trainer.remove(`${folder}/${name}`);
    } catch {
      // They take room and do no other harm; the Export panel lists them with the run.
    }
  }

  private open(trained: Trained): void {
    this.trained = trained;
    this.tell("trained");
  }

  private begin(config: RunConfigJson): void {
    // Asked of the person, if at all, when there is something to keep.
    void navigator.storage?.persist?.();
    const run = this.trainer.train(config);
    if (this.run && config.resume_from_checkpoint && config.output_dir === this.run.config.output_dir) {
      run.goOnFrom(this.run.view);
    }
    this.run = run;
    this.running = true;
    this.tell("run");
    void this.follow(run);
  }

  private async follow(run: Run): Promise<void> {
    try {
      for await (const record of run) {
        if (record.type === "step" && record.samples_per_second > 0) this.speed = record.samples_per_second;
        this.tell("record");
      }
    } catch {
      // The train panel shows the error of `run.finished`.
    }
    this.running = false;
    const model = trainedFolder(run.view);
    if (model) {
      const { labels = [], problem_type = null } = run.view.dataset ?? {};
      const whole = model === run.view.done?.output_dir;
      if (whole && this.dropsCheckpoints) await this.dropCheckpoints(model);
      this.open({ model, title: titleOf(model), config: run.config, problem_type, labels, whole });
    }
    this.tell("run");
    await this.refreshRuns();
  }
}
