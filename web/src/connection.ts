/** Calls into the worker, and the answers matched to them. */

import { TunesmithError } from "./error.js";
import type { Event, Record, Request } from "./generated/protocol.js";
import type { Call, FromWorker, ToWorker } from "./messages.js";

const SAVED = "What was saved is still there.";

/** A trap says no more: an allocation that failed aborts. */
const OUT_OF_MEMORY =
  "The worker ended, most likely because its memory (4 GB at most) was full: lower the batch size or the longest text";

interface Pending {
  resolve(ok: unknown): void;
  reject(error: TunesmithError): void;
  /** Takes the records of a run. */
  record?: ((record: Record) => void) | undefined;
}

/** The page's end of the line to the worker. */
export class Connection {
  private readonly pending = new Map<number, Pending>();
  private next = 0;
  private closed: TunesmithError | null = null;
  /** What a request tells while it works. */
  readonly listeners = new Set<(event: Event) => void>();

  /** Called once where the worker ends by itself. */
  onlost: ((error: TunesmithError) => void) | null = null;

  constructor(private readonly worker: Worker) {
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.receive(data);
    worker.onerror = (event) => {
      const reason = event.message || "its script could not be loaded";
      this.lose(new TunesmithError(`The worker ended: ${reason}. ${SAVED}`));
    };
  }

  /** Sends a call and waits for its answer. */
  call<T>(call: Call, record?: (record: Record) => void, transfer: Transferable[] = []): Promise<T> {
    return this.send(this.next++, call, record, transfer);
  }

  /** Sends a request that a signal can give up: it then rejects with the signal's reason. */
  async request<T>(request: Request, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const id = this.next++;
    let abort = (): void => undefined;
    const aborted = new Promise<never>((_, reject) => {
      abort = () => {
        // What only computes goes on to its end, and its answer is dropped.
        this.call({ call: "cancel", request: id }).catch(() => undefined);
        reject(signal?.reason);
      };
    });
    signal?.addEventListener("abort", abort);
    try {
      return await Promise.race([this.send<T>(id, { call: "request", request }), aborted]);
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  private send<T>(
    id: number,
    call: Call,
    record?: (record: Record) => void,
    transfer: Transferable[] = [],
  ): Promise<T> {
    if (this.closed) return Promise.reject(this.closed);
    return new Promise<T>((resolve, reject) => {
      this.pending.set(id, { resolve: (ok) => resolve(ok as T), reject, record });
      this.post({ id, ...call }, transfer);
    });
  }

  /** Tells how many records of the run were taken in. */
  ack(count: number): void {
    this.post({ ack: count });
  }

  /** Ends the worker; every open call fails with this error. */
  close(error = new TunesmithError("The trainer is closed: create another one.")): void {
    if (this.closed) return;
    this.closed = error;
    this.worker.terminate();
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
  }

  private lose(error: TunesmithError): void {
    if (this.closed) return;
    this.close(error);
    this.onlost?.(error);
  }

  private post(message: ToWorker, transfer: Transferable[] = []): void {
    this.worker.postMessage(message, transfer);
  }

  private receive(message: FromWorker): void {
    if ("event" in message) {
      for (const listener of this.listeners) listener(message.event);
      // Apart from a run only the module itself fails, and then it can do nothing more.
      if (message.event.type === "failed") this.lose(new TunesmithError(message.event.message));
      return;
    }
    const pending = this.pending.get(message.id);
    if ("record" in message) {
      pending?.record?.(message.record);
      return;
    }
    if ("error" in message && message.fatal) {
      this.lose(new TunesmithError(`${OUT_OF_MEMORY} (${message.error}). ${SAVED}`));
      return;
    }
    this.pending.delete(message.id);
    if ("error" in message) pending?.reject(new TunesmithError(message.error));
    else pending?.resolve(message.ok);
  }
}
