/**
 * The dedicated worker that holds the wasm module. It passes messages on and pulls a run's records;
 * everything else is Rust's.
 */

import { Outbox } from "./coalesce.js";
import type { Record } from "./generated/protocol.js";
import type { Call, FromWorker, ToWorker } from "./messages.js";
import { askForSubgroups } from "./subgroups.js";

type Wasm = typeof import("./wasm/tunesmith_web.js");

const scope = self as unknown as {
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
};

let loading: Promise<Wasm> | null = null;
/** The records of the run that is being pulled. */
let run: Outbox | null = null;

async function load(): Promise<Wasm> {
  askForSubgroups();
  const wasm = await import("./wasm/tunesmith_web.js");
  await wasm.default();
  wasm.on_event((json) => scope.postMessage({ event: JSON.parse(json) }));
  return wasm;
}

/** Lets the messages that have arrived be served: awaiting a promise alone would not. */
function messagesServed(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

async function pull(wasm: Wasm, id: number, config: string): Promise<null> {
  if (run) throw new Error("a run is in progress: stop it before another one starts");
  const outbox = new Outbox((record) => scope.postMessage({ id, record }));
  run = outbox;
  try {
    wasm.start_run(config);
    for (;;) {
      await messagesServed();
      const json = await wasm.next_record();
      if (json === undefined) return null;
      outbox.push(JSON.parse(json) as Record);
    }
  } finally {
    outbox.finish();
    run = null;
  }
}

async function serve(id: number, call: Call): Promise<unknown> {
  loading ??= load();
  const wasm = await loading;
  switch (call.call) {
    case "open":
      return JSON.parse(await wasm.open(call.hub));
    case "request":
      return JSON.parse(await wasm.request(id, JSON.stringify(call.request)));
    case "train":
      return pull(wasm, id, JSON.stringify(call.config));
    case "command":
      if (run) wasm.command(JSON.stringify(call.command));
      return null;
    case "cancel":
      wasm.cancel(call.request);
      return null;
    case "write":
      await wasm.write_file(call.path, call.bytes, call.append);
      return null;
    case "read":
      return wasm.read_file(call.path, call.offset, call.length);
    case "destroy_device":
      wasm.destroy_device();
      return null;
  }
}

scope.onmessage = ({ data }) => {
  if ("ack" in data) {
    run?.ack(data.ack);
    return;
  }
  serve(data.id, data).then(
    (ok) => {
      const transfer = ok instanceof Uint8Array ? [ok.buffer] : [];
      scope.postMessage({ id: data.id, ok }, transfer);
    },
    (error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      // A trap: what the module held is lost, and it can't be called again.
      const fatal = error instanceof WebAssembly.RuntimeError;
      scope.postMessage({ id: data.id, error: message, fatal });
    },
  );
};
