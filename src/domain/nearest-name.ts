const partLengthMin = 4;

/**
 * The name that was probably meant: the one with the least Levenshtein distance (insertions, deletions and
 * replacements of one character), unless more than a third of the longer one would have to change; then the first of
 * which the text is a part, from four characters on. Ties: the first.
 */
export function nearestName(text: string, names: readonly string[]): string | undefined {
  let nearest: { readonly name: string; readonly distance: number } | undefined;
  for (const name of names) {
    const distanceMax = Math.max(text.length, name.length) / 3;
    // As many changes at least: a text of megabytes is compared with nothing.
    if (Math.abs(text.length - name.length) > distanceMax) continue;
    const distance = levenshtein(text, name);
    if (distance > distanceMax) continue;
    if (nearest === undefined || distance < nearest.distance) nearest = { name, distance };
  }
  if (nearest !== undefined || text.length < partLengthMin) return nearest?.name;
  return names.find((name) => name.includes(text));
}

function levenshtein(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = (previous[column - 1] as number) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(
        Math.min(replaced, (previous[column] as number) + 1, (current[column - 1] as number) + 1),
      );
    }
    previous = current;
  }
  return previous[b.length] as number;
}
