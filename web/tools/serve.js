// Serves a folder on loopback, for `cargo xtask web` and the browser tests: `node serve.js FOLDER PORT`.

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const HOST = "127.0.0.1";

/** Browsers compile a module and run a script only where the server says what they are. */
const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".md": "text/markdown; charset=utf-8",
  ".ts": "text/plain; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
};

/** Starts the server; port 0 takes a free one. */
export async function serve(folder, port) {
  const root = resolve(folder);
  const server = createServer((request, response) => {
    answer(root, request, response).catch((error) => {
      response.writeHead(500).end(String(error));
    });
  });
  await new Promise((listening, failed) => {
    server.once("error", failed).listen(port, HOST, listening);
  });
  const close = () =>
    new Promise((closed) => {
      server.close(closed);
      server.closeAllConnections();
    });
  return { url: `http://${HOST}:${server.address().port}`, close };
}

async function answer(root, { method, url }, response) {
  if (method !== "GET" && method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD" }).end();
    return;
  }
  // Within the root: a URL's path has no `..` left once it is parsed, and an encoded one is normalized.
  const { pathname } = new URL(url, `http://${HOST}`);
  const path = join(root, normalize(`/${decodeURIComponent(pathname)}`), pathname.endsWith("/") ? "index.html" : "");
  const found = await stat(path).catch(() => null);
  if (!found?.isFile()) {
    response.writeHead(404, { "content-type": TYPES[".txt"] }).end(`${pathname} is not here\n`);
    return;
  }
  response.writeHead(200, {
    "content-type": TYPES[extname(path)] ?? "application/octet-stream",
    "content-length": found.size,
    // What was built again must be seen at the next reload.
    "cache-control": "no-cache",
  });
  if (method === "HEAD") response.end();
  else createReadStream(path).on("error", () => response.destroy()).pipe(response);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [folder, port] = process.argv.slice(2);
  try {
    const { url } = await serve(folder, Number(port));
    console.log(`serving ${folder} at ${url} (Ctrl-C ends it)`);
  } catch (error) {
    const taken = error.code === "EADDRINUSE";
    console.error(taken ? `error: port ${port} is in use: name another one by --port` : `error: ${error.message}`);
    process.exitCode = 1;
  }
}
