import {
  clone,
  create,
  type DescMessage,
  isMessage,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import { backOff } from "../concurrency/repeated-work.ts";
import { CatalogService } from "../gen/bandit/v1/catalog_service_pb.ts";
import { DeadLetterService } from "../gen/bandit/v1/dead_letter_service_pb.ts";
import {
  DecisionService,
  type RecordOutcomeRequest,
  RecordOutcomeRequestSchema,
  type SelectVariantRequest,
  SelectVariantRequestSchema,
} from "../gen/bandit/v1/decision_service_pb.ts";
import { InsightService } from "../gen/bandit/v1/insight_service_pb.ts";
import { RepairService } from "../gen/bandit/v1/repair_service_pb.ts";
import type { ClientError } from "./client-error.ts";
import { ClientIds, type IdSource, machineIdSource } from "./id-source.ts";
import { type StreamClient, streamClient } from "./stream-client.ts";
import { type UnaryClient, unaryClient } from "./unary-client.ts";

const deadlineMsDefault = 2000;
const messageBytesMax = 64 * 1024 * 1024;
/**
 * Pauses between attempts to connect. gRPC's own grow to two minutes, so that after an outage of one minute agents
 * would do without decisions for up to another one, with the service there.
 */
const reconnectMsMin = 100;
const reconnectMsMax = 2_000;

export interface BanditClientOptions {
  /** `host:port` of the gRPC endpoint, without encryption. */
  readonly address: string;
  /** Milliseconds a call may take, repetitions included, unless the call says otherwise; 2,000 when absent. */
  readonly deadlineMs?: number;
  /** Where ids come from; the machine's clock and random numbers when absent. */
  readonly idSource?: IdSource;
  /** Told of every attempt that has failed and will be repeated. */
  readonly onRepeat?: (error: ClientError) => void;
}

/** Pauses before calls that did not reach the service are repeated. */
const repeatMsMin = 100;
const repeatMsMax = 1_000;

/** Every rpc of the service: a unary one as a promise method, of the others those of `RepairService`. */
export interface BanditClient
  extends UnaryClient<typeof DecisionService>,
    UnaryClient<typeof CatalogService>,
    UnaryClient<typeof InsightService>,
    UnaryClient<typeof DeadLetterService>,
    StreamClient<typeof RepairService> {
  /** Ends the connection; calls under way are let finish. Idempotent. */
  close(): void;
}

/**
 * A client of the decision service. Connects with the first call and again whenever the connection is
 * lost. Within a call's deadline it repeats: a call that the service refuses with `RetryInfo` (`RESOURCE_EXHAUSTED`,
 * `UNAVAILABLE`), after the time that it says; and one that does not reach the service, or gets `UNAVAILABLE` without such
 * a time, three times at most. A call whose answer may have been lost is repeated only where doing it twice is doing it
 * once (`retryServiceConfig` lists them); so that decisions and outcomes are, the client gives a decision its generation id
 * and an outcome its outcome id where the caller has not.
 */
export function createBanditClient(options: BanditClientOptions): BanditClient {
  const source = options.idSource ?? machineIdSource;
  const client = new Client(options.address, credentials.createInsecure(), {
    "grpc.service_config_disable_resolution": 1,
    "grpc.max_receive_message_length": messageBytesMax,
    "grpc.initial_reconnect_backoff_ms": reconnectMsMin,
    "grpc.max_reconnect_backoff_ms": reconnectMsMax,
  });
  const calling = {
    client,
    deadlineMs: options.deadlineMs ?? deadlineMsDefault,
    backOffMs: backOff({
      minMs: repeatMsMin,
      maxMs: repeatMsMax,
      entropy: { fill: (target) => source.fillRandom(target) },
    }),
    onRepeat: options.onRepeat ?? (() => undefined),
  };
  const ids = new ClientIds(source);
  const withGenerationId = (request: SelectInit): SelectVariantRequest => {
    const message = ownMessage(SelectVariantRequestSchema, request);
    message.generationId ??= ids.next();
    return message;
  };
  const withOutcomeId = (request: OutcomeInit): RecordOutcomeRequest => {
    const message = ownMessage(RecordOutcomeRequestSchema, request);
    message.outcomeId ??= ids.next();
    return message;
  };
  const decisions = unaryClient(DecisionService, calling);
  return {
    ...decisions,
    ...unaryClient(CatalogService, calling),
    ...unaryClient(InsightService, calling),
    ...unaryClient(DeadLetterService, calling),
    ...streamClient(RepairService, calling),
    selectVariant: (request, call) => decisions.selectVariant(withGenerationId(request), call),
    batchSelectVariants: (request, call) =>
      decisions.batchSelectVariants(
        { requests: (request.requests ?? []).map(withGenerationId) },
        call,
      ),
    recordOutcome: (request, call) => decisions.recordOutcome(withOutcomeId(request), call),
    batchRecordOutcomes: (request, call) =>
      decisions.batchRecordOutcomes(
        { requests: (request.requests ?? []).map(withOutcomeId) },
        call,
      ),
    close: () => client.close(),
  };
}

type SelectInit = MessageInitShape<typeof SelectVariantRequestSchema>;
type OutcomeInit = MessageInitShape<typeof RecordOutcomeRequestSchema>;

/** A message that may be changed: the caller's own one is left as it is. */
function ownMessage<Desc extends DescMessage>(
  schema: Desc,
  init: MessageInitShape<Desc>,
): MessageShape<Desc> {
  const message = create(schema, init);
  return isMessage(init, schema) ? clone(schema, message) : message;
}
