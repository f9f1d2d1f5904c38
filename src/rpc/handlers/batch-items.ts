import type { DescMessage, Message, MessageShape } from "@bufbuild/protobuf";
import { Turns } from "../../concurrency/lanes.ts";
import { BanditError } from "../../domain/errors.ts";
import type { CallError } from "../../gen/bandit/v1/call_error_pb.ts";
import type { RequestClass } from "../../service/admission/admission.ts";
import type { CallContext } from "../../service/api/call-context.ts";
import type { RequestGate } from "../request-gate.ts";
import { validateRequest } from "../request-validator.ts";
import { callError } from "../status.ts";
import { requireReadable } from "../unreadable-requests.ts";

export interface BatchOptions {
  /** What may be said about a thrown value; logs what may not. */
  readonly toPublicError: (thrown: unknown, rpc: string) => BanditError;
  readonly gate: Pick<RequestGate, "checkDeadline">;
}

export interface Batch<Schema extends DescMessage> {
  readonly rpc: string;
  readonly requestClass: RequestClass;
  /** Of an item. */
  readonly schema: Schema;
  readonly requests: readonly MessageShape<Schema>[];
  readonly context: CallContext;
}

type Result<Response extends Message> =
  | { readonly case: "response"; readonly value: Response }
  | { readonly case: "error"; readonly value: CallError };

/** So that a thousand errors fit into one answer. */
const itemViolationsMax = 4;

/** Answers the items of batches, each by itself: one that cannot be read, breaks a rule or fails, fails alone. */
export class BatchItems {
  readonly #turns = new Turns();
  readonly #options: BatchOptions;

  constructor(options: BatchOptions) {
    this.#options = options;
  }

  run<Schema extends DescMessage, Response extends Message>(
    { rpc, requestClass, schema, requests, context }: Batch<Schema>,
    answer: (item: MessageShape<Schema>) => Promise<Response>,
  ): Promise<Result<Response>[]> {
    const { gate, toPublicError } = this.#options;
    return this.#turns.run(requests, async (item, index): Promise<Result<Response>> => {
      try {
        gate.checkDeadline(requestClass, context);
        requireReadable(item);
        validateRequest(schema, item);
        return { case: "response", value: await answer(item) };
      } catch (thrown) {
        const error = inItem(toPublicError(thrown, rpc), index);
        return { case: "error", value: callError(error) };
      }
    });
  }
}

/** Its message names the item; the fields are those of the item. */
function inItem(error: BanditError, index: number): BanditError {
  const [first] = error.violations;
  const { code, message, reason, metadata } = error;
  if (first === undefined || !message.startsWith(first.field)) return error;
  const own = first.field === "request" ? message.slice(first.field.length) : `.${message}`;
  return new BanditError(code, `requests[${index}]${own}`, {
    ...{ reason, metadata },
    violations: error.violations.slice(0, itemViolationsMax),
  });
}
