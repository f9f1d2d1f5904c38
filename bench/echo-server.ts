// The yardstick: a bare grpc-js server that decodes a SelectVariantRequest, encodes a
// SelectVariantResponse like the service's, and does nothing in between.
import {
  create,
  fromBinary,
  type JsonObject,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import grpc from "@grpc/grpc-js";
import {
  DecisionService,
  DecisionSource,
  type SelectVariantRequest,
  SelectVariantRequestSchema,
  type SelectVariantResponse,
  SelectVariantResponseSchema,
} from "../src/gen/bandit/v1/decision_service_pb.ts";
import { evolutionSeed } from "../src/service/seed/evolution-seed.ts";

/** One answer for each seeded variant, served in turn: as long as the service's answers are on average. */
const answers: readonly SelectVariantResponse[] = evolutionSeed.variants.map((variant) => {
  const { promptTemplate, model, temperature, topP, maxTokens, parameters } = variant.content;
  const answer: MessageInitShape<typeof SelectVariantResponseSchema> = {
    generationId: "01936f1e-0a4b-7000-8000-5d1c2b3a4958",
    variant: {
      variantId: `${evolutionSeed.agentType}/${variant.name}@1`,
      name: variant.name,
      version: 1,
      promptTemplate,
      model,
      ...(temperature === undefined ? {} : { temperature }),
      ...(topP === undefined ? {} : { topP }),
      ...(maxTokens === undefined ? {} : { maxTokens }),
      ...(Object.keys(parameters).length === 0 ? {} : { parameters: parameters as JsonObject }),
    },
    source: DecisionSource.EXPLOIT,
    propensity: 0.61803398875,
    allocationVersion: "0123456789abcdef",
  };
  return create(SelectVariantResponseSchema, answer);
});

let served = 0;
// Without channelz, as the service: bookkeeping per call that is not part of answering it.
const server = new grpc.Server({ "grpc.enable_channelz": 0 });
server.addService(
  {
    SelectVariant: {
      path: `/${DecisionService.typeName}/SelectVariant`,
      requestStream: false,
      responseStream: false,
      requestSerialize: (message: SelectVariantRequest) =>
        Buffer.from(toBinary(SelectVariantRequestSchema, message)),
      requestDeserialize: (bytes: Buffer) => fromBinary(SelectVariantRequestSchema, bytes),
      responseSerialize: (message: SelectVariantResponse) =>
        Buffer.from(toBinary(SelectVariantResponseSchema, message)),
      responseDeserialize: (bytes: Buffer) => fromBinary(SelectVariantResponseSchema, bytes),
    },
  },
  {
    SelectVariant: (
      _call: grpc.ServerUnaryCall<SelectVariantRequest, SelectVariantResponse>,
      callback: grpc.sendUnaryData<SelectVariantResponse>,
    ) => {
      served += 1;
      callback(null, answers[served % answers.length] as SelectVariantResponse);
    },
  },
);
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  process.send?.(error === null ? { address: `127.0.0.1:${port}` } : { error: error.message });
});
process.on("disconnect", () => process.exit(0));
