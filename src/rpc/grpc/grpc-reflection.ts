import { type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { ProtobufTypeDefinition, Server } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { service as healthService } from "grpc-health-check";

type ReflectedPackage = ConstructorParameters<typeof ReflectionService>[0];

/** Adds grpc.reflection.v1 and v1alpha, which describe `services` and grpc.health.v1. */
export function addReflection(server: Server, services: readonly DescService[]): void {
  const files = new Map<string, DescFile>();
  for (const { file } of services) collect(file, files);
  const ours = [...files.values()].map(({ proto }) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, proto)),
  );
  const definitions = [...ours, ...healthFiles()];
  // The library asks for a loaded package and reads nothing of it but these.
  const reflected = {
    files: { format: "", type: {}, fileDescriptorProtos: definitions },
  } as unknown as ReflectedPackage;
  new ReflectionService(reflected).addToServer(server);
}

function collect(file: DescFile, into: Map<string, DescFile>): void {
  if (into.has(file.name)) return;
  into.set(file.name, file);
  for (const dependency of file.dependencies) collect(dependency, into);
}

function healthFiles(): Buffer[] {
  const method = Object.values(healthService)[0] as unknown as {
    readonly requestType: ProtobufTypeDefinition;
  };
  return method.requestType.fileDescriptorProtos;
}
