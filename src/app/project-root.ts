import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The directory that holds package.json and migrations/. */
export const projectRoot = join(import.meta.dirname, "../..");

/** Version of this build, from package.json. */
export const projectVersion: string = (
  JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as { version: string }
).version;
