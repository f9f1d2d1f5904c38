import { invariant } from "../../domain/errors.ts";
import { parseAgentType, parseVariantId } from "../../domain/ids.ts";
import { defined } from "../../domain/optional-fields.ts";
import type { CatalogService } from "../../gen/bandit/v1/catalog_service_pb.ts";
import { VariantSchema, VariantStatus } from "../../gen/bandit/v1/variant_pb.ts";
import type { CatalogApi, ChangeVariantRequest } from "../../service/api/catalog.ts";
import { readPage } from "../messages/answer-room.ts";
import { variantStatusFromProto } from "../messages/enums.ts";
import { parsePageRequest } from "../messages/page-messages.ts";
import { parseNewVariant, variantMessage } from "../messages/variant-messages.ts";
import type { ServiceHandlers } from "./service-handlers.ts";

type VariantHandlers = Pick<
  ServiceHandlers<typeof CatalogService>,
  "createVariant" | "getVariant" | "listVariants" | "promoteVariant" | "retireVariant"
>;

export function variantHandlers(service: CatalogApi): VariantHandlers {
  return {
    async createVariant({ agentType, variant, status, validateOnly }, context) {
      invariant(variant !== undefined, "validated: variant is required");
      const stored = await service.createVariant(
        {
          agentType: parseAgentType(agentType),
          ...parseNewVariant(variant, "variant"),
          status: status === VariantStatus.UNSPECIFIED ? "draft" : variantStatusFromProto(status),
          validateOnly,
        },
        context,
      );
      return { $typeName: "bandit.v1.CreateVariantResponse", variant: variantMessage(stored) };
    },

    async getVariant({ variantId }) {
      const variant = await service.getVariant(parseVariantId(variantId));
      return { $typeName: "bandit.v1.GetVariantResponse", variant: variantMessage(variant) };
    },

    async listVariants(request) {
      const { agentType } = request;
      const only = {
        ...(agentType === undefined ? {} : { agentType: parseAgentType(agentType) }),
        statuses: request.statuses.map(variantStatusFromProto),
      };
      const { page, messages } = await readPage(VariantSchema, parsePageRequest(request), {
        list: (asked) => service.listVariants({ ...asked, ...only }),
        message: variantMessage,
      });
      return {
        $typeName: "bandit.v1.ListVariantsResponse",
        variants: messages,
        nextPageToken: page.nextPageToken,
      };
    },

    async promoteVariant(request, context) {
      const { makeBaseline } = request;
      const variant = await service.promoteVariant({ ...change(request), makeBaseline }, context);
      return { $typeName: "bandit.v1.PromoteVariantResponse", variant: variantMessage(variant) };
    },

    async retireVariant(request, context) {
      const variant = await service.retireVariant(change(request), context);
      return { $typeName: "bandit.v1.RetireVariantResponse", variant: variantMessage(variant) };
    },
  };
}

function change(request: {
  variantId: string;
  etag?: string | undefined;
  validateOnly: boolean;
}): ChangeVariantRequest {
  const { variantId, etag, validateOnly } = request;
  return { variantId: parseVariantId(variantId), ...defined({ etag }), validateOnly };
}
