// One peer's server, as its makers start it: node servers.mjs NAME FOLDER. Prints its address.
import http from "node:http";
import { createRequire } from "node:module";

const [name, folder] = process.argv.slice(2);
const require = createRequire(import.meta.url);

const told = (port) => console.log(`http://127.0.0.1:${port}`);
const listening = (server) => server.listen(0, "127.0.0.1", () => told(server.address().port));

const STARTS = {
  async hocuspocus() {
    const { Server } = await import("@hocuspocus/server");
    const server = new Server({ port: 0, address: "127.0.0.1", quiet: true });
    await server.listen();
    told(server.address.port);
  },
  async "y-websocket"() {
    const { WebSocketServer } = await import("ws");
    const { setupWSConnection } = require("y-websocket/bin/utils");
    const server = http.createServer();
    new WebSocketServer({ server }).on("connection", setupWSConnection);
    listening(server);
  },
  async "automerge-repo"() {
    const { Repo } = await import("@automerge/automerge-repo");
    const { WebSocketServerAdapter } = await import("@automerge/automerge-repo-network-websocket");
    const { NodeFSStorageAdapter } = await import("@automerge/automerge-repo-storage-nodefs");
    const { WebSocketServer } = await import("ws");
    const server = http.createServer();
    // It would cut off whom it has not heard of for five seconds: all the tablets, which write in one process here.
    const network = [new WebSocketServerAdapter(new WebSocketServer({ server }), 3_600_000)];
    new Repo({ network, storage: new NodeFSStorageAdapter(folder), peerId: "server", sharePolicy: async () => false });
    listening(server);
  },
  async "pouchdb-server"() {
    process.chdir(folder);
    const PouchDB = require("pouchdb").defaults({ prefix: `${folder}/` });
    const app = require("express")();
    app.use(require("express-pouchdb")(PouchDB, { mode: "minimumForPouchDB" }));
    listening(http.createServer(app));
  },
  async "tus-server"() {
    const { Server } = await import("@tus/server");
    const { FileStore } = await import("@tus/file-store");
    const tus = new Server({ path: "/files", datastore: new FileStore({ directory: folder }) });
    listening(http.createServer(tus.handle.bind(tus)));
  },
};

await STARTS[name]();
