/** One training run: its records, its view, and the commands that steer it. */

import { enqueue } from "./coalesce.js";
import type { Connection } from "./connection.js";
import { TunesmithError } from "./error.js";
import type { Command, Done, Record, RunConfigJson, RunView } from "./generated/protocol.js";
import { apply, emptyView, resume } from "./view.js";

function isOver(state: RunView["state"]): boolean {
  return state === "done" || state === "failed" || state === "device_lost";
}

/** How many records wait for an iterator before step records are coalesced. */
const ITERATOR_LIMIT = 1024;

/**
 * A run in progress. Iterate it for its events, or draw {@link Run.view} and await
 * {@link Run.finished}; both may be done at once.
 */
export class Run implements AsyncIterable<Record> {
  /** All that a screen shows of the run, kept up to date with every record. */
  readonly view: RunView = emptyView();
  /** Whether {@link Run.pause} was called and {@link Run.resume} was not. */
  paused = false;
  /**
   * The end of the run. Rejects with a {@link TunesmithError} when the run failed or lost its device,
   * and with the signal's reason when it was aborted.
   */
  readonly finished: Promise<Done>;

  private readonly waiting: Record[] = [];
  private taken = 0;
  private begun = false;
  private ended = false;
  /** Whether it was told to stop. */
  stopped = false;
  private before: RunView | null = null;
  private wake = (): void => undefined;

  /** @internal Runs begin with `trainer.train`. */
  constructor(
    private readonly connection: Connection,
    /** The arguments of the run as they were sent. */
    readonly config: RunConfigJson,
    begin: () => Promise<void>,
    private readonly signal: AbortSignal | undefined,
    private readonly listener: ((record: Record) => void) | undefined,
  ) {
    this.finished = this.work(begin);
    // Whoever only iterates learns of a failure from the iterator.
    this.finished.catch(() => undefined);
  }

  /** Takes no further step until {@link Run.resume}; the device's memory stays held. */
  pause(): void {
    this.paused = true;
    this.command({ type: "pause" });
  }

  /** Goes on after {@link Run.pause}. */
  resume(): void {
    this.paused = false;
    this.command({ type: "resume" });
  }

  /** Ends after the current step and writes nothing. */
  stop(): void {
    this.paused = false;
    this.command({ type: "stop" });
  }

  /** Ends after the current step with a checkpoint, from which the run can be continued. */
  stopAndSave(): void {
    this.paused = false;
    this.command({ type: "stop_and_save" });
  }

  /**
   * The run's events, from its beginning; each is given once, so a run has one iterator. When the
   * reader is slow, of several steps in a row only the last is given. Throws after the last event
   * where {@link Run.finished} rejects.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Record, void, undefined> {
    for (;;) {
      const record = this.waiting.shift();
      if (record) {
        yield record;
      } else if (this.ended) {
        await this.finished;
        return;
      } else {
        await new Promise<void>((resolve) => (this.wake = resolve));
      }
    }
  }

  /** Whether it was told to stop and hasn't ended. */
  get stopping(): boolean {
    return this.stopped && !this.ended;
  }

  private command(command: Command): void {
    if (this.ended) return;
    this.stopped ||= command.type === "stop" || command.type === "stop_and_save";
    if (!this.begun) return;
    // A run that ends while the command is on its way has no use for it.
    this.connection.call({ call: "command", command }).catch(() => undefined);
  }

  private async work(begin: () => Promise<void>): Promise<Done> {
    const abort = (): void => this.stop();
    try {
      this.signal?.throwIfAborted();
      this.signal?.addEventListener("abort", abort);
      await begin();
      this.signal?.throwIfAborted();
      if (this.stopped) throw new TunesmithError("The run was stopped before it began.");
      const { config } = this;
      this.begun = true;
      const pulled = this.connection.call({ call: "train", config }, (record) => this.take(record));
      if (this.paused) this.pause();
      await pulled;
      this.signal?.throwIfAborted();
      if (this.view.state === "done" && this.view.done) return this.view.done;
      throw new TunesmithError(this.view.message ?? "The run ended without a result.");
    } catch (error) {
      // A worker that ends tells no record; the view must not look as if the run went on.
      if (!isOver(this.view.state)) {
        this.view.state = "failed";
        this.view.progress = null;
        this.view.message = error instanceof Error ? error.message : String(error);
      }
      throw error;
    } finally {
      this.signal?.removeEventListener("abort", abort);
      this.ended = true;
      this.paused = false;
      this.wake();
    }
  }

  /** Keeps the curves of the run that this one goes on with; before its first step. */
  goOnFrom(before: RunView): void {
    this.before = before;
  }

  private take(record: Record): void {
    this.taken += 1;
    this.connection.ack(this.taken);
    const isNew = apply(this.view, record);
    if (isNew && record.type === "run_started" && this.before) {
      resume(this.view, this.before);
      this.before = null;
    }
    enqueue(this.waiting, record, ITERATOR_LIMIT);
    this.listener?.(record);
    this.wake();
  }
}
