// A page whose worker is the test: it answers what the page asks, as `desktop/tests/panels` does for the window.

import type { Page } from "@playwright/test";
import type { Record, Request } from "../../src/index.ts";

/** What a test answers; a request that it has no answer for fails. */
export interface Answers {
  /** By a request's type: what is answered, or a function of the request. */
  requests: { [type: string]: unknown };
  /** The records of a run. */
  records: Record[];
}

/** What the page posts, as far as a test is interested. */
type Call = { call: "open" } | { call: "request"; request: Request } | { call: string };

/** Stands in for the worker, and gives the requests that the page makes, the last at the end. */
export async function standIn(page: Page, answers: Answers): Promise<Request[]> {
  const asked: Request[] = [];
  await page.exposeFunction("answered", (call: Call): unknown => {
    if (call.call === "open") return { storage: "memory", reason: null, version: "0.0.0" };
    if (!("request" in call)) return null;
    const { request } = call;
    asked.push(request);
    const answer = answers.requests[request.type];
    if (answer === undefined) throw new Error(`the test has no answer to ${request.type}`);
    return typeof answer === "function" ? (answer as (request: Request) => unknown)(request) : answer;
  });
  await page.addInitScript((records) => {
    const { answered } = globalThis as unknown as { answered: (call: object) => Promise<unknown> };
    class Stub {
      onmessage: ((event: { data: object }) => void) | null = null;
      terminate(): void {}
      async postMessage(message: { id?: number; call?: string; bytes?: unknown }): Promise<void> {
        const { id, bytes, ...call } = message;
        if (id === undefined) return;
        if (call.call === "train") for (const record of records) this.onmessage?.({ data: { id, record } });
        try {
          const ok = await answered(call);
          this.onmessage?.({ data: { id, ok } });
        } catch (error) {
          this.onmessage?.({ data: { id, error: (error as Error).message } });
        }
      }
    }
    Object.assign(globalThis, { Worker: Stub });
  }, answers.records as unknown[]);
  return asked;
}
