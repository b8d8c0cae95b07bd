// What an ordinary Node.js program does: worker threads, child processes, files, sockets, a small
// HTTP round trip.
import assert from "node:assert";
import { execFileSync, spawn } from "node:child_process";
import { randomBytes, createHash } from "node:crypto";
import { lookup } from "node:dns/promises";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { Worker } from "node:worker_threads";

const workers = Array.from({ length: 4 }, () =>
  new Worker("require('worker_threads').parentPort.postMessage(6 * 7)", { eval: true }));
for (const [value] of await Promise.all(workers.map((worker) => once(worker, "message")))) {
  assert.strictEqual(value, 42);
}

assert.strictEqual(execFileSync("sh", ["-c", "echo $((6 * 7))"]).toString(), "42\n");
const [code] = await once(spawn(process.execPath, ["-e", "process.exit(7)"]), "exit");
assert.strictEqual(code, 7);

const directory = await mkdtemp(path.join(tmpdir(), "program-"));
const bytes = randomBytes(1 << 16);
await writeFile(path.join(directory, "file"), bytes);
const digest = (data) => createHash("sha256").update(data).digest("hex");
assert.strictEqual(digest(await readFile(path.join(directory, "file"))), digest(bytes));
await rm(directory, { recursive: true });

assert.strictEqual((await lookup("127.0.0.1")).address, "127.0.0.1");
const server = http.createServer((request, response) => response.end("hello"));
server.listen(0, "127.0.0.1");
await once(server, "listening");
const answer = await fetch(`http://127.0.0.1:${server.address().port}/`);
assert.strictEqual(await answer.text(), "hello");
server.close();
console.log("all went well");
process.exit(0);
