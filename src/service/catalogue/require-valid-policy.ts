import { validatePolicy } from "../../bandit/validate-policy.ts";
import { BanditError } from "../../domain/errors.ts";
import type { Policy } from "../../domain/policy.ts";

/** @throws BanditError invalid_argument with every rule the policy breaks. */
export function requireValidPolicy(policy: Policy): void {
  const violations = validatePolicy(policy);
  if (violations.length === 0) return;
  const [first] = violations;
  throw new BanditError("invalid_argument", `${first?.field}: ${first?.description}`, {
    reason: "INVALID_POLICY",
    violations,
  });
}
