import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { parseGenerationId } from "../../domain/ids.ts";
import type { InsightService } from "../../gen/bandit/v1/insight_service_pb.ts";
import type { InsightApi } from "../../service/api/insight.ts";
import { explainGenerationResponse, queryResponse } from "../messages/insight-messages.ts";
import { wholeUnits } from "../messages/whole-units.ts";
import type { ServiceHandlers } from "./service-handlers.ts";

// The defaults that insight_service.proto documents.
const queryRowsDefault = 1000;
const queryTimeoutMsDefault = 30_000;

export function insightHandlers(service: InsightApi): ServiceHandlers<typeof InsightService> {
  return {
    async explainGeneration(request, context) {
      return explainGenerationResponse(
        await service.explainGeneration(parseGenerationId(request.generationId), context),
      );
    },

    async query(request, context) {
      const result = await service.query(
        {
          sql: request.sql,
          rowsMax: request.rowsMax ?? queryRowsDefault,
          timeoutMs:
            request.timeout === undefined
              ? queryTimeoutMsDefault
              : wholeUnits(request.timeout, "timeout", "milliseconds"),
          fresh: request.fresh,
        },
        context,
      );
      return queryResponse(result);
    },

    async getServiceInfo() {
      const info = service.info();
      return {
        $typeName: "bandit.v1.GetServiceInfoResponse",
        version: info.version,
        stateEngine: info.engines.state,
        catalogueEngine: info.engines.catalogue,
        eventsEngine: info.engines.events,
        dataDirectory: info.dataDirectory,
        startedAt: timestampFromMs(info.startedAtMs),
      };
    },
  };
}
