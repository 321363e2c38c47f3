// What the other files take for granted: this Chromium computes with WebGPU in a worker, on SwiftShader.

import { expect, test } from "@playwright/test";

test("a dedicated worker gets SwiftShader by WebGPU and computes on it", async ({ page }) => {
  await page.goto("/builtin/index.json");
  const found = await page.evaluate(async () => {
    const script = `
      onmessage = async () => {
        const adapter = await navigator.gpu?.requestAdapter();
        if (!adapter) return postMessage({ adapter: null });
        const device = await adapter.requestDevice();
        const usage = GPUBufferUsage;
        const made = device.createBuffer({ size: 16, usage: usage.STORAGE | usage.COPY_SRC });
        const read = device.createBuffer({ size: 16, usage: usage.MAP_READ | usage.COPY_DST });
        const module = device.createShaderModule({ code: \`
          @group(0) @binding(0) var<storage, read_write> made: array<u32>;
          @compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i: u32) { made[i] = i * i; }
        \` });
        const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
        const group = device.createBindGroup({
          layout: pipeline.getBindGroupLayout(0),
          entries: [{ binding: 0, resource: { buffer: made } }],
        });
        const encoder = device.createCommandEncoder();
        const pass = encoder.beginComputePass();
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(1);
        pass.end();
        encoder.copyBufferToBuffer(made, 0, read, 0, 16);
        device.queue.submit([encoder.finish()]);
        await read.mapAsync(GPUMapMode.READ);
        const { vendor, architecture } = adapter.info;
        postMessage({ adapter: [vendor, architecture].join(" "), squares: [...new Uint32Array(read.getMappedRange())] });
      };
    `;
    const worker = new Worker(URL.createObjectURL(new Blob([script])));
    return new Promise<{ adapter: string | null; squares?: number[] }>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage(null);
    });
  });
  expect(found.adapter, "this Chromium gives a worker no WebGPU adapter").toContain("swiftshader");
  expect(found.squares).toEqual([0, 1, 4, 9]);
});

test("a worker has private files that it reads and writes in place", async ({ page }) => {
  await page.goto("/builtin/index.json");
  const text = await page.evaluate(async () => {
    const script = `
      onmessage = async () => {
        const root = await navigator.storage.getDirectory();
        const file = await root.getFileHandle("a", { create: true });
        const access = await file.createSyncAccessHandle();
        access.write(new TextEncoder().encode("kept"), { at: 0 });
        access.close();
        postMessage(await (await file.getFile()).text());
      };
    `;
    const worker = new Worker(URL.createObjectURL(new Blob([script])));
    return new Promise<string>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage(null);
    });
  });
  expect(text).toBe("kept");
});
