// The cases of tests/cases in Chromium, for `cargo xtask parity`: each run leaves its event log, what its
// model says of the case's texts, and its checkpoint; then the native run of the case goes on from its
// checkpoint here. What the logs say of each other is xtask's to find.

import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test, type Page } from "@playwright/test";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const out = join(root, "web", "test-results", "parity");
const cases = readdirSync(join(root, "tests", "cases")).filter((name) => !name.includes("."));
const targets = [
  { name: "chromium-cpu", native: "native-cpu", device: "cpu" },
  { name: "chromium-swiftshader", native: "native-swiftshader", device: "software-gpu" },
];
const HANDED_OVER = "checkpoint-5";
/** The tests' checkpoint, which lies outside the repository. */
const MINILM = "all-MiniLM-L6-v2";
const minilm = process.env["TUNESMITH_MINILM"] ?? "";

/** All files below a folder, as paths from the repository's root. */
function below(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? below(path) : [relative(root, path)];
  });
}

let server: Server | null = null;

/** Where the checkpoint's files are served: a routed answer of their size is more than Playwright passes on. */
async function served(): Promise<string> {
  const serving = (server ??= createServer((request, response) => {
    response.setHeader("access-control-allow-origin", "*");
    createReadStream(join(minilm, basename(request.url ?? ""))).pipe(response);
  }));
  if (!serving.listening) await new Promise<void>((listening) => serving.listen(0, "127.0.0.1", listening));
  return `http://127.0.0.1:${(serving.address() as AddressInfo).port}`;
}

test.afterAll(() => server?.close());

interface Job {
  config: { [name: string]: unknown };
  /** Files to be put into storage: their places there, by where the page gets them. */
  files: { [path: string]: string };
  texts: { text: string; text_pair?: string | null }[];
  /** A folder of storage whose files are to be brought out. */
  keep: string | null;
}

interface Left {
  events: string[];
  predictions: string[];
  /** Base64 by path below the kept folder. */
  kept: { [path: string]: string };
}

async function run(page: Page, job: Job): Promise<Left> {
  await page.route("**/repository/**", (route) =>
    route.fulfill({ path: join(root, decodeURIComponent(new URL(route.request().url()).pathname.slice("/repository/".length))) }),
  );
  await page.goto("/builtin/index.json");
  return page.evaluate(async ({ config, files, texts, keep }) => {
    const { Trainer } = await import("/index.js" as string);
    const trainer = await Trainer.create();
    for (const [path, place] of Object.entries(files)) {
      await trainer.write(place, await (await fetch(path)).blob());
    }
    const events: string[] = [];
    for await (const event of trainer.train(config)) events.push(JSON.stringify(event));
    const model = config.output_dir as string;
    const predictions = await trainer.predictAll(texts, { model, device: config.device });
    const kept: { [path: string]: string } = {};
    for (const { path, bytes } of keep ? await trainer.list(keep) : []) {
      const content: Uint8Array<ArrayBuffer> = await trainer.read(path, 0, bytes);
      const url = await new Promise<string>((resolve) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result as string);
        reader.readAsDataURL(new Blob([content]));
      });
      kept[path.slice(`${keep}/`.length)] = url.slice(url.indexOf(",") + 1);
    }
    trainer.close();
    return { events, predictions: predictions.map((one: unknown) => JSON.stringify(one)), kept };
  }, job);
}

function leave(place: string, left: Left): void {
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "events.jsonl"), left.events.join("\n") + "\n");
  writeFileSync(join(place, "predictions.jsonl"), left.predictions.join("\n") + "\n");
  for (const [path, content] of Object.entries(left.kept)) {
    const target = join(place, "run", HANDED_OVER, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, Buffer.from(content, "base64"));
  }
}

for (const name of cases) {
  for (const target of targets) {
    test(`parity: ${name} on ${target.name}`, async ({ page }) => {
      const folder = join(root, "tests", "cases", name);
      const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
      const texts = readFileSync(join(folder, "texts.jsonl"), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      const drawn = join(out, "models", name);
      // A case may read the files of another.
      const folders = [join(root, "tests", "cases"), join(root, "data", "tiny"), join(root, "data", "paraphrase")];
      const paths = [...folders, ...(existsSync(drawn) ? [drawn] : [])].flatMap(below);
      const files = Object.fromEntries(paths.map((path) => [`/repository/${path}`, `/${path}`]));
      if (config.model_name_or_path === MINILM) {
        // By its name alone it would be asked of the hub.
        config.model_name_or_path = `/${MINILM}`;
        const url = await served();
        for (const file of ["config.json", "tokenizer.json", "model.safetensors"]) files[`${url}/${file}`] = `/${MINILM}/${file}`;
      }
      const job = { config: { ...config, device: target.device, output_dir: "/runs/case" }, files, texts };

      const saves = config.save_strategy !== "no";
      const whole = await run(page, { ...job, keep: saves ? `/runs/case/${HANDED_OVER}` : null });
      leave(join(out, name, target.name), whole);
      if (!saves) return;
      expect(Object.keys(whole.kept)).toContain("optimizer.safetensors");

      // In a profile of its own, so that nothing of the first run is there.
      const checkpoint = join(out, name, target.native, "run", HANDED_OVER);
      const handed = Object.fromEntries(below(checkpoint).map((path) => [`/repository/${path}`, `/handed/${HANDED_OVER}/${relative(checkpoint, join(root, path))}`]));
      const context = await page.context().browser()!.newContext({ baseURL: test.info().project.use.baseURL });
      const later = await run(await context.newPage(), {
        ...job,
        config: { ...job.config, resume_from_checkpoint: `/handed/${HANDED_OVER}` },
        files: { ...files, ...handed },
        keep: null,
      });
      await context.close();
      leave(join(out, name, `native-then-${target.name}`), later);
    });
  }
}
