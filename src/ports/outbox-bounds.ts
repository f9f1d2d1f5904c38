/** Bytes of the rows of one outbox entry at most; an entry of a single row may have more. */
export const outboxEntryBytesMax = 4 * 2 ** 20;
/** Bytes of rows that one reading of the outbox returns at most, an entry more or less; at least one entry. */
export const outboxReadBytesMax = 16 * 2 ** 20;
/** Bytes of rows written in one atomic step at most, or one call. */
export const stepBytesMax = 8 * 2 ** 20;
/** Bytes of rows that calls which wait for a state store may hold. */
export const waitingBytesMax = 256 * 2 ** 20;
