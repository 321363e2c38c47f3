// Prints what a file weighs as it is and as servers send it: `node sizes.js FILE`.

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const [file] = process.argv.slice(2);
const bytes = readFileSync(file);
const brotli = { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } };
const sizes = { raw: bytes, gzip: gzipSync(bytes, { level: 9 }), brotli: brotliCompressSync(bytes, brotli) };
const shown = Object.entries(sizes).map(([name, { length }]) => `${(length / 1e6).toFixed(2)} MB ${name}`);
console.log(`${basename(file)}: ${shown.join(", ")}`);
