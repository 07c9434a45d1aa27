// PostGraphile as its documentation starts it as a library: one process, node's own HTTP server, ten connections.
// node serve.mjs PORT, with PGHOST, PGUSER and PGDATABASE in the environment
import { createServer } from "node:http";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

const preset = {
  extends: [PostGraphileAmberPreset],
  pgServices: [
    makePgService({
      poolConfig: { host: process.env.PGHOST, user: process.env.PGUSER, database: process.env.PGDATABASE, max: 10 },
      schemas: ["public", "bench"],
    }),
  ],
  grafserv: { graphqlPath: "/graphql", graphiql: false, watch: false },
  grafast: { explain: false },
};
const served = postgraphile(preset).createServ(grafserv);
const server = createServer();
await served.addTo(server);
server.listen(Number(process.argv[2]), "127.0.0.1");
