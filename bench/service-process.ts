// The service in a process of its own, told by its parent what to run on.
import { readConfig, type ServiceOptions } from "../src/app/config.ts";
import { tuneGarbageCollection } from "../src/app/garbage-collection.ts";
import { openService } from "../src/app/open-service.ts";

// As `banditd serve` does.
tuneGarbageCollection();
const overrides = JSON.parse(process.argv[2] as string) as Partial<ServiceOptions>;
const service = await openService(
  // An empty environment: what happens to be set on the machine must not decide what is measured.
  readConfig({ ...overrides, grpcPort: 0, httpPort: 0, logLevel: "warn" }, {}),
);
process.send?.({
  grpcAddress: service.grpcAddress,
  httpUrl: service.httpUrl,
  engines: { ...service.engines },
});
process.on("disconnect", () => {
  service.stop().then(
    () => process.exit(0),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
