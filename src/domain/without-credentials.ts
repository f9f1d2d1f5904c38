/**
 * A text that somebody will read, without what drivers and servers say of passwords: those in URLs, and the arguments of
 * a command that Redis repeats. For messages of errors; what is not in a message must not be shown at all.
 */
export function withoutCredentials(text: string): string {
  return (
    text
      // To the last @ of a word: a password may hold one that is not encoded. Bounded, and the whole word at once, so that
      // the time grows with the length and not with its square: engines quote what callers have sent.
      .replaceAll(/([a-z][a-z0-9+.-]{0,31}:\/\/)([^\s"'`<>]*)/gi, (_, scheme, rest: string) => {
        const at = rest.lastIndexOf("@");
        return at === -1 ? `${scheme}${rest}` : `${scheme}***${rest.slice(at)}`;
      })
      .replaceAll(/([?&][a-z_]{0,32}(?:password|secret|token)[a-z_]{0,32}=)[^\s"'`&]*/gi, "$1***")
      .replaceAll(/(args beginning with:).*/gi, "$1 ***")
  );
}
