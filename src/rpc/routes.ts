import type {
  DescMessage,
  DescMethod,
  DescService,
  Message,
  MessageShape,
} from "@bufbuild/protobuf";
import { answerByMs, answerReserveMs } from "../concurrency/deadline.ts";
import { DeadlineTimers } from "../concurrency/deadline-timers.ts";
import { beforeMoment } from "../concurrency/in-time.ts";
import { type BanditError, invariant } from "../domain/errors.ts";
import { CatalogService } from "../gen/bandit/v1/catalog_service_pb.ts";
import { DeadLetterService } from "../gen/bandit/v1/dead_letter_service_pb.ts";
import { DecisionService } from "../gen/bandit/v1/decision_service_pb.ts";
import { InsightService } from "../gen/bandit/v1/insight_service_pb.ts";
import { RepairService } from "../gen/bandit/v1/repair_service_pb.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import type { BanditService } from "../service/api/bandit-service.ts";
import { CallMeter } from "./call-meter.ts";
import { ErrorReporter } from "./error-reporter.ts";
import { catalogHandlers } from "./handlers/catalog-handlers.ts";
import { deadLetterHandlers } from "./handlers/dead-letter-handlers.ts";
import { decisionHandlers } from "./handlers/decision-handlers.ts";
import { insightHandlers } from "./handlers/insight-handlers.ts";
import { repairHandlers } from "./handlers/repair-handlers.ts";
import type { ServiceHandlers, StreamHandler, UnaryHandler } from "./handlers/service-handlers.ts";
import { itemsOf, requestClassOf } from "./request-classes.ts";
import type { CallerContext, RequestGate } from "./request-gate.ts";
import { validateRequest, warmRequestValidator } from "./request-validator.ts";
import { requireReadable } from "./unreadable-requests.ts";

/** One rpc, ready to be called: checks the request, answers, counts, and rejects with BanditError only. */
export type Route =
  | (RouteStart & {
      readonly kind: "unary";
      invoke(request: Message, context: CallerContext): Promise<Message>;
    })
  | (RouteStart & {
      readonly kind: "server_streaming";
      invoke(request: Message, context: CallerContext): AsyncIterable<Message>;
    });

interface RouteStart {
  readonly method: DescMethod;
  /**
   * Asked before the message is read, where the transport can: why the call is refused, which is counted,
   * or undefined. Optional: `invoke` has the last word.
   */
  refusal(): BanditError | undefined;
}

export interface RouteOptions {
  readonly service: BanditService;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly clock: Clock;
  /** The same for both servers. */
  readonly gate: RequestGate;
}

/** Every service with its routes, in the order in which they are served. */
export type Routes = ReadonlyMap<DescService, readonly Route[]>;

/** Built once and given to both servers. Compiles the validation rules (about 0.1 s). */
export function buildRoutes(options: RouteOptions): Routes {
  const { service, logger, clock, gate } = options;
  const reporter = new ErrorReporter({ logger, clock, refusals: gate.refusals });
  const environment: Environment = {
    ...options,
    timers: new DeadlineTimers(clock),
    toPublicError: (thrown, rpc) => reporter.toPublicError(thrown, rpc),
  };
  const routesOf = <Service extends DescService>(
    { methods }: Service,
    handlers: ServiceHandlers<Service>,
  ): readonly Route[] => {
    warmRequestValidator(methods.map(({ input }) => input));
    // The type of `handlers` has paired each handler with its method; here they are paired by name.
    const byName = handlers as Readonly<Record<string, Handler>>;
    return methods.map((method) => routeOf(method, byName[method.localName], environment));
  };
  const decisions = { ...environment, service: service.decisions };
  return new Map<DescService, readonly Route[]>([
    [DecisionService, routesOf(DecisionService, decisionHandlers(decisions))],
    [CatalogService, routesOf(CatalogService, catalogHandlers(service.catalog))],
    [InsightService, routesOf(InsightService, insightHandlers(service.insight))],
    [DeadLetterService, routesOf(DeadLetterService, deadLetterHandlers(service.deadLetters))],
    [RepairService, routesOf(RepairService, repairHandlers(service.repair))],
  ]);
}

interface Environment {
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly timers: DeadlineTimers;
  readonly gate: RequestGate;
  readonly toPublicError: (thrown: unknown, rpc: string) => BanditError;
}

type Handler = UnaryHandler<DescMessage, DescMessage> | StreamHandler<DescMessage, DescMessage>;

function routeOf(
  method: DescMethod,
  handler: Handler | undefined,
  environment: Environment,
): Route {
  const { gate } = environment;
  const itemsIn = itemsOf(method);
  const { requestClass, meter, refusal, checked, inTime, failure } = stepsOf(method, environment);
  if (method.methodKind === "unary") {
    const answer = handler as UnaryHandler<DescMessage, DescMessage>;
    return {
      kind: "unary",
      method,
      refusal,
      async invoke(request, context) {
        const startedMs = meter.start();
        const end = (): void => gate.end(requestClass);
        let begun = false;
        let work: Promise<Message> | undefined;
        try {
          gate.begin(requestClass, itemsIn(request), context);
          begun = true;
          work = answer(checked(request), context);
          const response = await inTime(work, context);
          work = undefined;
          meter.succeeded(startedMs);
          return response;
        } catch (thrown) {
          throw failure(thrown, startedMs);
        } finally {
          // Work that outlasts its caller's deadline takes room until it ends.
          if (work !== undefined) work.then(end, end);
          else if (begun) end();
        }
      },
    };
  }
  invariant(method.methodKind === "server_streaming", `no route for a ${method.methodKind} rpc`);
  const stream = handler as StreamHandler<DescMessage, DescMessage>;
  return {
    kind: "server_streaming",
    method,
    refusal,
    async *invoke(request, context) {
      const startedMs = meter.start();
      let begun = false;
      try {
        gate.begin(requestClass, 1, context);
        begun = true;
        yield* stream(checked(request), context);
        meter.succeeded(startedMs);
      } catch (thrown) {
        throw failure(thrown, startedMs);
      } finally {
        if (begun) gate.end(requestClass);
      }
    },
  };
}

/** What the calls of one rpc go through, whatever its kind. */
function stepsOf(
  method: DescMethod,
  { gate, clock, timers, toPublicError, telemetry }: Environment,
) {
  const requestClass = requestClassOf(method);
  const isOnline = requestClass === "select" || requestClass === "report";
  const meter = new CallMeter(method.name, { telemetry, clock });
  return {
    requestClass,
    meter,
    refusal(): BanditError | undefined {
      const error = gate.refusal(requestClass);
      if (error === undefined) return undefined;
      meter.refused(error.code);
      gate.refusals.add(error, meter.rpc);
      return error;
    },
    checked(request: Message): MessageShape<DescMessage> {
      requireReadable(request);
      validateRequest(method.input, request as MessageShape<DescMessage>);
      return request as MessageShape<DescMessage>;
    },
    /** Decisions and reports keep to the deadline themselves, and know what to answer when it comes. */
    inTime(work: Promise<Message>, context: CallerContext): Promise<Message> {
      if (isOnline) return work;
      const atMs = answerByMs(context, { clock, reserveMs: answerReserveMs });
      return beforeMoment(work, { timers, atMs, what: method.name });
    },
    failure(thrown: unknown, startedMs: number): BanditError {
      const error = toPublicError(thrown, method.name);
      meter.failed(startedMs, error.code);
      return error;
    },
  };
}
