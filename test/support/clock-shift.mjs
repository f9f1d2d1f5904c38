// Preloaded into a service under test (NODE_OPTIONS=--import): its wall clock goes wrong by as many milliseconds as
// the file named in FAULT_CLOCK_FILE says, which is read anew on SIGUSR2. Timers and the monotonic clock go on as
// they are, as they do when an operator or NTP sets the time of a machine. Plain JavaScript: it runs in every thread
// and process of the service.
import { readFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

const trueNow = Date.now;
let shiftMs = 0;

const read = () => {
  shiftMs = Number(readFileSync(process.env.FAULT_CLOCK_FILE, "utf8"));
};

globalThis.Date = new Proxy(Date, {
  construct: (target, values, newTarget) =>
    Reflect.construct(target, values.length === 0 ? [trueNow() + shiftMs] : values, newTarget),
  apply: (target) => new target(trueNow() + shiftMs).toString(),
  get: (target, name) =>
    name === "now" ? () => trueNow() + shiftMs : Reflect.get(target, name, target),
});
read();
if (isMainThread) process.on("SIGUSR2", read);
