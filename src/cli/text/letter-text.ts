import type { DeadLetter } from "../../client/index.ts";
import { formatTime } from "./format-value.ts";
import { wrap } from "./report-text.ts";
import { formatFacts, formatTable, numbers } from "./table.ts";

/** Digits of an id in a table: enough to be the only one among millions, short enough to be typed. */
const idDigitsShown = 12;

/** At most 100 columns. */
export function formatLetters(letters: readonly DeadLetter[]): string {
  return formatTable(
    ["id", "kind", ...numbers("tries"), "refused (UTC)", { title: "error", widthMax: 48 }],
    letters.map((letter) => [
      letter.deadLetterId.slice(0, idDigitsShown),
      letter.kind,
      String(letter.attempts),
      formatTime(letter.failedAt).slice(0, 16),
      letter.error,
    ]),
  );
}

/** Everything about one letter, its content indented where it is JSON. */
export function formatLetter(letter: DeadLetter): string {
  const facts = formatFacts([
    ["id", letter.deadLetterId],
    ["kind", letter.kind],
    ["refused", `${formatTime(letter.failedAt)} UTC, ${times(letter.attempts)}`],
  ]);
  const content = contentOf(letter);
  const text = typeof content === "string" ? content : JSON.stringify(content, undefined, 2);
  return `${facts}\n${wrap(letter.error)}\n${text}\n`;
}

/** As JSON, under the contract's names. */
export function letterJson(letter: DeadLetter): Readonly<Record<string, unknown>> {
  return {
    dead_letter_id: letter.deadLetterId,
    kind: letter.kind,
    error: letter.error,
    failed_at: formatTime(letter.failedAt),
    attempts: letter.attempts,
    content_bytes: letter.contentBytes,
    ...(letter.content === "" ? {} : { content: contentOf(letter) }),
  };
}

/** The JSON value that the content is; its text if it is none, which may be why it was refused. */
function contentOf({ content }: DeadLetter): unknown {
  try {
    return JSON.parse(content);
  } catch (error) {
    if (error instanceof SyntaxError) return content;
    throw error;
  }
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
