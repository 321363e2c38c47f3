/** The data sets and the model that lie beside the page, brought into storage when they are chosen. */

import { TunesmithError, type Trainer } from "../index.js";

/** Their folder, beside the page. */
const BUILTIN = new URL("../builtin/", import.meta.url);

/** The files by kind, as `builtin/index.json` lists them. */
interface Index {
  topics: string[];
  pairs: string[];
  model: string[];
}

/** Brings the files of a kind into `/builtin/`, where they aren't yet, and gives their paths. */
export async function bringBuiltin(trainer: Trainer, kind: keyof Index, signal?: AbortSignal): Promise<string[]> {
  const index = (await (await get("index.json", signal)).json()) as Index;
  const here = new Set((await trainer.list("/builtin")).map(({ path }) => path));
  const paths: string[] = [];
  for (const file of index[kind]) {
    const path = `/builtin/${file}`;
    paths.push(path);
    if (!here.has(path)) await trainer.write(path, await (await get(file, signal)).blob(), { signal });
  }
  return paths;
}

async function get(file: string, signal?: AbortSignal): Promise<Response> {
  const url = new URL(file, BUILTIN);
  const response = await fetch(url, signal ? { signal } : {}).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw new TunesmithError(`${url.pathname} could not be fetched (${String(error)}): check the connection.`);
  });
  if (response.ok) return response;
  throw new TunesmithError(`${url.pathname} is missing on this server (status ${response.status}).`);
}
