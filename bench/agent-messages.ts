import { create, toBinary } from "@bufbuild/protobuf";
import {
  DecisionService,
  RecordGenerationRequestSchema,
  RecordOutcomeRequestSchema,
  SelectVariantRequestSchema,
} from "../src/gen/bandit/v1/decision_service_pb.ts";
import { SeededGenerator } from "../src/numerics/random-generator.ts";
import { grpcFrame, type PreparedMethod, prepareMethod } from "./grpc-channel.ts";
import type { CallName } from "./load-protocol.ts";

export const benchAgentType = "evolution";

/** What the agents work on; each has its own posteriors and allocation. */
export const benchCodeTypes: readonly string[] = [
  "python_class",
  "python_function",
  "react_component",
  "typescript_module",
  "sql_query",
  "java_class",
];

const testsPerGeneration = 10;
/** Stands in a template where an id is to be written; as long as one. */
const idPlaceholder = "00000000-0000-7000-8000-000000000000";

/** What an agent needs of the answer to go on. */
export interface Selected {
  /** 36 ASCII bytes. */
  readonly generationId: Buffer;
  readonly variantId: string;
  /** The service answered without having stored the decision. */
  readonly degraded: boolean;
}

/**
 * The messages of the virtual agents, serialised once with the service's own codec; per call only ids
 * are written into a copy. Which outcome a task has depends on its variant and code type, so there is something
 * to learn: posteriors and allocations change while the load runs.
 */
export class AgentMessages {
  readonly methods: Readonly<Record<CallName, PreparedMethod>>;
  readonly #random: SeededGenerator;
  readonly #selects: readonly Buffer[];
  readonly #generation: Template;
  /** By number of tests passed. */
  readonly #outcomes: readonly Template[];

  /** @param address `host:port` of the service, for the calls' authority */
  constructor(address: string, seed: number) {
    const path = (method: string) => `/${DecisionService.typeName}/${method}`;
    this.methods = {
      SelectVariant: prepareMethod(path("SelectVariant"), address),
      RecordGeneration: prepareMethod(path("RecordGeneration"), address),
      RecordOutcome: prepareMethod(path("RecordOutcome"), address),
    };
    this.#random = SeededGenerator.fromSeed(seed);
    this.#selects = benchCodeTypes.map((codeType, index) =>
      grpcFrame(
        toBinary(
          SelectVariantRequestSchema,
          create(SelectVariantRequestSchema, {
            agentType: benchAgentType,
            codeType,
            agentId: `${benchAgentType}_${index + 1}`,
            conversationId: `conversation-${index + 1}`,
          }),
        ),
      ),
    );
    this.#generation = generationTemplate();
    this.#outcomes = Array.from({ length: testsPerGeneration + 1 }, (_, passed) =>
      outcomeTemplate(passed),
    );
  }

  /** Index into {@link benchCodeTypes}. */
  pickCodeType(): number {
    return Math.floor(this.#random.next() * benchCodeTypes.length);
  }

  select(codeType: number): Buffer {
    return this.#selects[codeType] as Buffer;
  }

  recordGeneration(generationId: Buffer): Buffer {
    return filled(this.#generation, generationId);
  }

  /** A test run in which each of ten tests passed with a probability that variant and code type decide. */
  recordOutcome(selected: Selected, codeType: number): Buffer {
    const probability = passProbability(selected.variantId, codeType);
    let passed = 0;
    for (let test = 0; test < testsPerGeneration; test += 1) {
      if (this.#random.next() < probability) passed += 1;
    }
    return filled(this.#outcomes[passed] as Template, selected.generationId);
  }
}

/** A framed message and where ids go in it. */
interface Template {
  readonly bytes: Buffer;
  readonly idOffsets: readonly number[];
}

function template(message: Uint8Array): Template {
  const bytes = grpcFrame(message);
  const idOffsets: number[] = [];
  for (let at = bytes.indexOf(idPlaceholder); at >= 0; at = bytes.indexOf(idPlaceholder, at + 1)) {
    idOffsets.push(at);
  }
  return { bytes, idOffsets };
}

function filled(source: Template, id: Buffer): Buffer {
  const bytes = Buffer.from(source.bytes);
  for (const offset of source.idOffsets) id.copy(bytes, offset);
  return bytes;
}

function generationTemplate(): Template {
  return template(
    toBinary(
      RecordGenerationRequestSchema,
      create(RecordGenerationRequestSchema, {
        generationId: idPlaceholder,
        model: "example-model-large",
        temperature: 0.2,
        maxTokens: 4096,
        duration: { seconds: 8n, nanos: 250_000_000 },
        promptTokens: 1_850,
        completionTokens: 920,
        costUsd: 0.0125,
        testsGenerated: testsPerGeneration,
        codeHash: "9f86d081884c7d659a2feaa0c55ad015",
      }),
    ),
  );
}

/** Each generation has one outcome here, so the generation's id serves as the outcome's too. */
function outcomeTemplate(passed: number): Template {
  return template(
    toBinary(
      RecordOutcomeRequestSchema,
      create(RecordOutcomeRequestSchema, {
        outcomeId: idPlaceholder,
        generationId: idPlaceholder,
        outcome: {
          case: "testRun",
          value: { passed, failed: testsPerGeneration - passed, coverage: 0.4 + 0.05 * passed },
        },
      }),
    ),
  );
}

const passProbabilities = new Map<string, number>();

/** 0.3 to 0.9, always the same for the same pair. */
function passProbability(variantId: string, codeType: number): number {
  const key = `${codeType} ${variantId}`;
  let probability = passProbabilities.get(key);
  if (probability === undefined) {
    let hash = 2_166_136_261; // FNV-1a
    for (const character of key) {
      hash = Math.imul(hash ^ character.charCodeAt(0), 16_777_619);
    }
    probability = 0.3 + (0.6 * (hash >>> 0)) / 2 ** 32;
    passProbabilities.set(key, probability);
  }
  return probability;
}
