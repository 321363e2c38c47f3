// A Hugging Face hub on loopback over folders: the paths and headers that crates/hub speaks
// (crates/hub/tests/support/mod.rs is its sister for native tests).

import { createHash } from "node:crypto";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join, relative, sep } from "node:path";
import type { BrowserContext } from "@playwright/test";

/** The public hub, which the page knows. */
const PUBLIC = "https://huggingface.co";
/** As on the hub, such files lie in git's large file storage and are named by their SHA-256. */
const LARGE = /\.(safetensors|parquet|bin)$/;

const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "authorization, range",
  "access-control-expose-headers":
    "X-Repo-Commit, X-Request-Id, X-Error-Code, X-Error-Message, ETag, Link, Accept-Ranges, Content-Range, X-Linked-Size, X-Linked-ETag, X-Xet-Hash",
};

interface File {
  bytes: Buffer;
  etag: string;
  oid: string;
  large: boolean;
}

/** The hub's repositories: a folder for `models/owner/name` or `datasets/owner/name`. */
export type Folders = { [repository: string]: string };

export class FakeHub {
  /** Every request's method and path, and the range it asks for if it does, in order. */
  readonly requests: string[] = [];
  /** Bytes a second at which files are sent; all at once where it is null. */
  bytesPerSecond: number | null = null;
  /** Whether it can be reached. */
  online = true;
  private readonly repositories = new Map<string, { sha: string; files: Map<string, File> }>();
  private readonly server: Server;

  private constructor(folders: Folders) {
    for (const [name, folder] of Object.entries(folders)) {
      const files = new Map(below(folder).map((path) => [relative(folder, path).split(sep).join("/"), read(path)]));
      this.repositories.set(name, { sha: hash("sha1", Buffer.from(name)), files });
    }
    this.server = createServer((request, response) => void this.answer(request, response));
  }

  static async start(folders: Folders): Promise<FakeHub> {
    const hub = new FakeHub(folders);
    await new Promise<void>((listening) => hub.server.listen(0, "127.0.0.1", listening));
    return hub;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The commit that a repository's `main` is at. */
  commit(repository: string): string {
    return this.repositories.get(repository)?.sha ?? "";
  }

  /** How many requests there were for a path that contains this. */
  count(path: string): number {
    return this.requests.filter((request) => request.includes(path)).length;
  }

  /** Answers in the public hub's place, for a page and its workers. */
  async stand(context: BrowserContext): Promise<void> {
    await context.route(`${PUBLIC}/**`, async (route) => {
      const url = route.request().url().replace(PUBLIC, this.url);
      try {
        await route.fulfill({ response: await route.fetch({ url, timeout: 0 }) });
      } catch {
        // The page cancelled it, or is gone.
        await route.abort().catch(() => undefined);
      }
    });
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.online) {
      request.socket.destroy();
      return;
    }
    const { pathname } = new URL(request.url ?? "/", this.url);
    const path = decodeURIComponent(pathname).slice(1);
    for (const [name, value] of Object.entries(CORS)) response.setHeader(name, value);
    if (request.method === "OPTIONS") {
      response.writeHead(204).end();
      return;
    }
    this.requests.push([request.method, `/${path}`, request.headers.range].filter(Boolean).join(" "));
    const refuse = (status: number, code: string): void => {
      response.writeHead(status, { "x-error-code": code, "x-error-message": code }).end();
    };
    const api = /^api\/((?:models|datasets)\/.+?)\/(revision|tree)\/(.+)$/.exec(path);
    if (api) {
      const [, name = "", what, revision = ""] = api;
      const found = this.repositories.get(name);
      if (!found) return refuse(404, "RepoNotFound");
      if (revision !== "main" && revision !== found.sha) return refuse(404, "RevisionNotFound");
      const answer = what === "tree" ? tree(found.files) : info(name, found.sha, found.files);
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
      return;
    }
    const resolve = /^(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    if (!resolve) return refuse(404, "");
    const [, id = "", revision = "", file = ""] = resolve;
    const name = id.startsWith("datasets/") ? id : `models/${id}`;
    const found = this.repositories.get(name);
    if (!found) return refuse(404, "RepoNotFound");
    if (revision !== "main" && revision !== found.sha) return refuse(404, "RevisionNotFound");
    const content = found.files.get(file);
    if (!content) return refuse(404, "EntryNotFound");
    response.setHeader("x-repo-commit", found.sha);
    if (content.large) {
      response.setHeader("x-linked-etag", `"${content.etag}"`);
      response.setHeader("x-linked-size", content.bytes.length);
    }
    await this.send(request, response, content);
  }

  private async send(request: IncomingMessage, response: ServerResponse, { bytes, etag }: File): Promise<void> {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const part = bytes.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, {
      "accept-ranges": "bytes",
      "content-length": part.length,
      "content-type": "application/octet-stream",
      etag: `"${etag}"`,
      ...(from > 0 && { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
    });
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    const chunk = this.bytesPerSecond === null ? part.length : Math.ceil(this.bytesPerSecond / 10);
    for (let at = 0; at < part.length && !response.destroyed; at += chunk) {
      response.write(part.subarray(at, at + chunk));
      if (this.bytesPerSecond !== null) await new Promise((later) => setTimeout(later, 100));
    }
    response.end();
  }
}

function below(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? below(path) : [path];
  });
}

function read(path: string): File {
  const bytes = readFileSync(path);
  const large = LARGE.test(path);
  const oid = hash("sha1", Buffer.concat([Buffer.from(`blob ${bytes.length}\0`), bytes]));
  return { bytes, large, oid, etag: large ? hash("sha256", bytes) : oid };
}

function hash(algorithm: "sha1" | "sha256", bytes: Buffer): string {
  return createHash(algorithm).update(bytes).digest("hex");
}

function info(name: string, sha: string, files: Map<string, File>): object {
  const id = name.split("/").slice(1).join("/");
  return { _id: "1", id, sha, siblings: [...files.keys()].map((rfilename) => ({ rfilename })) };
}

function tree(files: Map<string, File>): object[] {
  return [...files].map(([path, { bytes, oid, etag, large }]) => ({
    type: "file",
    path,
    oid,
    size: bytes.length,
    ...(large && { lfs: { oid: etag, size: bytes.length, pointerSize: 134 } }),
  }));
}
