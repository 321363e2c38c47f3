/**
 * What the page and the worker say to each other. Every call carries a number, and every answer the
 * number of its call; a run answers its call with many records and then once with `ok`.
 */

import type { Command, Event, Record, Request, RunConfigJson } from "./generated/protocol.js";

/** What a page asks of the worker. */
export type Call =
  /** Loads the module and opens storage: `Opened`. `hub` is the address of another hub than the public one. */
  | { call: "open"; hub?: string | undefined }
  /** A request of the protocol: its answer. */
  | { call: "request"; request: Request }
  /** Starts a run: its records, then `null`. */
  | { call: "train"; config: RunConfigJson }
  /** Steers the run. */
  | { call: "command"; command: Command }
  /** Gives up a request, by its call's number. */
  | { call: "cancel"; request: number }
  /** Writes bytes to a file, at its end or in its place. */
  | { call: "write"; path: string; bytes: Uint8Array<ArrayBuffer>; append: boolean }
  /** Reads bytes of a file: a `Uint8Array`, shorter at the file's end. */
  | { call: "read"; path: string; offset: number; length: number }
  /** Loses the device as a driver would, for tests. */
  | { call: "destroy_device" };

/** A message to the worker. `ack` says how many of the run's records the page has taken in. */
export type ToWorker = ({ id: number } & Call) | { ack: number };

/** A message from the worker. */
export type FromWorker =
  | { id: number; ok: unknown }
  /** `fatal` where the module can do nothing more. */
  | { id: number; error: string; fatal?: boolean }
  | { id: number; record: Record }
  | { event: Event };
