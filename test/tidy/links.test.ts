import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const pages = globSync("{*.md,docs/**/*.md,{src,bench,examples}/**/*.md}", { cwd: root });
const text = (path: string): string => readFileSync(join(root, path), "utf8");

/** `## A *bold* word: \`code\`` → `a-bold-word-code`, as the pages are shown. */
function anchors(path: string): Set<string> {
  const headings = [...text(path).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading ?? "");
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(/\s/g, "-"),
    ),
  );
}

function deadLinks(path: string): string[] {
  const links = [...text(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link ?? "");
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [file = "", anchor] = link.split("#");
    const target = file === "" ? path : join(dirname(path), file);
    if (!existsSync(join(root, target))) return true;
    return anchor !== undefined && !anchors(target).has(anchor);
  });
}

const fileNames = new Set(
  globSync("{src,test,bench,scripts,examples,migrations,proto,docs}/**/*.*", { cwd: root }).map(
    (path) => path.slice(path.lastIndexOf("/") + 1),
  ),
);

/** A file that the reader makes. */
fileNames.add("quickstart.ts");

/** Files and folders of this project that are named in code: from its root, from `src`, or from the page's folder. */
function deadPaths(path: string): string[] {
  const spans = [...text(path).matchAll(/`([^`\s]+)`/g)].map(([, span]) => span ?? "");
  return spans.filter((span) => {
    const isPath =
      /^(src|test|docs|bench|scripts|migrations|proto|examples|bin)\/[\w./-]*$/.test(span) ||
      /^[\w-][\w./-]*\/[\w.-]+\.(ts|mjs|sql|lua|proto)$/.test(span);
    const places = [".", "src", dirname(path)];
    if (/^[\w-]+\.(ts|lua|proto)$/.test(span)) return !fileNames.has(span);
    return isPath && !places.some((place) => existsSync(join(root, place, span)));
  });
}

it.each(pages)("%s links to places and names paths that are there", (path) => {
  expect({ links: deadLinks(path), paths: deadPaths(path) }).toEqual({ links: [], paths: [] });
});
