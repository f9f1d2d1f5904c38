import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { invalidField, invariant } from "../../domain/errors.ts";
import { parseAgentType, parseCodeType, parseVariantId } from "../../domain/ids.ts";
import type {
  AgentType,
  AgentTypeMode,
  CatalogService,
} from "../../gen/bandit/v1/catalog_service_pb.ts";
import type { Mode } from "../../gen/bandit/v1/policy_pb.ts";
import { type NewVariant, VariantStatus } from "../../gen/bandit/v1/variant_pb.ts";

import type {
  AgentTypeView,
  CatalogApi,
  ModeView,
  NewVariantBody,
} from "../../service/api/catalog.ts";
import type { PageRequest } from "../../service/api/page.ts";
import { modeFromProto, modeToProto, variantStatusFromProto } from "../messages/enums.ts";
import { defined } from "../messages/optional-fields.ts";
import { parsePolicy, policyRecordMessage } from "../messages/policy-messages.ts";
import { parseNewVariant, variantMessage } from "../messages/variant-messages.ts";
import type { ServiceHandlers } from "./service-handlers.ts";

/** Items of a page when the request does not say. */
const pageSizeDefault = 100;

export function catalogHandlers(service: CatalogApi): ServiceHandlers<typeof CatalogService> {
  return {
    async createAgentType(request, context) {
      const view = await service.createAgentType(
        {
          agentType: parseAgentType(request.agentType),
          description: request.description,
          ...(request.policy === undefined ? {} : { policy: parsePolicy(request.policy) }),
          variants: parseFirstVariants(request.variants),
        },
        context,
      );
      return {
        $typeName: "bandit.v1.CreateAgentTypeResponse",
        agentType: agentTypeMessage(view),
      };
    },

    async getAgentType(request) {
      const view = await service.getAgentType(parseAgentType(request.agentType));
      return { $typeName: "bandit.v1.GetAgentTypeResponse", agentType: agentTypeMessage(view) };
    },

    async listAgentTypes(request) {
      const page = await service.listAgentTypes(pageRequest(request));
      return {
        $typeName: "bandit.v1.ListAgentTypesResponse",
        agentTypes: page.items.map(agentTypeMessage),
        nextPageToken: page.nextPageToken,
      };
    },

    async getPolicy(request) {
      const record = await service.getPolicy({
        agentType: parseAgentType(request.agentType),
        ...codeTypeField(request.codeType),
      });
      return { $typeName: "bandit.v1.GetPolicyResponse", record: policyRecordMessage(record) };
    },

    async setPolicy(request, context) {
      invariant(request.policy !== undefined, "validated: policy is required");
      const record = await service.setPolicy(
        {
          agentType: parseAgentType(request.agentType),
          ...codeTypeField(request.codeType),
          policy: parsePolicy(request.policy),
          ...defined({ etag: request.etag }),
          validateOnly: request.validateOnly,
        },
        context,
      );
      return { $typeName: "bandit.v1.SetPolicyResponse", record: policyRecordMessage(record) };
    },

    async deletePolicy(request, context) {
      await service.deletePolicy(
        { agentType: parseAgentType(request.agentType), codeType: parseCodeType(request.codeType) },
        context,
      );
      return { $typeName: "bandit.v1.DeletePolicyResponse" };
    },

    async createVariant(request, context) {
      invariant(request.variant !== undefined, "validated: variant is required");
      const variant = await service.createVariant(
        {
          agentType: parseAgentType(request.agentType),
          ...parseNewVariant(request.variant, "variant"),
          status:
            request.status === VariantStatus.UNSPECIFIED
              ? "draft"
              : variantStatusFromProto(request.status),
          validateOnly: request.validateOnly,
        },
        context,
      );
      return { $typeName: "bandit.v1.CreateVariantResponse", variant: variantMessage(variant) };
    },

    async getVariant(request) {
      const variant = await service.getVariant(parseVariantId(request.variantId));
      return { $typeName: "bandit.v1.GetVariantResponse", variant: variantMessage(variant) };
    },

    async listVariants(request) {
      const page = await service.listVariants({
        ...pageRequest(request),
        ...(request.agentType === undefined
          ? {}
          : { agentType: parseAgentType(request.agentType) }),
        statuses: request.statuses.map(variantStatusFromProto),
      });
      return {
        $typeName: "bandit.v1.ListVariantsResponse",
        variants: page.items.map(variantMessage),
        nextPageToken: page.nextPageToken,
      };
    },

    async promoteVariant(request, context) {
      const variant = await service.promoteVariant(
        {
          variantId: parseVariantId(request.variantId),
          makeBaseline: request.makeBaseline,
          ...defined({ etag: request.etag }),
          validateOnly: request.validateOnly,
        },
        context,
      );
      return { $typeName: "bandit.v1.PromoteVariantResponse", variant: variantMessage(variant) };
    },

    async retireVariant(request, context) {
      const variant = await service.retireVariant(
        {
          variantId: parseVariantId(request.variantId),
          ...defined({ etag: request.etag }),
          validateOnly: request.validateOnly,
        },
        context,
      );
      return { $typeName: "bandit.v1.RetireVariantResponse", variant: variantMessage(variant) };
    },

    async getMode() {
      return { $typeName: "bandit.v1.GetModeResponse", ...modeFields(await service.getMode()) };
    },

    async setMode(request, context) {
      const view = await service.setMode(
        {
          ...(request.agentType === undefined
            ? {}
            : { agentType: parseAgentType(request.agentType) }),
          mode: modeFromProto(request.mode),
          reason: request.reason,
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

function codeTypeField(codeType: string | undefined) {
  return codeType === undefined ? {} : { codeType: parseCodeType(codeType) };
}

function pageRequest(request: { pageSize: number; pageToken: string }): PageRequest {
  return {
    pageSize: request.pageSize === 0 ? pageSizeDefault : request.pageSize,
    pageToken: request.pageToken,
  };
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

function modeFields(view: ModeView): { serviceMode: Mode; agentTypes: AgentTypeMode[] } {
  return {
    serviceMode: modeToProto[view.serviceMode],
    agentTypes: view.agentTypes.map(({ agentType, mode }) => ({
      $typeName: "bandit.v1.AgentTypeMode",
      agentType,
      mode: modeToProto[mode],
    })),
  };
}
