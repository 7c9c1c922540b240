// Hands a photo in through tus-js-client, one scenario a run, and writes what happened as one line of JSON.
//
//   node client.mjs FOLDER_OF_THE_CLIENT '{"scenario": "whole", "endpoint": …, "headers": {…}, "file": …, …}'
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [, , home, asked] = process.argv;
const tus = createRequire(join(home, "client.cjs"))("tus-js-client");
const plan = JSON.parse(asked);
const content = readFileSync(plan.file);
const requests = [];

// An upload of the plan's file; `more` are options of the client, which is otherwise as its makers left it.
const upload = (more = {}) => {
  let settle;
  const end = new Promise((resolve) => (settle = resolve));
  const made = new tus.Upload(more.source ?? content, {
    endpoint: plan.endpoint,
    headers: plan.headers,
    metadata: plan.metadata,
    chunkSize: plan.chunk,
    retryDelays: null,
    onBeforeRequest: (request) => {
      requests.push({ method: request.getMethod(), offset: request.getHeader("Upload-Offset") ?? null });
    },
    onSuccess: () => settle({ ok: true, url: made.url }),
    onError: (error) => settle({ ok: false, status: error.originalResponse?.getStatus() ?? null, error: error.message }),
    ...more,
  });
  return { made, end, settle };
};

// Stops after the first chunk has been taken, as somebody who taps "pause" does.
const stopAtFirstChunk = (more = {}) => {
  let stopped;
  const at = new Promise((resolve) => (stopped = resolve));
  const one = upload({
    ...more,
    onChunkComplete: async (_size, accepted) => {
      await one.made.abort();
      stopped(accepted);
    },
  });
  return { ...one, at };
};

const scenarios = {
  async whole() {
    const one = upload();
    one.made.start();
    return one.end;
  },
  async during_creation() {
    const one = upload({ uploadDataDuringCreation: true });
    one.made.start();
    return one.end;
  },
  async pause_and_resume() {
    const one = stopAtFirstChunk();
    one.made.start();
    const paused_at = await one.at;
    one.made.options.onChunkComplete = null;
    const before = requests.length;
    one.made.start();
    return { ...(await one.end), paused_at, resumed_by: requests.slice(before) };
  },
  async by_url() {
    const first = stopAtFirstChunk();
    first.made.start();
    const paused_at = await first.at;
    const before = requests.length;
    const second = upload({ uploadUrl: first.made.url, endpoint: undefined });
    second.made.start();
    return { ...(await second.end), paused_at, resumed_by: requests.slice(before), same: second.made.url === first.made.url };
  },
  async by_memory() {
    const storage = new tus.FileUrlStorage(plan.memory);
    const kept = { urlStorage: storage, fingerprint: async () => "a photo", storeFingerprintForResuming: true };
    const first = stopAtFirstChunk(kept);
    first.made.start();
    const paused_at = await first.at;
    const before = requests.length;
    const second = upload(kept);
    const found = await second.made.findPreviousUploads();
    second.made.resumeFromPreviousUpload(found[0]);
    second.made.start();
    return { ...(await second.end), found: found.length, paused_at, resumed_by: requests.slice(before) };
  },
  async terminate() {
    const one = upload({ onChunkComplete: async () => {
      await one.made.abort(true);
      one.settle({ ok: true, url: one.made.url });
    } });
    one.made.start();
    return one.end;
  },
  async in_parallel() {
    const one = upload({ parallelUploads: 2 });
    one.made.start();
    return one.end;
  },
  async length_unknown() {
    const { Readable } = await import("node:stream");
    const one = upload({ source: Readable.from([content]), uploadLengthDeferred: true });
    one.made.start();
    return one.end;
  },
  // What the client's own end-to-end test does with a server: uploads, reads back, looks, gives up, finds nothing.
  async its_own_test() {
    const told = async (method) => {
      const answer = await fetch(one.made.url, { method, headers: { ...plan.headers, "Tus-Resumable": "1.0.0" } });
      const head = Object.fromEntries(answer.headers);
      return { status: answer.status, head, body: Buffer.from(await answer.arrayBuffer()).toString("base64") };
    };
    const one = upload({ chunkSize: Infinity });
    one.made.start();
    const end = await one.end;
    const [read, looked] = [await told("GET"), await told("HEAD")];
    await one.made.abort(true);
    return { ...end, read, looked, gone: (await told("GET")).status };
  },
  async only_post_gets_through() {
    const one = upload({ overridePatchMethod: true });
    one.made.start();
    return one.end;
  },
};

const found = await scenarios[plan.scenario]();
process.stdout.write(`${JSON.stringify({ ...found, requests })}\n`);
