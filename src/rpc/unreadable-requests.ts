import { create, type DescMessage, type Message } from "@bufbuild/protobuf";
import type { BanditError } from "../domain/errors.ts";

const errors = new WeakMap<Message, BanditError>();

/** Stands for a request, or an item of a batch, that could not be read. */
export function unreadable(schema: DescMessage, error: BanditError): Message {
  const message = create(schema);
  errors.set(message, error);
  return message;
}

/** @throws BanditError why it could not be read */
export function requireReadable(message: Message): void {
  const error = errors.get(message);
  if (error !== undefined) throw error;
}
