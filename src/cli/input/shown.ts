import { shortened } from "../../domain/shortened.ts";

const charactersMax = 80;

/** A text of a file in quotes, for messages: cut where it is long, and with escapes for what cannot be seen. */
export function shown(text: string): string {
  return escaped(shortened(text, charactersMax), /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u);
}

/** The same in full, with escapes also for letters that can be encoded in several ways. */
export function spelled(text: string): string {
  const decomposed = /^[\p{L}\p{N}\p{P}\p{S}]$/u;
  return escaped(text, decomposed, (character) => character.normalize("NFD") === character);
}

function escaped(
  text: string,
  plain: RegExp,
  isPlain: (character: string) => boolean = () => true,
): string {
  const visible = text.replaceAll(/[^ -~]/gu, (character) => {
    if (plain.test(character) && isPlain(character)) return character;
    return `\\u{${(character.codePointAt(0) as number).toString(16).toUpperCase()}}`;
  });
  return `"${visible}"`;
}
