// How long a page's own thread is busy at a time, from Chromium's trace.

import type { Browser, Page } from "@playwright/test";

interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  args: { name?: string };
  /** Microseconds of the processor; the observer of `longtask` counts those of other programs too. */
  tdur?: number;
}

/** Starts to record the tasks of the browser's threads. */
export function recordTasks(browser: Browser, page: Page): Promise<void> {
  return browser.startTracing(page, { categories: ["toplevel"] });
}

/** The tasks that took a page's thread since then, in milliseconds, the longest first. */
export async function recordedTasks(browser: Browser): Promise<number[]> {
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const thread = ({ pid, tid }: TraceEvent): string => `${pid}/${tid}`;
  const named = traceEvents.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain");
  const pages = new Set(named.map(thread));
  return traceEvents
    .filter((event) => event.name === "ThreadControllerImpl::RunTask" && pages.has(thread(event)))
    .map(({ tdur = 0 }) => tdur / 1000)
    .sort((a, b) => b - a);
}
