// W1's changes through one peer: node changes.mjs NAME PORT TABLETS CHANGES ITEMS BATCH.
// Two tablets share an inspection; each writes its changes, a batch in one transaction, to fields of the items.
// With Yjs it ends when both tablets of every inspection hold all that either wrote, with CouchDB's protocol when all
// is handed in, each change as a document of its own. Prints the seconds.
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

// --- CouchDB's protocol ---------------------------------------------------------------------------------------------

async function couch() {
  const { Agent, request } = await import("node:http");
  const agent = new Agent({ keepAlive: true });
  const ask = (method, path, body) => new Promise((done, failed) => {
    const sent = request({ host: "127.0.0.1", port, method, path, agent, headers: { "content-type": "application/json" } }, (reply) => {
      const parts = [];
      reply.on("data", (part) => parts.push(part));
      reply.on("end", () => (reply.statusCode < 300 ? done(JSON.parse(Buffer.concat(parts))) : failed(new Error(`${reply.statusCode} ${Buffer.concat(parts)}`))));
    });
    sent.on("error", failed);
    sent.end(body && JSON.stringify(body));
  });
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

const PEERS = { hocuspocus, "y-websocket": yWebsocket, "pouchdb-server": couch };
const milliseconds = await PEERS[name]();
console.log(JSON.stringify({ seconds: milliseconds / 1000 }));
process.exit(0);
