// Refuses to pack a package without its module, or without the licences that go wherever the module goes.
// `npm pack` and `npm publish` run it (see "prepack" in package.json).

import { existsSync } from "node:fs";

const needed = ["index.js", "worker.js", "wasm/tunesmith_web_bg.wasm", "LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY.txt"];
const missing = needed.filter((name) => !existsSync(new URL(`../dist/${name}`, import.meta.url)));
if (missing.length > 0) {
  console.error(`dist/ lacks ${missing.join(", ")}: build it with \`cargo xtask web --build-only\` first`);
  process.exitCode = 1;
}
