import { Filter, type FilterContext, FilterGraph, Frame } from "node-av/lib"
import type { VideoFailure } from "../VideoFailure.ts"
import { formatName } from "./encoder-layout.ts"
import { libavText } from "./input.ts"

/** A filter's name and its arguments. */
export type FilterStep = readonly [name: string, args: string | null]

/** Filters that give one frame for each. */
export interface FilterChain extends Disposable {
  /** The frame as the filters make it, valid until the next one; the given one stays as it is. */
  readonly apply: (frame: Frame) => Frame
}

/**
 * A chain of filters for frames that are like the first. Where libav refuses one, it throws what `failed` makes of the reason.
 */
export const makeFilterChain = (
  first: Frame,
  steps: ReadonlyArray<FilterStep>,
  failed: (why: string) => VideoFailure,
): FilterChain => {
  const graph = new FilterGraph()
  graph.alloc()
  graph.nbThreads = 1
  const add = (name: string, args: string | null): FilterContext => {
    const filter = Filter.getByName(name)
    const context = filter === null ? null : graph.createFilter(filter, name, args)
    if (context === null) throw failed(`libav's filter ${name} does not start`)
    return context
  }
  const size = `video_size=${first.width}x${first.height}:pix_fmt=${formatName(first)}`
  const colours = `colorspace=${first.colorSpace}:range=${first.colorRange}`
  const source = add("buffer", `${size}:time_base=1/1:pixel_aspect=1/1:${colours}`)
  const filters = steps.map(([name, args]) => add(name, args))
  const sink = add("buffersink", null)
  const chain = [source, ...filters, sink]
  for (const [i, filter] of chain.slice(1).entries()) chain[i]?.link(0, filter, 0)
  const configured = graph.configSync()
  if (configured < 0) throw failed(libavText(configured))
  const made = new Frame()
  made.alloc()
  return {
    apply: (frame) => {
      const given = frame.clone()
      if (given === null) throw new Error("out of memory")
      const sent = source.buffersrcAddFrameSync(given)
      given.free()
      made.unref()
      const got = sent < 0 ? sent : sink.buffersinkGetFrameSync(made)
      if (got < 0) throw failed(libavText(got))
      return made
    },
    [Symbol.dispose]: () => {
      made.free()
      graph.free()
    },
  }
}
