import { toBinary } from "@bufbuild/protobuf";
import { Metadata } from "@grpc/grpc-js";
import type { BanditError } from "../../domain/errors.ts";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import { publicError, rpcStatus, statusCode } from "../status.ts";

interface GrpcError {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/** Errors that are thrown many times, as the gate does, are put into bytes once. */
const prepared = new WeakMap<BanditError, GrpcError>();

/** Status and trailers of a failed call. */
export function grpcError(thrown: unknown): GrpcError {
  const error = publicError(thrown);
  let made = prepared.get(error);
  if (made === undefined) {
    const metadata = new Metadata();
    metadata.set("grpc-status-details-bin", Buffer.from(toBinary(StatusSchema, rpcStatus(error))));
    made = { code: statusCode(error.code), details: error.message, metadata };
    prepared.set(error, made);
  }
  return made;
}
