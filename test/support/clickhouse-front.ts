import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { ChdbProcessConnection } from "../../src/adapters/clickhouse/chdb-connection.ts";

/**
 * `refused_by_proxy`: 502 with a page of HTML. `busy`: the engine's own error. `hang`: no answer, ever.
 * `cut_before`: the connection breaks and nothing was done. `cut_after`: it was done, the answer is lost.
 * `cut_mid_reply`: the connection breaks in the middle of the answer. `slow`: done and answered after a second.
 */
export type FrontFailure =
  | "refused_by_proxy"
  | "busy"
  | "hang"
  | "cut_before"
  | "cut_after"
  | "cut_mid_reply"
  | "slow";

export interface ClickHouseFront {
  /** With user and password, without a database. */
  readonly url: string;
  /** The next request that is not a ping fails in this way; several are used up one after another. */
  failNext(kind: FrontFailure): void;
  /**
   * From now on every request that is not a ping fails as `choose` says, undefined: not at all. Requests that
   * hang are cut off by the next call. {@link failNext} comes first.
   */
  failAlways(choose: () => FrontFailure | undefined): void;
  /** Asks the engine itself, past the front. @param sql a SELECT without a format */
  query<Row>(sql: string): Promise<Row[]>;
  /** Has the engine itself do something, past the front. */
  command(sql: string): Promise<void>;
  /** Requests that carried a statement. */
  statements(): readonly string[];
  stop(): Promise<void>;
}

const password = "a p@ss:word";
const slowMs = 1_000;
const notSettings = new Set(["query", "query_id", "database", "session_id", "role"]);

/** ClickHouse's HTTP interface, as far as @clickhouse/client uses it, over a real engine (chDB). */
export async function startClickHouseFront(): Promise<ClickHouseFront> {
  const directory = await mkdtemp(join(tmpdir(), "banditd-clickhouse-"));
  const engine = new ChdbProcessConnection({ path: directory, database: "default" });
  const failures: FrontFailure[] = [];
  const hanging = new Set<ServerResponse>();
  let chooseFailure: () => FrontFailure | undefined = () => undefined;
  const statements: string[] = [];

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://front");
    if (url.pathname === "/ping") {
      response.end("Ok.\n");
      return;
    }
    const body = await buffer(request);
    if (!isAuthorized(request)) {
      fail(response, 403, unauthorized);
      return;
    }
    const inUrl = url.searchParams.get("query");
    statements.push(inUrl ?? body.toString());
    const failure = failures.shift() ?? chooseFailure();
    if (failure === "hang") {
      hanging.add(response);
      return;
    }
    if (failure === "slow") await sleep(slowMs);
    if (failure === "cut_before") {
      request.socket.destroy();
      return;
    }
    if (failure === "refused_by_proxy") {
      response.writeHead(502, { "content-type": "text/html" }).end("<h1>Bad gateway</h1>");
      return;
    }
    if (failure === "busy") {
      fail(response, 500, busy);
      return;
    }
    try {
      const sql = inUrl ?? body.toString();
      const result = await execute({ url, sql, body: inUrl === null ? undefined : body });
      if (failure === "cut_after") {
        request.socket.destroy();
        return;
      }
      response.setHeader("X-ClickHouse-Query-Id", url.searchParams.get("query_id") ?? "");
      response.setHeader("X-ClickHouse-Summary", '{"read_rows":"0","written_rows":"0"}');
      if (failure === "cut_mid_reply") {
        response.setHeader("content-length", result.length + 1_000);
        response.write(result.subarray(0, result.length / 2), () => request.socket.destroy());
        return;
      }
      response.end(result);
    } catch (error) {
      const {
        code = "1001",
        type = "STD_EXCEPTION",
        message,
      } = error as Partial<EngineError> & Error;
      const status = { UNKNOWN_TABLE: 404, UNKNOWN_DATABASE: 404, SYNTAX_ERROR: 400 }[type];
      fail(response, status ?? 500, { code, type, message });
    }
  }

  async function execute(input: {
    url: URL;
    sql: string;
    body: Buffer | undefined;
  }): Promise<Buffer> {
    const settings: Record<string, string> = {};
    const parameters: Record<string, string> = {};
    for (const [name, value] of input.url.searchParams) {
      if (name.startsWith("param_")) parameters[name.slice("param_".length)] = value;
      else if (!notSettings.has(name)) settings[name] = value;
    }
    const database = input.url.searchParams.get("database") ?? "default";
    const query = `USE \`${database}\`; ${input.sql}`;
    const params = { query, query_params: parameters, clickhouse_settings: settings };
    if (input.body !== undefined && input.body.length > 0) {
      await engine.insert({ ...params, values: input.body.toString() });
      return Buffer.alloc(0);
    }
    return buffer((await engine.query(params)).stream);
  }

  await engine.open();
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://analyst:${encodeURIComponent(password)}@127.0.0.1:${port}`,
    failNext: (kind) => failures.push(kind),
    failAlways: (choose) => {
      chooseFailure = choose;
      for (const response of hanging) response.destroy();
      hanging.clear();
    },
    command: async (sql) => void (await engine.command({ query: sql })),
    async query<Row>(sql: string): Promise<Row[]> {
      const { stream } = await engine.query({ query: `${sql} FORMAT JSONEachRow` });
      const text = (await buffer(stream)).toString();
      return text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Row);
    },
    statements: () => statements,
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await engine.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function isAuthorized(request: IncomingMessage): boolean {
  const given = request.headers.authorization ?? "";
  return given === `Basic ${Buffer.from(`analyst:${password}`).toString("base64")}`;
}

interface EngineError {
  readonly code: string;
  readonly type: string;
  readonly message: string;
}

const unauthorized = {
  ...{ code: "516", type: "AUTHENTICATION_FAILED", message: "Authentication failed" },
};
const busy: EngineError = {
  code: "202",
  type: "TOO_MANY_SIMULTANEOUS_QUERIES",
  message: "Too many simultaneous queries. Maximum: 100",
};

function fail(response: ServerResponse, status: number, error: EngineError): void {
  const { code, type, message } = error;
  response.writeHead(status, { "X-ClickHouse-Exception-Code": code });
  response.end(`Code: ${code}. DB::Exception: ${message} (${type}) (version 26.7.2.1)\n`);
}
