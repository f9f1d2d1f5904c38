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
import type { BanditError } from "../domain/errors.ts";
import { CatalogService } from "../gen/bandit/v1/catalog_service_pb.ts";
import { DeadLetterService } from "../gen/bandit/v1/dead_letter_service_pb.ts";
import { DecisionService } from "../gen/bandit/v1/decision_service_pb.ts";
import { InsightService } from "../gen/bandit/v1/insight_service_pb.ts";
import { RepairService } from "../gen/bandit/v1/repair_service_pb.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import type { RequestClass } from "../service/admission/admission.ts";
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

/** Both servers serve these, in this order. */
export const services: readonly DescService[] = [
  DecisionService,
  CatalogService,
  InsightService,
  DeadLetterService,
  RepairService,
];

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

/** Routes of every service, by service and then by method. Compiles the validation rules (about 0.1 s once a process). */
export function buildRoutes(options: RouteOptions): ReadonlyMap<DescService, readonly Route[]> {
  const { logger, clock, gate } = options;
  const reporter = new ErrorReporter({ logger, clock, refusals: gate.refusals });
  const toPublicError = (thrown: unknown, rpc: string) => reporter.toPublicError(thrown, rpc);
  const { service } = options;
  const environment = { ...options, toPublicError, timers: new DeadlineTimers(options.clock) };
  warmRequestValidator(services.flatMap(({ methods }) => methods.map(({ input }) => input)));
  return new Map<DescService, readonly Route[]>([
    [
      DecisionService,
      routesOf(
        DecisionService,
        decisionHandlers({ ...environment, service: service.decisions }),
        environment,
      ),
    ],
    [CatalogService, routesOf(CatalogService, catalogHandlers(service.catalog), environment)],
    [InsightService, routesOf(InsightService, insightHandlers(service.insight), environment)],
    [
      DeadLetterService,
      routesOf(DeadLetterService, deadLetterHandlers(service.deadLetters), environment),
    ],
    [RepairService, routesOf(RepairService, repairHandlers(service.repair), environment)],
  ]);
}

interface Environment {
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly timers: DeadlineTimers;
  readonly gate: RequestGate;
  readonly toPublicError: (thrown: unknown, rpc: string) => BanditError;
}

function routesOf<Service extends DescService>(
  service: Service,
  handlers: ServiceHandlers<Service>,
  environment: Environment,
): readonly Route[] {
  // The type of `handlers` has paired each handler with its method; here they are paired by name.
  const byName = handlers as Readonly<Record<string, unknown>>;
  return service.methods.map((method) => routeOf(method, byName[method.localName], environment));
}

function routeOf(method: DescMethod, handler: unknown, environment: Environment): Route {
  switch (method.methodKind) {
    case "unary":
      return unaryRoute(method, handler as UnaryHandler<DescMessage, DescMessage>, environment);
    case "server_streaming":
      return streamRoute(method, handler as StreamHandler<DescMessage, DescMessage>, environment);
    default:
      throw new Error(`no route for a ${method.methodKind} rpc`);
  }
}

function unaryRoute(
  method: DescMethod,
  handler: UnaryHandler<DescMessage, DescMessage>,
  environment: Environment,
): Route {
  const meter = new CallMeter(method.name, environment);
  const { gate, clock, timers } = environment;
  const requestClass = requestClassOf(method);
  const byMs = (context: CallerContext) =>
    answerByMs(context, { clock, reserveMs: answerReserveMs });
  const itemsIn = itemsOf(method);
  const isOnline = requestClass === "select" || requestClass === "report";
  return {
    kind: "unary",
    method,
    refusal: refusalOf(requestClass, { gate, meter }),
    async invoke(request, context) {
      const startedMs = meter.start();
      let begun = false;
      try {
        gate.begin(requestClass, itemsIn(request), context);
        begun = true;
        validateRequest(method.input, request as MessageShape<DescMessage>);
        // Decisions and reports keep to the deadline themselves, and know what to answer when it comes.
        const atMs = isOnline ? Number.POSITIVE_INFINITY : byMs(context);
        const work = handler(request as MessageShape<DescMessage>, context);
        const response = await beforeMoment(work, { timers, atMs, what: method.name });
        meter.succeeded(startedMs);
        return response;
      } catch (thrown) {
        const error = environment.toPublicError(thrown, method.name);
        meter.failed(startedMs, error.code);
        throw error;
      } finally {
        if (begun) gate.end(requestClass);
      }
    },
  };
}

function streamRoute(
  method: DescMethod,
  handler: StreamHandler<DescMessage, DescMessage>,
  environment: Environment,
): Route {
  const meter = new CallMeter(method.name, environment);
  const { gate } = environment;
  const requestClass = requestClassOf(method);
  return {
    kind: "server_streaming",
    method,
    refusal: refusalOf(requestClass, { gate, meter }),
    async *invoke(request, context) {
      const startedMs = meter.start();
      let begun = false;
      try {
        gate.begin(requestClass, 1, context);
        begun = true;
        validateRequest(method.input, request as MessageShape<DescMessage>);
        yield* handler(request as MessageShape<DescMessage>, context);
        meter.succeeded(startedMs);
      } catch (thrown) {
        const error = environment.toPublicError(thrown, method.name);
        meter.failed(startedMs, error.code);
        throw error;
      } finally {
        if (begun) gate.end(requestClass);
      }
    },
  };
}

function refusalOf(
  requestClass: RequestClass,
  { gate, meter }: { gate: RequestGate; meter: CallMeter },
): () => BanditError | undefined {
  return () => {
    const error = gate.refusal(requestClass);
    if (error === undefined) return undefined;
    meter.refused(error.code);
    gate.refusals.add(error, meter.rpc);
    return error;
  };
}
