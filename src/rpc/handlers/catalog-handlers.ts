import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { invalidField, invariant } from "../../domain/errors.ts";
import { parseAgentType } from "../../domain/ids.ts";
import {
  type AgentType,
  AgentTypeModeSchema,
  AgentTypeSchema,
  type CatalogService,
} from "../../gen/bandit/v1/catalog_service_pb.ts";
import type { NewVariant } from "../../gen/bandit/v1/variant_pb.ts";
import type {
  AgentTypeView,
  CatalogApi,
  ModeView,
  NewVariantBody,
} from "../../service/api/catalog.ts";
import { fittingCount, readPage } from "../messages/answer-room.ts";
import { modeFromProto, modeToProto } from "../messages/enums.ts";
import { parsePageRequest } from "../messages/page-messages.ts";
import { parsePolicy } from "../messages/policy-messages.ts";
import { parseNewVariant } from "../messages/variant-messages.ts";
import { policyHandlers } from "./policy-handlers.ts";
import type { ServiceHandlers } from "./service-handlers.ts";
import { variantHandlers } from "./variant-handlers.ts";

type CatalogHandlers = ServiceHandlers<typeof CatalogService>;

export function catalogHandlers(service: CatalogApi): CatalogHandlers {
  return {
    ...agentTypeHandlers(service),
    ...policyHandlers(service),
    ...variantHandlers(service),
    ...modeHandlers(service),
  };
}

function agentTypeHandlers(
  service: CatalogApi,
): Pick<CatalogHandlers, "createAgentType" | "getAgentType" | "listAgentTypes"> {
  return {
    async createAgentType({ agentType, description, policy, variants, validateOnly }, context) {
      const view = await service.createAgentType(
        {
          agentType: parseAgentType(agentType),
          description,
          ...(policy === undefined ? {} : { policy: parsePolicy(policy) }),
          variants: parseFirstVariants(variants),
          validateOnly,
        },
        context,
      );
      return { $typeName: "bandit.v1.CreateAgentTypeResponse", agentType: agentTypeMessage(view) };
    },

    async getAgentType({ agentType }) {
      const view = await service.getAgentType(parseAgentType(agentType));
      return { $typeName: "bandit.v1.GetAgentTypeResponse", agentType: agentTypeMessage(view) };
    },

    async listAgentTypes(request) {
      const { page, messages } = await readPage(AgentTypeSchema, parsePageRequest(request), {
        list: (asked) => service.listAgentTypes(asked),
        message: agentTypeMessage,
      });
      return {
        $typeName: "bandit.v1.ListAgentTypesResponse",
        agentTypes: messages,
        nextPageToken: page.nextPageToken,
      };
    },
  };
}

function modeHandlers(service: CatalogApi): Pick<CatalogHandlers, "getMode" | "setMode"> {
  return {
    async getMode() {
      return { $typeName: "bandit.v1.GetModeResponse", ...modeFields(await service.getMode()) };
    },

    async setMode({ agentType, mode, reason, validateOnly }, context) {
      const view = await service.setMode(
        {
          ...(agentType === undefined ? {} : { agentType: parseAgentType(agentType) }),
          mode: modeFromProto(mode),
          reason,
          validateOnly,
        },
        context,
      );
      return { $typeName: "bandit.v1.SetModeResponse", ...modeFields(view) };
    },
  };
}

function parseFirstVariants(
  messages: readonly NewVariant[],
): readonly [NewVariantBody, ...NewVariantBody[]] {
  const names = new Set<string>();
  const [first, ...rest] = messages.map((message, index) => {
    const variant = parseNewVariant(message, `variants[${index}]`);
    if (names.has(variant.name)) {
      throw invalidField(`variants[${index}].name`, "must differ from the names before it");
    }
    names.add(variant.name);
    return variant;
  });
  invariant(first !== undefined, "validated: at least one variant");
  return [first, ...rest];
}

function agentTypeMessage(view: AgentTypeView): AgentType {
  return {
    $typeName: "bandit.v1.AgentType",
    agentType: view.agentType,
    description: view.description,
    mode: modeToProto[view.mode],
    baselineVariantId: view.baselineVariantId,
    activeVariants: view.activeVariants,
    createdAt: timestampFromMs(view.createdAtMs),
  };
}

function modeFields(view: ModeView) {
  const all = view.agentTypes.map(({ agentType, mode }) =>
    create(AgentTypeModeSchema, { agentType, mode: modeToProto[mode] }),
  );
  const agentTypes = all.slice(0, fittingCount(AgentTypeModeSchema, all));
  return {
    serviceMode: modeToProto[view.serviceMode],
    agentTypes,
    agentTypesLeftOut: all.length - agentTypes.length,
  };
}
