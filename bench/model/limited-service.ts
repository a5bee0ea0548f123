import { completion, serveLoopback } from "../loopback.ts"

/** A loopback service with limits of its own, as a provider counts them: continuous buckets with a small burst. */
export interface ServiceLimits {
  readonly rpm: number
  readonly tpm: number
  /** Requests that may come at once. */
  readonly burst: number
  /** Shortest and longest answer in milliseconds; in between, evenly. */
  readonly latencyMs: readonly [number, number]
}

const makeBucket = (perMinute: number, capacity: number) => {
  let level = capacity
  let updated = performance.now()
  return (amount: number): number => {
    const now = performance.now()
    level = Math.min(capacity, level + ((now - updated) * perMinute) / 60_000)
    updated = now
    if (level >= amount) {
      level -= amount
      return 0
    }
    return ((amount - level) / perMinute) * 60_000
  }
}

/** Counts what it was asked and what it had to refuse. Every call takes `tokensPerCall`. */
export const startLimitedService = (limits: ServiceLimits, tokensPerCall: number) => {
  const requests = makeBucket(limits.rpm, limits.burst)
  const tokens = makeBucket(limits.tpm, limits.burst * tokensPerCall)
  const counts = { accepted: 0, refused: 0, inFlight: 0, mostInFlight: 0, bytes: 0 }
  const [shortest, longest] = limits.latencyMs
  let seed = 7
  const random = (): number => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31
    return seed / 2 ** 31
  }
  const { url, stop } = serveLoopback(async (request) => {
    for await (const chunk of request.body ?? []) counts.bytes += chunk.length
    const wait = Math.max(requests(1), tokens(tokensPerCall))
    if (wait > 0) {
      counts.refused++
      const headers = { "retry-after-ms": String(Math.ceil(wait)) }
      return Response.json({ error: { message: "rate limit" } }, { status: 429, headers })
    }
    counts.accepted++
    counts.inFlight++
    counts.mostInFlight = Math.max(counts.mostInFlight, counts.inFlight)
    await Bun.sleep(shortest + (longest - shortest) * random())
    counts.inFlight--
    return completion("{}", tokensPerCall - 100, 100)
  })
  return { url: `${url}/v1`, counts, stop }
}
