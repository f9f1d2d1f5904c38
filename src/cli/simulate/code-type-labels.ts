import { createHash } from "node:crypto";
import { parseCodeType } from "../../domain/ids.ts";
import { badInput } from "../exit-code.ts";
import { nameCell } from "../input/cells.ts";
import type { CsvRow, Place } from "../input/csv-columns.ts";
import { Labels } from "../input/labels.ts";
import { shown } from "../input/shown.ts";

const labelLengthMax = 64;
const hashDigits = 8;

interface Label {
  readonly index: number;
  readonly isRewritten: boolean;
}

/** Labels that the service accepts, for code types by what stands in the file. Two different texts never become one. */
export class CodeTypeLabels {
  readonly all: string[] = [];
  readonly texts: string[] = [];
  readonly #byText = new Map<string, Label>();
  readonly #names = new Labels();

  /** @throws CliError usage when there is no text, or another one looks the same or would get the same label */
  of(row: CsvRow, place: Place): Label {
    const text = row.read(place, nameCell);
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    this.#names.add(text, () => row.where(place));
    const label = labelFrom(text);
    const other = this.texts[this.all.indexOf(label)];
    if (other !== undefined) {
      throw badInput(
        `${row.where(place)} holds ${shown(text)}, which would become the code type ${label}, and so does ${shown(other)}; rename one of them`,
      );
    }
    this.texts.push(text);
    const entry = { index: this.all.push(parseCodeType(label)) - 1, isRewritten: label !== text };
    this.#byText.set(text, entry);
    return entry;
  }
}

/**
 * What a label may not have becomes `_`. Where that loses a letter or a digit of another script, or the end of a long
 * text, a hash of the text stands behind it.
 */
function labelFrom(text: string): string {
  const readable = text.replaceAll(/[^A-Za-z0-9_.:+#/-]+/g, "_").replace(/^[^A-Za-z0-9]+/, "");
  const isLossy = readable.length > labelLengthMax || /[^\0-\x7f]/.test(text) || readable === "";
  if (!isLossy) return readable;
  const hash = createHash("sha256").update(text).digest("hex").slice(0, hashDigits);
  const beginning = readable.slice(0, labelLengthMax - hashDigits - 1).replace(/_$/, "");
  return beginning === "" ? hash : `${beginning}-${hash}`;
}
