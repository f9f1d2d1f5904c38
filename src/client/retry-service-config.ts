/**
 * gRPC service config for clients of this service in other languages; this one repeats by itself. Retries on UNAVAILABLE only, within the call's
 * deadline. Leaves out changes of the catalogue but for the mode: after a lost answer a retry would create something
 * twice, find that it exists, or find an etag that the lost call itself has changed.
 */
export const retryServiceConfig = {
  methodConfig: [
    {
      name: [
        { service: "bandit.v1.DecisionService" },
        { service: "bandit.v1.InsightService" },
        ...[
          "GetAgentType",
          "ListAgentTypes",
          "GetPolicy",
          "GetVariant",
          "ListVariants",
          "GetMode",
          "SetMode",
        ].map((method) => ({ service: "bandit.v1.CatalogService", method })),
      ],
      retryPolicy: {
        maxAttempts: 4,
        initialBackoff: "0.05s",
        maxBackoff: "1s",
        backoffMultiplier: 3,
        retryableStatusCodes: ["UNAVAILABLE"],
      },
    },
  ],
} as const;
