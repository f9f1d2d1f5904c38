import { badInput } from "../exit-code.ts";
import { spelled } from "./shown.ts";

/**
 * Names of arms or code types as a file has them, in any script. Two that a reader could not tell apart never become
 * one, nor two: they are refused.
 */
export class Labels {
  readonly #known = new Set<string>();
  /** By what they look like. */
  readonly #alike = new Map<string, { readonly text: string; readonly where: string }>();

  /**
   * @param where of it, for messages
   * @throws CliError usage for a label that differs from an earlier one only in white space, in characters that are not
   * shown, or in how the same letters are encoded; it names both
   */
  add(text: string, where: () => string): void {
    if (this.#known.has(text)) return;
    const look = lookOf(text);
    const other = this.#alike.get(look);
    if (other !== undefined) {
      throw badInput(
        `${where()} holds ${spelled(text)}, which looks like ${spelled(other.text)} in ${other.where}; ` +
          "write both alike, or give one another name",
      );
    }
    this.#known.add(text);
    this.#alike.set(look, { text, where: where() });
  }
}

function lookOf(text: string): string {
  return text
    .normalize("NFC")
    .replaceAll(/\p{Cf}/gu, "")
    .replaceAll(/\s+/g, " ")
    .trim();
}
