/** What a service would say of JSON in its contract; the command line says the same of a file. */
export { attempt, problemIn } from "../rpc/messages/json-problem.ts";
