import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { BanditError, invariant } from "../../domain/errors.ts";
import {
  type DeadLetter as DeadLetterMessage,
  DeadLetterSchema,
  type DeadLetterService,
} from "../../gen/bandit/v1/dead_letter_service_pb.ts";
import {
  type DeadLetter,
  type DeadLetterKind,
  type DeadLetterSummary,
  deadLetterKinds,
} from "../../ports/dead-letters.ts";
import type { DeadLetterApi } from "../../service/api/dead-letters.ts";
import { answerBytesMax, frameBytes, readPage } from "../messages/answer-room.ts";
import { parsePageRequest } from "../messages/page-messages.ts";
import type { ServiceHandlers } from "./service-handlers.ts";

export function deadLetterHandlers(
  service: DeadLetterApi,
): ServiceHandlers<typeof DeadLetterService> {
  return {
    async listDeadLetters(request) {
      const only = request.kind === "" ? {} : { kind: kindOfText(request.kind) };
      const { page, messages } = await readPage(DeadLetterSchema, parsePageRequest(request), {
        list: (asked) => service.listDeadLetters({ ...asked, ...only }),
        message: summaryMessage,
      });
      return {
        $typeName: "bandit.v1.ListDeadLettersResponse",
        deadLetters: messages,
        nextPageToken: page.nextPageToken,
        total: BigInt(page.total),
      };
    },

    async getDeadLetter(request) {
      const letter = await service.getDeadLetter(request.deadLetterId);
      requireRoom(letter);
      return {
        $typeName: "bandit.v1.GetDeadLetterResponse",
        deadLetter: letterMessage(letter),
      };
    },

    async replayDeadLetters(request, context) {
      const result = await service.replayDeadLetters(request.deadLetterIds, context);
      return {
        $typeName: "bandit.v1.ReplayDeadLettersResponse",
        replayed: result.replayed,
        refused: result.refused.map(summaryMessage),
        unknownIds: [...result.unknownIds],
        remaining: BigInt(result.remaining),
      };
    },

    async dropDeadLetters(request, context) {
      const result = await service.dropDeadLetters(request.deadLetterIds, context);
      return {
        $typeName: "bandit.v1.DropDeadLettersResponse",
        dropped: result.dropped,
        unknownIds: [...result.unknownIds],
      };
    },
  };
}

/** @throws BanditError resource_exhausted */
function requireRoom({ content }: DeadLetter): void {
  const bytes = Buffer.byteLength(content);
  if (bytes <= answerBytesMax - frameBytes) return;
  throw new BanditError(
    "resource_exhausted",
    `the letter has ${bytes} bytes and an answer at most ${answerBytesMax}; read it in pieces with Query: ` +
      "SELECT substring(content, 1, 1000000) FROM dead_letters",
    { reason: "ANSWER_FULL" },
  );
}

function letterMessage({ content, ...letter }: DeadLetter): DeadLetterMessage {
  return {
    ...summaryMessage({ ...letter, contentBytes: Buffer.byteLength(content) }),
    content,
  };
}

function summaryMessage(letter: DeadLetterSummary): DeadLetterMessage {
  return {
    $typeName: "bandit.v1.DeadLetter",
    deadLetterId: letter.id,
    kind: letter.kind,
    content: "",
    error: letter.error,
    failedAt: timestampFromMs(letter.failedAtMs),
    attempts: letter.attempts,
    contentBytes: letter.contentBytes,
  };
}

function kindOfText(text: string): DeadLetterKind {
  const kind = deadLetterKinds.find((each) => each === text);
  invariant(kind !== undefined, "validated: kind is one of those the contract names");
  return kind;
}
