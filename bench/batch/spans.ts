import { Layer, Option, Tracer } from "effect"

/** What a run spends its time on, by the names of its operations. */
export const kinds = {
  waiting: ["VisionModel.complete"],
  decoding: ["VideoDecoder.probe", "VideoDecoder.frames"],
  cutting: ["ClipCutter.cut", "ClipCutter.cutAll"],
  writing: ["Dataset.writeFile", "Dataset.syncNames"],
} as const
export type Kind = keyof typeof kinds

const kindOf = new Map<string, Kind>(
  (Object.keys(kinds) as Array<Kind>).flatMap((kind) => kinds[kind].map((name) => [name, kind] as const)),
)

/**
 * Measures for how long at least one operation of a kind was under way, in seconds. Kinds overlap: that is what a batch is
 * for. Waiting includes the wait for a place at the gate.
 */
export const spanTimes = () => {
  const open: Record<Kind, number> = { waiting: 0, decoding: 0, cutting: 0, writing: 0 }
  const since: Record<Kind, number> = { waiting: 0, decoding: 0, cutting: 0, writing: 0 }
  const total: Record<Kind, number> = { waiting: 0, decoding: 0, cutting: 0, writing: 0 }
  const begin = (kind: Kind) => {
    if (open[kind]++ === 0) since[kind] = performance.now()
  }
  const end = (kind: Kind) => {
    if (--open[kind] === 0) total[kind] += (performance.now() - since[kind]) / 1000
  }
  let lastId = 0
  const tracer = Tracer.make({
    span: (name, parent, context, links, startTime, kind) => {
      const counted = kindOf.get(name)
      if (counted !== undefined) begin(counted)
      return {
        _tag: "Span",
        name,
        spanId: String(++lastId),
        traceId: Option.match(parent, { onNone: () => "bench", onSome: ({ traceId }) => traceId }),
        parent,
        context,
        status: { _tag: "Started", startTime },
        attributes: new Map(),
        links,
        sampled: false,
        kind,
        end: () => {
          if (counted !== undefined) end(counted)
        },
        attribute: () => {},
        event: () => {},
        addLinks: () => {},
      }
    },
    context: (run) => run(),
  })
  return { layer: Layer.setTracer(tracer), total: () => ({ ...total }) }
}
