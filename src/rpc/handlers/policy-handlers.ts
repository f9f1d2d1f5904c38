import { invariant } from "../../domain/errors.ts";
import { parseAgentType, parseCodeType } from "../../domain/ids.ts";
import { defined } from "../../domain/optional-fields.ts";
import type { CatalogService } from "../../gen/bandit/v1/catalog_service_pb.ts";
import type { CatalogApi } from "../../service/api/catalog.ts";
import { parsePolicy, policyRecordMessage } from "../messages/policy-messages.ts";
import type { ServiceHandlers } from "./service-handlers.ts";

type PolicyHandlers = Pick<
  ServiceHandlers<typeof CatalogService>,
  "getPolicy" | "setPolicy" | "deletePolicy"
>;

export function policyHandlers(service: CatalogApi): PolicyHandlers {
  return {
    async getPolicy(request) {
      const record = await service.getPolicy(governed(request));
      return { $typeName: "bandit.v1.GetPolicyResponse", record: policyRecordMessage(record) };
    },

    async setPolicy(request, context) {
      const { policy, etag, validateOnly } = request;
      invariant(policy !== undefined, "validated: policy is required");
      const record = await service.setPolicy(
        { ...governed(request), policy: parsePolicy(policy), ...defined({ etag }), validateOnly },
        context,
      );
      return { $typeName: "bandit.v1.SetPolicyResponse", record: policyRecordMessage(record) };
    },

    async deletePolicy({ agentType, codeType, validateOnly }, context) {
      await service.deletePolicy(
        { agentType: parseAgentType(agentType), codeType: parseCodeType(codeType), validateOnly },
        context,
      );
      return { $typeName: "bandit.v1.DeletePolicyResponse" };
    },
  };
}

function governed({ agentType, codeType }: { agentType: string; codeType?: string | undefined }) {
  return {
    agentType: parseAgentType(agentType),
    ...(codeType === undefined ? {} : { codeType: parseCodeType(codeType) }),
  };
}
