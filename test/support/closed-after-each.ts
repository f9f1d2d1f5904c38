import { afterEach } from "vitest";

/** Closes after each test what was opened in it, the newest first. @returns what notes one and gives it back */
export function closedAfterEach() {
  const opened: { close(): Promise<unknown> }[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one.close();
  });
  return <Opened extends { close(): Promise<unknown> }>(one: Opened): Opened => {
    opened.push(one);
    return one;
  };
}
