import type { ClickHouseClient, ClickHouseSettings } from "@clickhouse/client";

export interface RowsOptions {
  readonly client: ClickHouseClient;
  readonly requestTimeoutMs: number;
}

/** Rows of a statement of our own, whose integers have 53 bits at most. Rejects as the client does. */
export async function readRows<Row>(
  { client, requestTimeoutMs }: RowsOptions,
  query: string,
  parameters: Record<string, unknown>,
  settings: ClickHouseSettings = {},
): Promise<Row[]> {
  const result = await client.query({
    query,
    format: "JSONEachRow",
    query_params: parameters,
    clickhouse_settings: {
      output_format_json_quote_64bit_integers: 0,
      wait_end_of_query: 1,
      ...settings,
    },
    abort_signal: AbortSignal.timeout(requestTimeoutMs),
  });
  return result.json<Row>();
}
