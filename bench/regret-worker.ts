/** Plays one run of one world at a time, on a thread of its own with a Python process beside it, for regret.ts. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { ownRegrets } from "./regret-contenders.ts";
import { OtherContenders } from "./regret-others.ts";
import { type RegretWorld, rewardTable } from "./regret-worlds.ts";

/** `interpreter` absent: ours alone. */
export interface RegretWorkerData {
  readonly interpreter: string | undefined;
}

export interface RegretTask {
  readonly world: RegretWorld;
  readonly run: number;
}

/** What each contender lost, by name. */
export type Regrets = Readonly<Record<string, number>>;

const { interpreter } = workerData as RegretWorkerData;
const port = parentPort as MessagePort;
const others = interpreter === undefined ? undefined : await OtherContenders.start(interpreter);

async function play({ world, run }: RegretTask): Promise<Regrets> {
  const table = rewardTable(world, run);
  const othersRegrets = await others?.play(world, table, run);
  const own = ownRegrets(world, table, run);
  return { ...own, ...(await othersRegrets?.()) };
}

port.on("message", async (task: RegretTask | undefined) => {
  if (task !== undefined) port.postMessage(await play(task));
  else {
    others?.stop();
    port.close();
  }
});
