/**
 * A text that somebody will read, without what drivers and servers say of passwords: those in URLs, and the arguments of
 * a command that Redis repeats. For messages of errors; what is not in a message must not be shown at all.
 */
export function withoutCredentials(text: string): string {
  return (
    text
      // To the last @ of a word: a password may hold one that is not encoded.
      .replaceAll(/([a-z][a-z0-9+.-]*:\/\/)[^\s"'`<>]*@/gi, "$1***@")
      .replaceAll(/([?&][a-z_]*(?:password|secret|token)[a-z_]*=)[^\s"'`&]*/gi, "$1***")
      .replaceAll(/(args beginning with:).*/gi, "$1 ***")
  );
}
