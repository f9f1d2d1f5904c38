import { existsSync, globSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

interface Rule {
  readonly name: string;
  readonly from: { readonly path?: string };
  readonly to: { readonly pathNot?: string };
}

const root = join(import.meta.dirname, "../..");
const { forbidden } = createRequire(import.meta.url)("../../.dependency-cruiser.cjs") as {
  forbidden: readonly Rule[];
};

/** Room → what it may import, of the rules whose room is there. */
function ruledRooms(): Record<string, string> {
  const rules = forbidden.filter(({ name }) => name.startsWith("room-"));
  return Object.fromEntries(
    rules.flatMap(({ from, to }) => {
      const place = (from.path as string).replaceAll(/^\^|\/$/g, "");
      if (!existsSync(join(root, place))) return [];
      const room = place.replace("src/", "");
      const names = (to.pathNot ?? "").match(/[a-z][\w-]*(?=[|)/])/g) ?? [];
      const others = new Set(names.filter((name) => !/^(src|adapters|index)$/.test(name)));
      others.delete(room.split("/").at(-1) as string);
      return [[room, [...others].sort().join(", ") || "nothing"]];
    }),
  );
}

/** The same of the table in ARCHITECTURE.md. */
function drawnRooms(): Record<string, string> {
  const page = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
  const section = page.split("| room |")[1]?.split("\n\n")[0] ?? "";
  const rows = [...section.matchAll(/^\| `([^`]+)` \| [^|]+ \| ([^|]+) \|$/gm)];
  return Object.fromEntries(
    rows.map(([, room, others]) => [room, (others ?? "").split(", ").sort().join(", ")]),
  );
}

describe("the rooms", () => {
  it("are in the table of ARCHITECTURE.md as dependency-cruiser checks them", () => {
    const { app, ...others } = drawnRooms();
    expect(app).toBe("everything but cli");
    expect(others).toEqual(ruledRooms());
  });

  it("have a README of at most fifteen lines each that has more than ten files", () => {
    const directories = globSync("src/**/*.ts", { cwd: root })
      .filter((path) => !path.startsWith("src/gen/"))
      .map((path) => path.slice(0, path.lastIndexOf("/")));
    const crowded = [...new Set(directories)].filter(
      (directory) => directories.filter((other) => other === directory).length > 10,
    );
    const readmes = globSync("src/**/README.md", { cwd: root });
    expect(crowded.filter((directory) => !readmes.includes(`${directory}/README.md`))).toEqual([]);
    const long = readmes.filter(
      (path) => readFileSync(join(root, path), "utf8").trimEnd().split("\n").length > 15,
    );
    expect(long).toEqual([]);
  });
});
