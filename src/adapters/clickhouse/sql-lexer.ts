/**
 * Just enough of ClickHouse's lexer to tell statements, words and quoted text apart. It is used to
 * refuse, so where it is in doubt it gives `undefined` and the caller refuses.
 */
export interface SqlToken {
  readonly kind: "word" | "quoted_word" | "text" | "symbol";
  /** A quoted word without its quotes. */
  readonly value: string;
  /** Index in the text. */
  readonly at: number;
  /** Index after its last character. */
  readonly end: number;
}

const wordPattern = /[A-Za-z_$\u00a1-\u1fff\u3000-\uffff][A-Za-z0-9_$\u00a1-\u1fff\u3000-\uffff]*/y;
const numberPattern = /[0-9][A-Za-z0-9_.]*/y;
const heredocPattern = /\$([A-Za-z0-9_]*)\$/y;

/**
 * Comments and spaces left out. Undefined: a quote or comment that does not end, a comment inside a
 * comment (whose end is ClickHouse's secret), an escape inside a quoted name, a zero byte, or
 * typographic quotes and dashes, some of which ClickHouse takes for the plain ones.
 */
export function tokenizeSql(sql: string): readonly SqlToken[] | undefined {
  if (sql.includes("\0")) return undefined;
  const tokens: SqlToken[] = [];
  let at = 0;
  while (at < sql.length) {
    const char = sql[at] as string;
    const next = sql[at + 1];
    if (/\s/.test(char)) {
      at += 1;
    } else if (char >= "\u2000" && char <= "\u2fff") {
      return undefined;
    } else if ((char === "-" && next === "-") || (char === "#" && (next === " " || next === "!"))) {
      const end = sql.indexOf("\n", at);
      at = end === -1 ? sql.length : end + 1;
    } else if (char === "/" && next === "*") {
      const end = sql.indexOf("*/", at + 2);
      if (end === -1 || sql.slice(at + 2, end).includes("/*")) return undefined;
      at = end + 2;
    } else if (char === "'" || char === '"' || char === "`") {
      const end = endOfQuoted(sql, at);
      if (end === undefined) return undefined;
      const value = sql.slice(at + 1, end - 1);
      if (char !== "'" && value.includes("\\")) return undefined;
      tokens.push({ kind: char === "'" ? "text" : "quoted_word", value, at, end });
      at = end;
    } else {
      const heredoc = matchAt(heredocPattern, sql, at);
      if (heredoc !== undefined) {
        const end = sql.indexOf(heredoc, at + heredoc.length);
        if (end === -1) return undefined;
        tokens.push({ kind: "text", value: "", at, end: end + heredoc.length });
        at = end + heredoc.length;
        continue;
      }
      const word = matchAt(wordPattern, sql, at);
      const lexeme = word ?? matchAt(numberPattern, sql, at) ?? char;
      const end = at + lexeme.length;
      tokens.push({ kind: word === undefined ? "symbol" : "word", value: lexeme, at, end });
      at = end;
    }
  }
  return tokens;
}

/**
 * What {@link tokenizeSql} gives for a statement that the engine has written out itself: words,
 * numbers, symbols, '…' and `…`. Undefined for whatever else it could be read in two ways: a comment,
 * a heredoc, "…".
 */
export function tokenizeCanonicalSql(sql: string): readonly SqlToken[] | undefined {
  const tokens = tokenizeSql(sql);
  const plain = tokens?.every((token, index) => {
    const end = tokens[index + 1]?.at ?? sql.length;
    const gap = token.end < end ? sql.slice(token.end, end) : "";
    return gap.trim() === "" && !'"$'.includes(sql[token.at] as string);
  });
  return plain === true && sql.slice(0, tokens?.[0]?.at).trim() === "" ? tokens : undefined;
}

/** Index after the closing quote; a doubled quote and a backslash do not close. */
function endOfQuoted(sql: string, start: number): number | undefined {
  const quote = sql[start];
  for (let at = start + 1; at < sql.length; at += 1) {
    if (sql[at] === "\\") at += 1;
    else if (sql[at] === quote) {
      if (sql[at + 1] !== quote) return at + 1;
      at += 1;
    }
  }
  return undefined;
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}
