import type {
  DescMessage,
  DescMethod,
  DescService,
  Message,
  MessageShape,
} from "@bufbuild/protobuf";
import type { BanditError } from "../domain/errors.ts";
import { CatalogService } from "../gen/bandit/v1/catalog_service_pb.ts";
import { DecisionService } from "../gen/bandit/v1/decision_service_pb.ts";
import { InsightService } from "../gen/bandit/v1/insight_service_pb.ts";
import type { BanditService, CallContext } from "../service/bandit-service.ts";
import type { Clock, Logger, Telemetry } from "../service/transport-ports.ts";
import { CallMeter } from "./call-meter.ts";
import { catalogHandlers } from "./catalog-handlers.ts";
import { decisionHandlers } from "./decision-handlers.ts";
import { ErrorReporter } from "./error-reporter.ts";
import { insightHandlers } from "./insight-handlers.ts";
import { validateRequest, warmRequestValidator } from "./request-validator.ts";
import type { ServiceHandlers, StreamHandler, UnaryHandler } from "./service-handlers.ts";

/** Both servers serve these, in this order. */
export const services: readonly DescService[] = [DecisionService, CatalogService, InsightService];

/** One rpc, ready to be called: checks the request, answers, counts, and rejects with BanditError only. */
export type Route =
  | {
      readonly kind: "unary";
      readonly method: DescMethod;
      invoke(request: Message, context: CallContext): Promise<Message>;
    }
  | {
      readonly kind: "server_streaming";
      readonly method: DescMethod;
      invoke(request: Message, context: CallContext): AsyncIterable<Message>;
    };

export interface RouteOptions {
  readonly service: BanditService;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Routes of every service, by service and then by method. Compiles the validation rules (about 0.1 s once a process). */
export function buildRoutes(options: RouteOptions): ReadonlyMap<DescService, readonly Route[]> {
  const reporter = new ErrorReporter(options);
  const toPublicError = (thrown: unknown, rpc: string) => reporter.toPublicError(thrown, rpc);
  const { service } = options;
  const environment = { ...options, toPublicError };
  warmRequestValidator(services.flatMap(({ methods }) => methods.map(({ input }) => input)));
  return new Map<DescService, readonly Route[]>([
    [DecisionService, routesOf(DecisionService, decisionHandlers(environment), environment)],
    [CatalogService, routesOf(CatalogService, catalogHandlers(service), environment)],
    [InsightService, routesOf(InsightService, insightHandlers(service), environment)],
  ]);
}

interface Environment {
  readonly telemetry: Telemetry;
  readonly clock: Clock;
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
  return {
    kind: "unary",
    method,
    async invoke(request, context) {
      const startedMs = meter.start();
      try {
        validateRequest(method.input, request as MessageShape<DescMessage>);
        const response = await handler(request as MessageShape<DescMessage>, context);
        meter.succeeded(startedMs);
        return response;
      } catch (thrown) {
        const error = environment.toPublicError(thrown, method.name);
        meter.failed(startedMs, error.code);
        throw error;
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
  return {
    kind: "server_streaming",
    method,
    async *invoke(request, context) {
      const startedMs = meter.start();
      try {
        validateRequest(method.input, request as MessageShape<DescMessage>);
        yield* handler(request as MessageShape<DescMessage>, context);
        meter.succeeded(startedMs);
      } catch (thrown) {
        const error = environment.toPublicError(thrown, method.name);
        meter.failed(startedMs, error.code);
        throw error;
      }
    },
  };
}
