// The browser tests: `cargo xtask test --web` builds what they load, and sees to Chromium.

import { readdirSync } from "node:fs";
import { defineConfig } from "@playwright/test";

const PORT = 8788;
const specs = readdirSync(new URL("./e2e/", import.meta.url)).filter((name) => name.endsWith(".spec.ts"));

export default defineConfig({
  testDir: "e2e",
  // Below the folder that other artefacts lie in: Playwright empties its own.
  outputDir: "test-results/playwright",
  // Training on a software adapter, on a machine with two cores.
  timeout: 240_000,
  expect: { timeout: 30_000 },
  workers: 1,
  retries: 0,
  forbidOnly: true,
  // A project for each file: it gets a browser of its own, so that nothing one file leaves in it (a lost
  // device, a crashed GPU process) reaches the next.
  projects: specs.map((spec) => ({ name: spec.replace(".spec.ts", ""), testMatch: spec })),
  use: {
    baseURL: `http://127.0.0.1:${PORT}`,
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env["TUNESMITH_CHROMIUM"] ?? "/usr/bin/chromium",
      args: [
        // As root, as in a container, Chromium has no sandbox.
        "--no-sandbox",
        "--enable-unsafe-webgpu",
        "--use-webgpu-adapter=swiftshader",
        // It asks for nothing but what the tests ask for.
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
      ],
    },
  },
  webServer: {
    command: `node tools/serve.js dist ${PORT}`,
    url: `http://127.0.0.1:${PORT}/index.html`,
    reuseExistingServer: false,
  },
});
