import { expect, it } from "vitest";
import { Releases } from "../../../src/app/releases.ts";

it("releases in reverse order, all of it though a step fails, and once", async () => {
  const releases = new Releases();
  const released: string[] = [];
  releases.add(() => released.push("first"));
  releases.add(async () => {
    throw new Error("stuck");
  });
  releases.add(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    released.push("last");
  });
  await expect(releases.run()).rejects.toMatchObject({ errors: [new Error("stuck")] });
  await expect(releases.run()).rejects.toThrow("did not stop cleanly");
  expect(released).toEqual(["last", "first"]);
});
