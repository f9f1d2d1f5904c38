// The load generator's process: runs the phases its parent sends, one after the other.
import { setTimeout as sleep } from "node:timers/promises";
import { SeededGenerator } from "../src/numerics/random-generator.ts";
import { AgentMessages } from "./agent-messages.ts";
import { GrpcChannel } from "./grpc-channel.ts";
import type { ClosedLoop, LoadPhase, LoadResult } from "./load-protocol.ts";
import { LoadTally } from "./load-tally.ts";
import { VirtualAgent } from "./virtual-agent.ts";

/** How long after the end of a phase calls under way may still be answered. */
const answerTimeoutMs = 10_000;

process.on("message", (phase: LoadPhase) => {
  runPhase(phase).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit(0));
process.send?.({ ready: true });

async function runPhase(phase: LoadPhase): Promise<LoadResult> {
  const channels = await Promise.all(
    Array.from({ length: phase.connections }, () => GrpcChannel.connect(phase.address)),
  );
  try {
    const messages = new AgentMessages(phase.address, phase.seed);
    return phase.kind === "arrivals"
      ? await runArrivals(phase, channels, messages)
      : await runClosedLoop(phase, channels, messages);
  } finally {
    for (const channel of channels) channel.close();
  }
}

async function runClosedLoop(
  phase: ClosedLoop & { kind: "selects" | "generations" },
  channels: readonly GrpcChannel[],
  messages: AgentMessages,
): Promise<LoadResult> {
  const tally = new LoadTally();
  let open = true;
  const onIdle = (agent: VirtualAgent) => {
    // Failed calls end the phase: a loop over errors would only heat the machine.
    if (tally.failureCount > failuresMax) open = false;
    if (open) agent.begin(performance.now());
  };
  const wholeGenerations = phase.kind === "generations";
  for (const channel of channels) {
    for (let slot = 0; slot < phase.inFlightPerConnection; slot += 1) {
      const agent = new VirtualAgent({ channel, messages, tally, wholeGenerations, onIdle });
      agent.begin(performance.now());
    }
  }
  await sleep(phase.durationMs);
  tally.closeRates();
  open = false;
  return finish(channels, tally);
}

const failuresMax = 1_000;

async function runArrivals(
  phase: LoadPhase & { kind: "arrivals" },
  channels: readonly GrpcChannel[],
  messages: AgentMessages,
): Promise<LoadResult> {
  const tally = new LoadTally();
  const random = SeededGenerator.fromSeed(phase.seed);
  const meanGapMs = 1000 / phase.generationsPerSecond;
  const endAtMs = tally.startedAtMs + phase.durationMs;
  const idle: VirtualAgent[] = [];
  let agents = 0;
  let dueAtMs = tally.startedAtMs;

  const sendWhatIsDue = () => {
    for (;;) {
      const nowMs = performance.now();
      if (dueAtMs > nowMs || dueAtMs > endAtMs) return;
      tally.sendLagsMs.push(nowMs - dueAtMs);
      const agent = idle.pop() ?? newAgent();
      agent.begin(dueAtMs);
      dueAtMs += -Math.log(1 - random.next()) * meanGapMs;
    }
  };
  const newAgent = () => {
    const channel = channels[agents % channels.length] as GrpcChannel;
    agents += 1;
    return new VirtualAgent({ channel, messages, tally, wholeGenerations: true, onIdle });
  };
  // Besides the timer, every answer is a chance to send what has become due: this keeps the lag well
  // below the timer's millisecond without a busy loop that would take CPU from the engines beside us.
  const onIdle = (agent: VirtualAgent) => {
    idle.push(agent);
    sendWhatIsDue();
  };
  const timer = setInterval(sendWhatIsDue, 1);
  const windowMs = phase.windowMs ?? phase.durationMs;
  const windows = Math.max(1, Math.round(phase.durationMs / windowMs));
  for (let window = 1; window <= windows; window += 1) {
    await sleep(tally.startedAtMs + window * windowMs - performance.now());
    if (phase.windowMs !== undefined) tally.closeWindow();
  }
  clearInterval(timer);
  dueAtMs = Number.POSITIVE_INFINITY;
  tally.closeRates();
  return finish(channels, tally);
}

/** Waits for the calls under way; those that stay unanswered become failures when their channel closes. */
async function finish(channels: readonly GrpcChannel[], tally: LoadTally): Promise<LoadResult> {
  const giveUpAtMs = performance.now() + answerTimeoutMs;
  while (channels.some((channel) => channel.inFlight > 0) && performance.now() < giveUpAtMs) {
    await sleep(2);
  }
  for (const channel of channels) channel.close();
  await sleep(10);
  return tally.result();
}
