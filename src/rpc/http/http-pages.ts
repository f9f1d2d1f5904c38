import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "../../ports/telemetry.ts";
import type { Routes } from "../routes.ts";

export interface HttpPageOptions {
  readonly routes: Routes;
  /** Of this program. */
  readonly version: string;
  readonly logger: Logger;
  /** Whether decisions can be served now, and `ok` or a sentence for each thing that was checked. */
  readiness(): Promise<{
    readonly ready: boolean;
    readonly degraded: boolean;
    readonly checks: Readonly<Record<string, string>>;
  }>;
  /** The metrics in the exposition format of Prometheus. */
  metrics(): Promise<{ contentType: string; body: string }>;
}

interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Answers requests that are no rpc: `/`, `/healthz`, `/readyz`, `/metrics`; 404 and 405 for the rest. */
export function httpPages(
  options: HttpPageOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const pages = new Map<string, () => Page | Promise<Page>>([
    ["/", () => jsonPage(200, index(options))],
    ["/healthz", () => ({ status: 200, contentType: "text/plain; charset=utf-8", body: "ok\n" })],
    ["/readyz", () => readinessPage(options)],
    ["/metrics", async () => ({ status: 200, ...(await options.metrics()) })],
  ]);
  return (request, response) => {
    const [path = ""] = (request.url ?? "").split("?");
    const page = pages.get(path);
    const makePage = page === undefined ? () => notFound(path) : page;
    const allowed = page === undefined || request.method === "GET" || request.method === "HEAD";
    Promise.resolve()
      .then(allowed ? makePage : methodNotAllowed)
      .catch((error: unknown) => {
        options.logger.error("an HTTP page failed", { path, error });
        return jsonPage(500, { error: "internal error" });
      })
      .then((answer) => send(response, answer, request.method === "HEAD"))
      .catch((error: unknown) => {
        options.logger.warn("an HTTP answer could not be sent", { path, error });
        response.destroy();
      });
  };
}

function send(response: ServerResponse, page: Page, headOnly: boolean): void {
  response.writeHead(page.status, {
    "content-type": page.contentType,
    "content-length": Buffer.byteLength(page.body),
    ...(page.status === 405 ? { allow: "GET, HEAD" } : {}),
  });
  response.end(headOnly ? undefined : page.body);
}

async function readinessPage({ readiness }: HttpPageOptions): Promise<Page> {
  const { ready, degraded, checks } = await readiness();
  return jsonPage(ready ? 200 : 503, { ready, degraded, checks });
}

function notFound(path: string): Page {
  return jsonPage(404, { error: `nothing at ${path.slice(0, 200)}; GET / lists what is here` });
}

function methodNotAllowed(): Page {
  return jsonPage(405, { error: "only GET and HEAD are served here" });
}

function index({ routes, version }: HttpPageOptions): unknown {
  return {
    service: "banditd",
    version,
    pages: {
      "/healthz": "the process is up",
      "/readyz": "decisions can be served",
      "/metrics": "Prometheus metrics",
    },
    rpcs: [...routes.keys()].flatMap(({ typeName, methods }) =>
      methods.map(({ name }) => `POST /${typeName}/${name}`),
    ),
    example:
      "curl -H 'content-type: application/json' " +
      `-d '{"agentType":"evolution","codeType":"python_class"}' ` +
      "localhost:8080/bandit.v1.DecisionService/SelectVariant",
  };
}

function jsonPage(status: number, content: unknown): Page {
  return {
    status,
    contentType: "application/json",
    body: `${JSON.stringify(content, null, 2)}\n`,
  };
}
