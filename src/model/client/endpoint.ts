import type { Protocol } from "../protocols/Protocol.ts"
import { protocolOf, protocols } from "../protocols/protocols.ts"

/** An address of a service, taken apart: what is sent, what may be written down, and what must not be. */
export interface Endpoint {
  /** Origin and path, up to what comes before `/chat/completions` or its like. What may be written down of the address. */
  readonly base: string
  /** The query as given, with its question mark; empty if there is none. */
  readonly search: string
  /** The header that stands for the address's user and password. */
  readonly authorization: string | undefined
  /** User, password and the values of the query. */
  readonly secrets: ReadonlyArray<string>
}

/** Decodes `%40` and the like; a text that does not decode stays as it is. */
const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The query's parameters that name a version are no secrets, and stand in many messages. */
export const isVersion = (name: string): boolean => /version$/iu.test(name)

/**
 * Reads what users give as address: up to `/v1`, or with `/chat/completions` or its like as services' own examples have it, with
 * or without slashes at the end, with a query, with a user and a password.
 *
 * @param protocol that the address is read for; the one that the address itself is of, if absent
 * @returns undefined if it is no address that starts with `http://` or `https://`
 */
export const parseEndpoint = (
  address: string,
  protocol: Pick<Protocol, "pathPattern" | "defaultPath"> = protocols[protocolOf(address)],
): Endpoint | undefined => {
  const url = URL.parse(address.trim())
  if (url === null || !["http:", "https:"].includes(url.protocol)) return undefined
  const path = url.pathname.replace(/\/+$/u, "").replace(protocol.pathPattern, "").replace(/\/+$/u, "")
  const [user, password] = [decoded(url.username), decoded(url.password)]
  const values = [...url.searchParams].flatMap(([name, value]) => (isVersion(name) ? [] : [value]))
  const credentials = `${user}:${password}`
  const authorization =
    credentials === ":" ? undefined : `Basic ${Buffer.from(credentials).toString("base64")}`
  return {
    base: `${url.origin}${path || (protocol.defaultPath ?? "")}`,
    search: url.search,
    authorization,
    secrets: [user, password, ...values, ...(authorization === undefined ? [] : [credentials])].filter(
      (secret) => secret !== "",
    ),
  }
}

/** The address without user, password, query and fragment: what may be written down. Empty if it is none. */
export const publicAddress = (address: string): string => parseEndpoint(address)?.base ?? ""

/** An address with the query of another added to its own. */
export const withQuery = (url: string, search: string): string =>
  url.includes("?") ? `${url}${search.replace(/^\?/u, "&")}` : `${url}${search}`
