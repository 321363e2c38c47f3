// Every kernel that a browser may be given, through its own compiler, which asks for more than ours: that
// all lanes reach a barrier, above all.

import { readFileSync } from "node:fs";
import { expect, test } from "@playwright/test";

interface Kernel {
  name: string;
  code: string;
}

const kernels: Kernel[] = JSON.parse(
  readFileSync(new URL("../test-results/kernels.json", import.meta.url), "utf8"),
);

test("this Chromium takes every kernel, and a device with WebGPU's default limits makes a pipeline of it", async ({
  page,
}) => {
  // SwiftShader compiles each; a GPU's tiles of the matrix product take half a second each, and more beside other work.
  test.setTimeout(480_000);
  expect(kernels.length).toBeGreaterThan(50);
  await page.goto("/builtin/index.json");
  const refused = await page.evaluate(async (kernels) => {
    const adapter = await navigator.gpu.requestAdapter();
    // SwiftShader has them; the products that need them are among the kernels.
    const device = await adapter!.requestDevice({ requiredFeatures: ["subgroups"] });
    const refused: string[] = [];
    for (const { name, code } of kernels) {
      device.pushErrorScope("validation");
      const module = device.createShaderModule({ code });
      const { messages } = await module.getCompilationInfo();
      device.createComputePipeline({ layout: "auto", compute: { module } });
      const error = await device.popErrorScope();
      if (error !== null) {
        refused.push([name, ...messages.map(({ lineNum, message }) => `${lineNum}: ${message}`), error.message].join("\n"));
      }
    }
    return refused;
  }, kernels);
  expect(refused).toEqual([]);
});
