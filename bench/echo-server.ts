// The yardstick: a bare grpc-js server that decodes the requests of a generation, encodes answers like the
// service's, and does nothing in between.
import {
  create,
  type DescMethod,
  fromBinary,
  type JsonObject,
  type Message,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import grpc from "@grpc/grpc-js";
import { evolutionSeed } from "../src/app/seed/evolution-seed.ts";
import {
  DecisionService,
  DecisionSource,
  RecordGenerationResponseSchema,
  RecordGenerationStatus,
  RecordOutcomeResponseSchema,
  type SelectVariantResponse,
  SelectVariantResponseSchema,
} from "../src/gen/bandit/v1/decision_service_pb.ts";
import { OutcomeStatus } from "../src/gen/bandit/v1/outcome_pb.ts";

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

const recorded = create(RecordGenerationResponseSchema, {
  status: RecordGenerationStatus.RECORDED,
});
const applied = create(RecordOutcomeResponseSchema, {
  outcomeId: "01936f1e-0a4b-7000-8000-5d1c2b3a4958",
  status: OutcomeStatus.APPLIED,
});

let served = 0;
// Without channelz, as the service: bookkeeping per call that is not part of answering it.
const server = new grpc.Server({ "grpc.enable_channelz": 0 });
server.addService(
  {
    SelectVariant: echoMethod(DecisionService.method.selectVariant),
    RecordGeneration: echoMethod(DecisionService.method.recordGeneration),
    RecordOutcome: echoMethod(DecisionService.method.recordOutcome),
  },
  {
    SelectVariant: answerWith(() => {
      served += 1;
      return answers[served % answers.length] as SelectVariantResponse;
    }),
    RecordGeneration: answerWith(() => recorded),
    RecordOutcome: answerWith(() => applied),
  },
);
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  process.send?.(error === null ? { address: `127.0.0.1:${port}` } : { error: error.message });
});
process.on("disconnect", () => process.exit(0));

function echoMethod(method: DescMethod): grpc.MethodDefinition<Message, Message> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: (message) => Buffer.from(toBinary(method.input, message)),
    requestDeserialize: (bytes) => fromBinary(method.input, bytes),
    responseSerialize: (message) => Buffer.from(toBinary(method.output, message)),
    responseDeserialize: (bytes) => fromBinary(method.output, bytes),
  };
}

function answerWith(answer: () => Message): grpc.handleUnaryCall<Message, Message> {
  return (_call, callback) => callback(null, answer());
}
