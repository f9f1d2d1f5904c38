// The rooms of DESIGN §9: what each may import. One rule a room, at error level.
const rooms = {
  numerics: [],
  domain: [],
  bandit: ["numerics", "domain"],
  statistics: ["numerics", "domain"],
  ports: ["domain"],
  service: ["domain", "bandit", "ports"],
  jobs: ["domain", "bandit", "statistics", "ports", "service"],
  rpc: ["gen", "domain", "service"],
  client: ["gen", "domain", "bandit"],
  gen: [],
  cli: ["app", "domain", "client", "statistics"],
};
const adapters = ["redis", "lmdb", "clickhouse", "postgres", "system", "wrappers"];

const roomRules = Object.entries(rooms).map(([room, allowed]) => ({
  name: `room-${room}`,
  severity: "error",
  comment: `${room} may import ${allowed.join(", ") || "nothing"} of this project`,
  from: { path: `^src/${room}/` },
  to: { path: "^src/", pathNot: `^src/(${[room, ...allowed].join("|")})/` },
}));
const adapterRules = adapters.map((adapter) => ({
  name: `room-adapters-${adapter}`,
  severity: "error",
  comment: "an adapter may import domain and ports; never another adapter",
  from: { path: `^src/adapters/${adapter}/` },
  to: { path: "^src/", pathNot: `^src/(adapters/${adapter}|domain|ports)/` },
}));

// A client library is imported in one room only.
const libraries = {
  ioredis: "^src/adapters/redis/",
  lmdb: "^src/adapters/lmdb/",
  "@clickhouse/client": "^src/adapters/clickhouse/",
  chdb: "^src/adapters/clickhouse/",
  pg: "^src/adapters/postgres/",
  "@electric-sql/pglite": "^src/adapters/postgres/",
  jstat: "^src/numerics/",
  "prom-client": "^src/adapters/system/",
  pino: "^src/adapters/system/",
  "@connectrpc/connect-node": "^src/rpc/",
  "@bufbuild/protovalidate": "^src/rpc/",
  commander: "^src/cli/",
  zod: "^src/app/",
};
const libraryRules = Object.entries(libraries).map(([library, home]) => ({
  name: `library-${library.replaceAll(/[^a-z]+/g, "-")}`,
  severity: "error",
  comment: `${library} is imported in ${home} only`,
  from: { path: "^src/", pathNot: home },
  to: { path: `^node_modules/${library}/` },
}));

module.exports = {
  forbidden: [
    ...roomRules,
    ...adapterRules,
    ...libraryRules,
    {
      name: "app-not-cli",
      severity: "error",
      comment: "app wires everything but the command line",
      from: { path: "^src/app/" },
      to: { path: "^src/cli/" },
    },
    { name: "no-circular", severity: "error", from: { path: "^src/" }, to: { circular: true } },
    {
      name: "src-not-test",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|bench|scripts)/" },
    },
    { name: "not-resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default"],
    },
  },
};
