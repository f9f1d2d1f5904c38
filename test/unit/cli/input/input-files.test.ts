import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import {
  type CellKind,
  flagCell,
  listCell,
  nameCell,
  numberCell,
  optional,
  outcomeCell,
  shareCell,
  sourceCell,
  timeCell,
  weightCell,
} from "../../../../src/cli/input/cells.ts";
import { CsvColumns } from "../../../../src/cli/input/csv-columns.ts";
import { csvRecords } from "../../../../src/cli/input/csv-records.ts";
import { readInputFile, readJsonFile } from "../../../../src/cli/input/text-file.ts";
import { openCsvLog } from "../../../../src/cli/logs/csv-log.ts";
import { policyFileFrom } from "../../../../src/cli/off-policy/policy-file.ts";
import { processTerminal } from "../../../../src/cli/process-terminal.ts";
import { readOutcomeTable } from "../../../../src/cli/simulate/outcome-table.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const file = join(temporaryDirectory(), "file");
const terminal = processTerminal();

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const kinds: Readonly<Record<string, CellKind<unknown>>> = {
  number: numberCell,
  outcome: outcomeCell,
  reward: optional(outcomeCell),
  share: shareCell,
  weight: weightCell,
  flag: flagCell,
  time: timeCell,
  source: sourceCell,
  name: nameCell,
  texts: listCell("texts", (entry): entry is string => typeof entry === "string"),
};

/** The content is one cell of a column x. */
const cellOf =
  <Value>(kind: CellKind<Value>) =>
  async () => {
    const columns = await CsvColumns.of(file);
    const [row] = await all(columns.rows());
    return row?.read(columns.named("x", "--x"), kind);
  };

/** Every way in which commands read a file. */
const readers: Readonly<Record<string, () => Promise<unknown>>> = {
  text: async () => (await readInputFile(file, terminal)).text,
  json: async () => (await readJsonFile(file, terminal)).content,
  policy: async () => {
    const { name, content } = await readJsonFile(file, terminal);
    return [...policyFileFrom(content, name).cells.keys()];
  },
  csv: async () => (await all(csvRecords(file))).map(({ record, info }) => [info.lines, ...record]),
  /** Arms with their contexts. */
  log: async () => {
    const asked = { actionColumn: undefined, rewardColumn: undefined, forComparison: true };
    const contexts = { contextColumns: undefined, usualContextColumns: ["code_type"] };
    const rest = { contextOption: "--context", policyColumns: [], onProgress: () => undefined };
    const log = await openCsvLog({ file, ...asked, ...contexts, ...rest });
    return (await all(log.read({ notDrawn: 0 }))).map(({ arm, context }) => `${arm} ${context}`);
  },
  /** Code types as the service gets them. */
  tasks: async () => {
    const arms = [{ name: "a", column: "a", cost: 0 }];
    return (await readOutcomeTable({ file, codeTypeColumn: "k", arms })).codeTypes;
  },
  ...Object.fromEntries(Object.entries(kinds).map(([kind, cell]) => [kind, cellOf<unknown>(cell)])),
};

const utf8 = "where text in UTF-8 is needed; the file is";
const quotes = "put the whole cell into quotes and write each quote in it twice";
const hex = (digits: string): Uint8Array => Buffer.from(digits.replaceAll(" ", ""), "hex");
const latin = (text: string): Uint8Array => Buffer.from(text, "latin1");
const wide = (text: string): Uint8Array => Buffer.from(text, "utf16le");
const log = (...rows: string[]): string => `variant_id,code_type,reward\n${rows.join("\n")}\n`;
const tasks = (...names: string[]): string => `k,a\n${names.map((name) => `${name},1\n`).join("")}`;
const needs = (text: string, accepts: string): string =>
  `FILE line 2: column "x" holds "${text}", and needs ${accepts}`;
const decimal = "a decimal number such as 0.25 or 2.5e-1";
const orFlag = ", or true or false (also True, TRUE, T, t …) for 1 or 0";

type Row = readonly [
  reader: string,
  content: string | Uint8Array,
  result: { value: unknown } | { error: string },
];
const gives = (reader: Row[0], content: Row[1], value: unknown): Row => [
  reader,
  content,
  { value },
];
const fails = (reader: Row[0], content: Row[1], error: string): Row => [reader, content, { error }];
const sources = "exploit explore experiment holdout static fallback".split(" ");
const sourceNames = sources.flatMap((name) => [name, `DECISION_SOURCE_${name.toUpperCase()}`]);
const sourceRule = `one of ${sources.join(", ")} (or DECISION_SOURCE_EXPLOIT …); rename the column if it means something else`;
const flagRule = "one of true, True, TRUE, t, T, 1, 1.0, false, False, FALSE, f, F, 0, 0.0";
const timeRule = "a time such as 2026-11-23T14:30:00Z or 2026-11-23 14:30:00.123456+00";

/** What becomes of each file: the value that is read, or the whole message. */
const table: readonly Row[] = [
  // Text: UTF-8, and nothing is changed but a byte order mark.
  gives("text", "né {{x}}\r\n", "né {{x}}\r\n"),
  gives("text", "\uFEFFe\u0301", "e\u0301"),
  gives("text", "", ""),
  fails(
    "text",
    wide("\uFEFFab"),
    `FILE line 1, byte 0 (from 0): 0xFF ${utf8} UTF-16LE (Excel and PowerShell call it Unicode): save it as UTF-8`,
  ),
  fails(
    "text",
    hex("feff 0061"),
    `FILE line 1, byte 0 (from 0): 0xFE ${utf8} UTF-16BE: save it as UTF-8`,
  ),
  fails(
    "text",
    hex("fffe0000 61000000"),
    `FILE line 1, byte 0 (from 0): 0xFF ${utf8} UTF-32LE: save it as UTF-8`,
  ),
  fails(
    "text",
    wide("ab"),
    `FILE line 1, byte 1 (from 0): 0x00 ${utf8} probably UTF-16LE: save it as UTF-8`,
  ),
  fails(
    "text",
    hex("0061 0062"),
    `FILE line 1, byte 0 (from 0): 0x00 ${utf8} probably UTF-16BE: save it as UTF-8`,
  ),
  fails(
    "text",
    latin("ab\r\nné\r\n"),
    `FILE line 2, byte 5 (from 0): 0xE9 ${utf8} probably Latin-1 (ISO 8859-1) or Windows-1252: save it as UTF-8`,
  ),
  fails(
    "text",
    latin("né"),
    `FILE line 1, byte 1 (from 0): 0xE9 ${utf8} probably Latin-1 (ISO 8859-1) or Windows-1252: save it as UTF-8`,
  ),
  fails(
    "text",
    hex("61 0d 80 35"),
    `FILE line 2, byte 2 (from 0): 0x80 ${utf8} probably Windows-1252: save it as UTF-8`,
  ),
  fails(
    "text",
    hex("8365 8358 0a"),
    `FILE line 1, byte 0 (from 0): 0x83 ${utf8} probably Windows-1252: save it as UTF-8`,
  ),
  fails(
    "text",
    hex("c4e3 bac3 0a"),
    `FILE line 1, byte 0 (from 0): 0xC4 ${utf8} cut off, or in an older encoding such as Windows-1251, Shift_JIS or GB18030: save it as UTF-8`,
  ),
  fails(
    "text",
    hex("61 e4bd"),
    `FILE line 1, byte 1 (from 0): 0xE4 ${utf8} cut off, or in an older encoding such as Windows-1251, Shift_JIS or GB18030: save it as UTF-8`,
  ),
  fails(
    "text",
    hex("61 0a eda080"),
    `FILE line 2, byte 2 (from 0): 0xED ${utf8} cut off, or in an older encoding such as Windows-1251, Shift_JIS or GB18030: save it as UTF-8`,
  ),
  fails("text", "a\nb\0c", `FILE line 2, byte 3 (from 0): 0x00 ${utf8} binary`),
  fails(
    "text",
    `${"é\n".repeat(100_000)}\0`,
    `FILE line 100001, byte 300000 (from 0): 0x00 ${utf8} binary`,
  ),
  fails(
    "text",
    hex("504b0304 1400"),
    `FILE line 1, byte 5 (from 0): 0x00 ${utf8} a ZIP archive, perhaps an Excel workbook: save it as CSV UTF-8`,
  ),
  fails("text", hex("1f8b 0800"), `FILE line 1, byte 1 (from 0): 0x8B ${utf8} compressed by gzip`),
  fails("text", "x".repeat(16 * 1024 * 1024 + 1), "FILE holds more than 16777216 characters"),

  // JSON: what JSON.parse takes, unless it would change it.
  gives("json", '\uFEFF{"a":[1,0.1,-0,1e300,9007199254740992],"b":"\\ud83d\\ude00"}\r\n', {
    a: [1, 0.1, -0, 1e300, 2 ** 53],
    b: "😀",
  }),
  fails("json", " \n", "FILE is empty, and JSON is needed"),
  fails(
    "json",
    '{"a": 1,\n "b": [1, 2}',
    "FILE line 2, column 12: is not JSON: Expected ',' or ']' after array element",
  ),
  fails("json", '{\n"a": NaN}', "FILE line 2, column 6: is not JSON: Unexpected token 'N'"),
  fails(
    "json",
    '{"a": 0x10}',
    "FILE line 1, column 8: is not JSON: Expected ',' or '}' after property value",
  ),
  fails("json", "{'a': 1}", "FILE line 1, column 2: is not JSON: Expected property name or '}'"),
  fails("json", "[1,\n]", "FILE line 2, column 1: is not JSON: Unexpected token ']'"),
  fails("json", "[True]", "FILE line 1, column 2: is not JSON: Unexpected token 'T'"),
  fails(
    "json",
    '{"a":1}\n{"a":2}\n',
    "FILE line 2, column 1: is not JSON: Unexpected non-whitespace character after JSON",
  ),
  fails("json", '{"a":\n', "FILE line 2, column 1: is not JSON: Unexpected end of JSON input"),
  fails(
    "json",
    '["a\tb"]',
    "FILE line 1, column 4: is not JSON: Bad control character in string literal",
  ),
  fails("json", '{"a":{"b":1,"b":2}}', "FILE: a.b: stands twice in one object"),
  fails("json", "[1e999]", "FILE: [0]: is 1e999, which a double cannot hold; write a text"),
  fails(
    "json",
    '{"seed":9007199254740993}',
    "FILE: seed: is 9007199254740993, which a double cannot hold; write a text",
  ),
  fails("json", '{"a":["\\ud800"]}', 'FILE has half of a surrogate pair: "\\ud800"'),
  fails("json", `${"[".repeat(102)}${"]".repeat(102)}`, "FILE is nested more than 100 deep"),
  fails(
    "json",
    wide('\uFEFF{"a":1}'),
    `FILE line 1, byte 0 (from 0): 0xFF ${utf8} UTF-16LE (Excel and PowerShell call it Unicode): save it as UTF-8`,
  ),

  // Policies of off-policy: names as they stand.
  gives("policy", '{"by":["k"],"cells":{"é":{"uniform":true},"É":{"uniform":true}}}', ["é", "É"]),
  fails(
    "policy",
    '{"by":["k"],"cells":{"é":{"uniform":true},"e\\u0301":{"uniform":true}}}',
    'FILE: cells holds "e\\u{301}", which looks like "\\u{E9}" in FILE: cells; write both alike, or give one another name',
  ),
  fails(
    "policy",
    '{"shares":{"a":0.5,"a ":0.5}}',
    'FILE: shares holds "a ", which looks like "a" in FILE: shares; write both alike, or give one another name',
  ),
  fails(
    "policy",
    '{"shares":{"a":"0.5"}}',
    'FILE: shares["a"]: must be a number from 0 to 1, not "0.5"',
  ),

  // CSV: a title line, commas, any line ends.
  gives("csv", '\uFEFFa,b\n1,"two\r\nlines"\n\n3,"say ""4"""\n', [
    [1, "a", "b"],
    [3, "1", "two\nlines"],
    [5, "3", 'say "4"'],
  ]),
  ...["a,b\n1,2\n3,4\n", "a,b\r\n1,2\r\n3,4\r\n", "a,b\r1,2\r3,4", "a,b\n1,2\r\n3,4\r"].map(
    (text) =>
      gives("csv", text, [
        [1, "a", "b"],
        [2, "1", "2"],
        [3, "3", "4"],
      ]),
  ),
  gives("csv", "\uFEFF\n\r\n", []),
  gives("csv", "", []),
  fails("csv", "a,b\n1\n", "FILE line 2 has 1 cells, and the title line has 2"),
  fails("csv", "a,b\n1,2\n1,2,3\n", "FILE line 3 has 3 cells, and the title line has 2"),
  fails(
    "csv",
    'a,b\n1,2\n1,"2\n3,4\n',
    'FILE line 3, column "b": a quote begins in this record and is never closed',
  ),
  fails(
    "csv",
    'a,b\n1,say "hi"\n',
    `FILE line 2, column "b": a quote in a cell that does not begin with one; ${quotes}`,
  ),
  fails(
    "csv",
    'a,b"c"\n',
    `FILE line 1, column 2: a quote in a cell that does not begin with one; ${quotes}`,
  ),
  fails(
    "csv",
    'a,b\n"1"x,2\n',
    'FILE line 2, column "a": something follows the quote that ends the cell; a quote inside a cell is written twice',
  ),
  fails("csv", "a,b\nx,1\0\n", `FILE line 2, byte 7 (from 0): 0x00 ${utf8} binary`),
  fails(
    "csv",
    '{"a":1}\n{"a":2}\n',
    "FILE line 1: this is JSON, and CSV with a title line is needed",
  ),
  fails("csv", "sep=,\r\na,b\r\n", "FILE line 1: Excel's line sep= is no title line; delete it"),
  fails(
    "number",
    "x;y\n1,5;2\n",
    "FILE line 1: cells are separated by semicolons; commas are needed, and decimal points",
  ),
  fails(
    "number",
    "x\ty\n1\t2,5\n",
    "FILE line 1: cells are separated by tabs; commas are needed, and decimal points",
  ),
  fails(
    "number",
    "x,y,x\n1,2,3\n",
    'FILE line 1: columns 1 and 3 are both called "x"; rename all but one',
  ),
  fails("number", "X,y\n1,2\n", '--x: there is no column "x"; FILE has the columns "X", "y"'),
  fails("number", "\u200Bx\n1\n", '--x: there is no column "x"; FILE has the columns "\\u{200B}x"'),

  // Numbers: decimal digits only.
  ...[
    ["0.25", 0.25],
    ["-1", -1],
    ["+.5", 0.5],
    ["1.", 1],
    ["2.5E-1", 0.25],
    ["0e9", 0],
  ].map(([text, value]) => gives("number", `x\n${text}\n`, value)),
  ...[
    "",
    " 1",
    "0x10",
    "0b1",
    "1_000",
    "1,5",
    "1 000",
    "NaN",
    "Infinity",
    "-inf",
    "1e999",
    "1e-999",
    "50%",
    "true",
    "NA",
    "#N/A",
    "−1",
    "١",
  ].map((text) => fails("number", `x\n"${text}"\n`, needs(text, decimal))),
  // Outcomes: numbers, or whether it was a success.
  ...[
    ["True", 1],
    ["FALSE", 0],
    ["t", 1],
    ["F", 0],
    ["0.3", 0.3],
    ["-2", -2],
  ].map(([text, value]) => gives("outcome", `x\n${text}\n`, value)),
  ...["yes", "", "nan", "tRUE", "WAHR"].map((text) =>
    fails("outcome", `x\n"${text}"\n`, needs(text, `${decimal}${orFlag}`)),
  ),
  ...[
    ["", null],
    ["NA", null],
    ["\\N", null],
    ["1", 1],
    ["False", 0],
  ].map(([text, value]) => gives("reward", `x\n"${text}"\n`, value)),
  fails(
    "reward",
    "x\nnull\n",
    needs("null", `${decimal}${orFlag}; or nothing, NA or \\N where there is none`),
  ),
  gives("share", "x\nTRUE\n", 1),
  fails("share", "x\n1.01\n", needs("1.01", `a number from 0 to 1${orFlag}`)),
  // Flags.
  ...["true", "True", "TRUE", "t", "T", "1", "1.0"].map((text) =>
    gives("flag", `x\n${text}\n`, true),
  ),
  ...["false", "False", "FALSE", "f", "F", "0", "0.0"].map((text) =>
    gives("flag", `x\n${text}\n`, false),
  ),
  ...["", "yes", "N", "2", "NA"].map((text) =>
    fails("flag", `x\n"${text}"\n`, needs(text, flagRule)),
  ),
  // Times.
  ...[
    ["2026-12-01 02:41:52.123456+00", "2026-12-01T02:41:52.123Z"],
    ["2026-12-01 02:41:52+05:30", "2026-11-30T21:11:52Z"],
    ["2026-12-01 02:41:52-0330", "2026-12-01T06:11:52Z"],
    ["2026-12-01T02:41Z", "2026-12-01T02:41:00Z"],
    ["2026-12-01 02:41:52 UTC", "2026-12-01T02:41:52Z"],
    ["2026-12-01 02:41:52.123", "2026-12-01T02:41:52.123Z"],
    ["2026-12-01", "2026-12-01T00:00:00Z"],
  ].map(([text, iso]) => gives("time", `x\n${text}\n`, Date.parse(iso as string))),
  ...[
    "",
    "1764556912",
    "12/01/2026 02:41",
    "2026-02-30",
    "2026-12-01 24:00",
    "2026-12-01 02:60",
    "infinity",
    "NaT",
  ].map((text) => fails("time", `x\n"${text}"\n`, needs(text, timeRule))),
  // Sources.
  ...sourceNames.map((name, at) => gives("source", `x\n${name}\n`, sources[at >> 1])),
  ...["", "Static", "DECISION_SOURCE_UNSPECIFIED", "web"].map((text) =>
    fails("source", `x\n"${text}"\n`, needs(text, sourceRule)),
  ),
  // Names and lists of them.
  ...["NA", "物理", "حساب", "a b", "1.0"].map((text) => gives("name", `x\n${text}\n`, text)),
  ...["", " ", "\\N"].map((text) => fails("name", `x\n"${text}"\n`, needs(text, "a name"))),
  gives("texts", 'x\n"[""a"",""b""]"\n', ["a", "b"]),
  gives("texts", "x\n\"['a', 'b/c@1']\"\n", ["a", "b/c@1"]),
  ...["{a,b}", "[a b]", "['a\\'b']", "[1]", ""].map((text) =>
    fails("texts", `x\n"${text}"\n`, needs(text, "a JSON list of texts")),
  ),

  // Logs: two labels never become one.
  gives("log", log("a,py,1", "A,Py,0", "ａ,物理,NA"), ["a py", "A Py", "ａ 物理"]),
  fails(
    "log",
    log("a,é,1", "b,e\u0301,1"),
    'FILE line 3: column "code_type" holds "e\\u{301}", which looks like "\\u{E9}" in FILE line 2: column "code_type"; write both alike, or give one another name',
  ),
  fails(
    "log",
    log("a,x,1", "a ,x,1"),
    'FILE line 3: column "variant_id" holds "a ", which looks like "a" in FILE line 2: column "variant_id"; write both alike, or give one another name',
  ),
  fails(
    "log",
    log("a b,x,1", "a\u00A0b,x,1"),
    'FILE line 3: column "variant_id" holds "a\\u{A0}b", which looks like "a b" in FILE line 2: column "variant_id"; write both alike, or give one another name',
  ),
  fails(
    "log",
    log("a,x,1", "a\u200B,x,1"),
    'FILE line 3: column "variant_id" holds "a\\u{200B}", which looks like "a" in FILE line 2: column "variant_id"; write both alike, or give one another name',
  ),
  fails(
    "log",
    "variant_id,reward,propensity:a,propensity:a \na,1,1,0\n",
    'FILE line 1: column "propensity:a " holds "a ", which looks like "a" in FILE line 1: column "propensity:a"; write both alike, or give one another name',
  ),
  fails(
    "log",
    'variant_id,reward,arm_variant_ids,arm_probabilities\na,1,"[""a"",""a""]","[1,0]"\n',
    'FILE line 2: column "arm_variant_ids" names an arm twice',
  ),
  fails(
    "log",
    'variant_id,reward,arm_variant_ids,arm_probabilities\na,1,"[""a"",""b""]",[1]\n',
    'FILE line 2: column "arm_probabilities" has 1 numbers for 2 arms',
  ),
  gives("log", "variant_id,reward,generation_id\na,1,g1\nb,1,g2\n", ["a ", "b "]),
  fails(
    "log",
    "variant_id,reward,generation_id\na,1,g1\nb,1,g2\nb,1,G1\n",
    'FILE line 4: column "generation_id" holds "g1", as line 2 does; a generation is one decision, and has one row',
  ),
  fails(
    "log",
    "variant_id,reward,generation_id\na,1,\n",
    'FILE line 2: column "generation_id" holds "", and needs a name',
  ),
  fails(
    "log",
    "variant_id,reward,reward_weight\na,1,-1\n",
    'FILE line 2: column "reward_weight" holds "-1", and needs a number of 0 or more',
  ),

  // Tables of tasks: labels that the service accepts.
  gives("tasks", tasks("law", "a b", "物理", "化学", "x物理", "y".repeat(80)), [
    "law",
    "a_b",
    "a454f178",
    "0316d311",
    "x-a7a6cdad",
    `${"y".repeat(55)}-e8730587`,
  ]),
  fails(
    "tasks",
    tasks("a b", "a_b"),
    'FILE line 3: column "k" holds "a_b", which would become the code type a_b, and so does "a b"; rename one of them',
  ),
  fails(
    "tasks",
    tasks("law", "law "),
    'FILE line 3: column "k" holds "law ", which looks like "law" in FILE line 2: column "k"; write both alike, or give one another name',
  ),
];

it.each(table)("%s %j: %j", async (reader, content, result) => {
  writeFileSync(file, content);
  const reading = (readers[reader] as () => Promise<unknown>)();
  if ("value" in result) return expect(await reading).toEqual(result.value);
  const error = await reading.then(
    () => undefined,
    (thrown: unknown) => thrown as Error & { exitCode: number },
  );
  expect(error?.message.replaceAll(file, "FILE")).toBe(result.error);
  expect(error?.exitCode).toBe(2);
});

const page = readFileSync(
  join(import.meta.dirname, "../../../../docs/reference/input-files.md"),
  "utf8",
);

it.each(Object.entries(kinds))("the page says what a cell of the kind %s needs", (_, kind) => {
  expect(page).toContain(kind.accepts);
});
