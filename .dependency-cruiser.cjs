// What each room may import: the table of ARCHITECTURE.md, one rule a room, at error level.
const rooms = {
  numerics: [],
  domain: [],
  bandit: ["numerics", "domain"],
  statistics: ["numerics", "domain"],
  ports: ["domain"],
  concurrency: ["domain", "ports"],
  service: ["domain", "bandit", "ports", "concurrency"],
  jobs: ["domain", "numerics", "bandit", "statistics", "ports", "service", "concurrency"],
  rpc: ["gen", "domain", "ports", "service", "concurrency"],
  client: ["gen", "domain", "bandit", "concurrency"],
  gen: [],
  cli: ["app", "domain", "client", "statistics", "numerics", "concurrency"],
};
// What an adapter may import beside domain, ports and concurrency.
const adapters = {
  state: [],
  redis: ["state"],
  sqlite: ["state"],
  "sql-migrator": [],
  clickhouse: ["sql-migrator"],
  postgres: ["sql-migrator"],
  system: [],
  wrappers: [],
};

const roomRules = Object.entries(rooms).map(([room, allowed]) => ({
  name: `room-${room}`,
  severity: "error",
  comment: `${room} may import ${allowed.join(", ") || "nothing"} of this project`,
  from: { path: `^src/${room}/` },
  to: { path: "^src/", pathNot: `^src/(${[room, ...allowed].join("|")})/` },
}));
const adapterRules = Object.entries(adapters).map(([adapter, others]) => ({
  name: `room-adapters-${adapter}`,
  severity: "error",
  comment: `this adapter may import ${["domain", "ports", "concurrency", ...others].join(", ")}`,
  from: { path: `^src/adapters/${adapter}/` },
  to: {
    path: "^src/",
    pathNot: `^src/(adapters/(${[adapter, ...others].join("|")})|domain|ports|concurrency)/`,
  },
}));

// A client library is imported in one room only.
const libraries = {
  ioredis: "^src/adapters/redis/",
  "@clickhouse/client": "^src/adapters/clickhouse/",
  chdb: "^src/adapters/clickhouse/",
  pg: "^src/adapters/postgres/",
  "@electric-sql/pglite": "^src/adapters/postgres/",
  jstat: "^src/numerics/",
  "pure-rand": "^src/numerics/",
  "prom-client": "^src/adapters/system/",
  pino: "^src/adapters/system/",
  "@connectrpc/connect-node": "^src/rpc/",
  "@bufbuild/protovalidate": "^src/rpc/",
  commander: "^src/cli/",
  zod: "^src/(app|adapters/postgres)/",
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
    {
      name: "room-examples",
      severity: "error",
      comment: "an example may import client only: it is written as a user would",
      from: { path: "^examples/" },
      to: { path: "^(src|test|bench|scripts)/", pathNot: "^src/client/index.ts$" },
    },
    { name: "no-circular", severity: "error", from: { path: "^src/" }, to: { circular: true } },
    {
      name: "no-circular-folders",
      severity: "error",
      comment: "a folder of service never imports a folder that imports it",
      scope: "folder",
      from: { path: "^src/service/" },
      to: { circular: true },
    },
    {
      name: "src-not-test",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|bench|scripts|examples)/" },
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
