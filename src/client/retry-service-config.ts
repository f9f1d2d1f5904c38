/**
 * gRPC service config for clients of this service in other languages; this one repeats by itself. Retries on UNAVAILABLE only, within the call's
 * deadline. Leaves out the two methods that create something without an id from the caller, where a
 * retry after a lost answer would create it twice or report that it exists.
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
          "SetPolicy",
          "GetVariant",
          "ListVariants",
          "PromoteVariant",
          "RetireVariant",
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
