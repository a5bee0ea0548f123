import { parseEndpoint } from "../model/client/endpoint.ts"
import { environmentReference } from "./request-extras.ts"

/** Flags whose values are secrets, also as people misspell them. */
const isSecret = (flag: string): boolean => /(?:key|token|secret|password)$/iu.test(flag)

/** Flags whose values are addresses, which may hold secrets. */
const isAddress = (flag: string): boolean => /(?:base|url|endpoint)$/iu.test(flag)

/** Flags whose values are `NAME=VALUE`, of which the value may be secret. */
const isField = (flag: string): boolean => /^--?(?:header|query)s?$/iu.test(flag)

const afterEquals = (field: string): string => field.slice(field.indexOf("=") + 1)

/** Every argument that is a flag's value, with its flag: `--flag value` and `--flag=value`. */
const values = (args: ReadonlyArray<string>): ReadonlyArray<readonly [flag: string, value: string]> =>
  args.flatMap((arg, i): ReadonlyArray<readonly [string, string]> => {
    if (!arg.startsWith("-")) return []
    const [flag = "", ...rest] = arg.split("=")
    return [[flag, rest.length > 0 ? rest.join("=") : (args[i + 1] ?? "")]]
  })

/**
 * The secrets in a command line and its environment, whatever becomes of them: messages about wrong usage repeat arguments. A
 * flag need not exist to have a secret for its value.
 */
export const givenSecrets = (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string | undefined>>,
): ReadonlyArray<string> => {
  const given = values(args)
  const addresses = [
    env.API_BASE_URL ?? "",
    ...given.flatMap(([flag, value]) => (isAddress(flag) ? [value] : [])),
  ]
  return [
    env.API_KEY ?? "",
    env.OPENAI_API_KEY ?? "",
    ...given.flatMap(([flag, value]) => (isSecret(flag) && !value.startsWith("--") ? [value] : [])),
    ...given.flatMap(([flag, value]) => (isField(flag) && value.includes("=") ? [afterEquals(value)] : [])),
    ...args.flatMap((arg) => [...arg.matchAll(environmentReference)].map(([, name = ""]) => env[name] ?? "")),
    ...addresses.flatMap((address) => parseEndpoint(address)?.secrets ?? []),
  ]
}
