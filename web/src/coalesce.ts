/** Queues that a slow reader can't make grow with every step. */

import type { Record } from "./generated/protocol.js";

/** Records waiting beyond this number are coalesced: a reader this far behind draws too slowly. */
export const WAITING_LIMIT = 64;

/**
 * Adds a record to those that wait. Of step records in a row only the last is kept once the reader is
 * behind; no other record is ever dropped.
 */
export function enqueue(waiting: Record[], record: Record, limit = WAITING_LIMIT): void {
  const last = waiting.at(-1);
  if (waiting.length >= limit && last?.type === "step" && record.type === "step") {
    waiting[waiting.length - 1] = record;
  } else {
    waiting.push(record);
  }
}

/** Sends records on, as many as the reader can have unread, and keeps the rest back. */
export class Outbox {
  private readonly waiting: Record[] = [];
  private sent = 0;
  private taken = 0;

  constructor(
    private readonly send: (record: Record) => void,
    private readonly limit = WAITING_LIMIT,
  ) {}

  /** Sends the record, now or when the reader has caught up. */
  push(record: Record): void {
    enqueue(this.waiting, record, 1);
    this.flush();
  }

  /** The reader has taken in this many records in all. */
  ack(taken: number): void {
    this.taken = taken;
    this.flush();
  }

  /** Sends all that waits, read or not. */
  finish(): void {
    for (const record of this.waiting.splice(0)) this.send(record);
  }

  private flush(): void {
    while (this.waiting.length > 0 && this.sent - this.taken < this.limit) {
      this.sent += 1;
      this.send(this.waiting.shift()!);
    }
  }
}
