// W1's changes through one peer: node changes.mjs NAME PORT TABLETS CHANGES ITEMS BATCH.
// Two tablets share an inspection; each writes its changes, a batch in one transaction, to fields of the items.
// With Yjs and Automerge it ends when both tablets of every inspection hold all that either wrote, with CouchDB's and
// Kinto's protocol when all is handed in, each change as a document of its own. Prints the seconds.
const [name, port, ...numbers] = process.argv.slice(2);
const [tablets, changes, items, batch] = numbers.map(Number);
const NAMES = ["answer", "deduction", "note"];
const key = (number) => `${NAMES[number % 3]}:item-${Math.floor(number / 3) % items}`;
const value = (tablet, number) => JSON.stringify({ by: `person-${tablet}`, value: number, at: 1780000000000 + number });
const inspection = (tablet) => `inspection-${Math.floor(tablet / 2)}`;
const each = (count, make) => Promise.all(Array.from({ length: count }, (_, number) => make(number)));
const breath = () => new Promise((done) => setTimeout(done, 1));

async function until(condition) {
  while (!condition()) await breath();
}

async function written(write) {
  for (let from = 0; from < changes; from += batch) {
    await write(from, Math.min(changes, from + batch));
    await breath();
  }
}

// --- Yjs ------------------------------------------------------------------------------------------------------------

async function yjs(connect) {
  const Y = await import("yjs");
  const docs = await each(tablets, () => new Y.Doc());
  await each(tablets, (tablet) => connect(docs[tablet], inspection(tablet)));
  const began = performance.now();
  await each(tablets, (tablet) => {
    const fields = docs[tablet].getMap("fields");
    return written((from, to) => docs[tablet].transact(() => {
      for (let number = from; number < to; number++) fields.set(key(number), value(tablet, number));
    }));
  });
  const holdsAll = (doc, tablet) => docs
    .filter((_, other) => inspection(other) === inspection(tablet))
    .every((writer) => Y.getState(doc.store, writer.clientID) >= changes);
  await until(() => docs.every(holdsAll));
  return performance.now() - began;
}

async function hocuspocus() {
  const { HocuspocusProvider } = await import("@hocuspocus/provider");
  const { WebSocket } = await import("ws");
  return yjs((document, room) => new Promise((onSynced) => {
    new HocuspocusProvider({ url: `ws://127.0.0.1:${port}`, name: room, document, WebSocketPolyfill: WebSocket, onSynced });
  }));
}

async function yWebsocket() {
  const { WebsocketProvider } = await import("y-websocket");
  const { WebSocket } = await import("ws");
  return yjs((doc, room) => new Promise((done) => {
    new WebsocketProvider(`ws://127.0.0.1:${port}`, room, doc, { WebSocketPolyfill: WebSocket, disableBc: true }).once("sync", done);
  }));
}

// --- Automerge ------------------------------------------------------------------------------------------------------

async function automerge() {
  const { decodeChange, getLastLocalChange, hasHeads, ImmutableString } = await import("@automerge/automerge");
  const { Repo } = await import("@automerge/automerge-repo");
  const { WebSocketClientAdapter } = await import("@automerge/automerge-repo-network-websocket");
  const repos = await each(tablets, (tablet) => new Repo({
    peerId: `tablet-${tablet}`,
    network: [new WebSocketClientAdapter(`ws://127.0.0.1:${port}`)],
  }));
  await each(tablets, (tablet) => repos[tablet].networkSubsystem.whenReady());
  const handles = [];
  for (let tablet = 0; tablet < tablets; tablet++) {
    handles.push(tablet % 2 ? await repos[tablet].find(handles[tablet - 1].url) : repos[tablet].create({ fields: {} }));
  }
  const began = performance.now();
  const last = await each(tablets, async (tablet) => {
    await written((from, to) => handles[tablet].change(({ fields }) => {
      // A plain string would be a text that many write in: an operation for each of its letters.
      for (let number = from; number < to; number++) fields[key(number)] = new ImmutableString(value(tablet, number));
    }));
    return decodeChange(getLastLocalChange(handles[tablet].doc())).hash;
  });
  // Who has a change has all that its writer wrote before it.
  const both = (tablet) => last.filter((_, other) => inspection(other) === inspection(tablet));
  await until(() => handles.every((handle, tablet) => hasHeads(handle.doc(), both(tablet))));
  return performance.now() - began;
}

// --- JSON over HTTP -------------------------------------------------------------------------------------------------

async function asking(authorization = () => undefined) {
  const { Agent, request } = await import("node:http");
  const agent = new Agent({ keepAlive: true });
  return (method, path, body, tablet) => new Promise((done, failed) => {
    const headers = { "content-type": "application/json", ...authorization(tablet) };
    const sent = request({ host: "127.0.0.1", port, method, path, agent, headers }, (reply) => {
      const parts = [];
      reply.on("data", (part) => parts.push(part));
      reply.on("end", () => (reply.statusCode < 300 ? done(JSON.parse(Buffer.concat(parts))) : failed(new Error(`${reply.statusCode} ${Buffer.concat(parts)}`))));
    });
    sent.on("error", failed);
    sent.end(body && JSON.stringify(body));
  });
}

async function couch() {
  const ask = await asking();
  for (let tablet = 0; tablet < tablets; tablet += 2) await ask("PUT", `/${inspection(tablet)}`);
  const began = performance.now();
  await each(tablets, (tablet) => written(async (from, to) => {
    const docs = Array.from({ length: to - from }, (_, index) => ({
      _id: `${key(from + index)}:${tablet}:${from + index}`,
      value: value(tablet, from + index),
    }));
    const taken = await ask("POST", `/${inspection(tablet)}/_bulk_docs`, { docs });
    if (taken.some((one) => one.error)) throw new Error(JSON.stringify(taken.find((one) => one.error)));
  }));
  return performance.now() - began;
}

async function kinto() {
  const account = (name) => ({ authorization: `Basic ${Buffer.from(`${name}:${name}`).toString("base64")}` });
  const ask = await asking((tablet) => account(tablet === undefined ? "admin" : `tablet-${tablet}`));
  const names = ["admin", ...Array.from({ length: tablets }, (_, tablet) => `tablet-${tablet}`)];
  for (const password of names) await ask("PUT", `/v1/accounts/${password}`, { data: { password } });
  const bucket = (tablet) => `/v1/buckets/${inspection(tablet)}`;
  for (let tablet = 0; tablet < tablets; tablet += 2) await ask("PUT", bucket(tablet), { permissions: { write: ["system.Authenticated"] } });
  // One for each: of two that write to the same at once one is refused whole (409), as two records get the same time.
  const records = (tablet) => `${bucket(tablet)}/collections/tablet-${tablet}`;
  for (let tablet = 0; tablet < tablets; tablet++) await ask("PUT", records(tablet));
  // A password is checked at the first request and remembered; that is not what is measured.
  for (let tablet = 0; tablet < tablets; tablet++) await ask("GET", records(tablet), undefined, tablet);
  const began = performance.now();
  await each(tablets, (tablet) => written(async (from, to) => {
    const requests = Array.from({ length: to - from }, (_, index) => ({
      path: `${records(tablet)}/records/${key(from + index).replace(":", "-")}-${from + index}`,
      body: { data: { value: value(tablet, from + index) } },
    }));
    const taken = await ask("POST", "/v1/batch", { defaults: { method: "PUT", headers: { "If-None-Match": "*" } }, requests }, tablet);
    const refused = taken.responses.find((one) => one.status !== 201);
    if (refused) throw new Error(JSON.stringify(refused));
  }));
  return performance.now() - began;
}

const PEERS = { hocuspocus, "y-websocket": yWebsocket, "automerge-repo": automerge, "pouchdb-server": couch, kinto };
const milliseconds = await PEERS[name]();
console.log(JSON.stringify({ seconds: milliseconds / 1000 }));
process.exit(0);
