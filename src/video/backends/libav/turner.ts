import { Filter, type FilterContext, FilterGraph, Frame } from "node-av/lib"
import { WorkerFailure } from "../../serve.ts"
import type { Orientation } from "../../upright.ts"
import { formatName } from "./encoder-layout.ts"
import { libavText } from "./input.ts"

const TURNS: Readonly<
  Record<Orientation["rotationDegrees"], ReadonlyArray<readonly [string, string | null]>>
> = {
  0: [],
  90: [["transpose", "dir=clock"]],
  180: [
    ["hflip", null],
    ["vflip", null],
  ],
  270: [["transpose", "dir=cclock"]],
}

/** Turns the pixels of frames upright. */
export interface Turner extends Disposable {
  /** The frame turned, valid until the next one; the given one stays as it is. */
  readonly turn: (frame: Frame) => Frame
}

/**
 * A turner for frames that are like the first. `CutFailed` if libav refuses one.
 *
 * @param file for error messages
 */
export const makeTurner = (file: string, first: Frame, orientation: Orientation): Turner => {
  const failed = (code: number) =>
    new WorkerFailure("CutFailed", `${file}: a picture cannot be turned upright: ${libavText(code)}`)
  const graph = new FilterGraph()
  graph.alloc()
  const add = (name: string, args: string | null): FilterContext => {
    const filter = Filter.getByName(name)
    const context = filter === null ? null : graph.createFilter(filter, name, args)
    if (context === null)
      throw new WorkerFailure("CutFailed", `${file}: libav's filter ${name} does not start`)
    return context
  }
  const size = `video_size=${first.width}x${first.height}:pix_fmt=${formatName(first)}`
  const colours = `colorspace=${first.colorSpace}:range=${first.colorRange}`
  const source = add("buffer", `${size}:time_base=1/1:pixel_aspect=1/1:${colours}`)
  const turns = TURNS[orientation.rotationDegrees].map(([name, args]) => add(name, args))
  const mirror = orientation.mirrored ? [add("hflip", null)] : []
  const sink = add("buffersink", null)
  const chain = [source, ...turns, ...mirror, sink]
  for (const [i, filter] of chain.slice(1).entries()) chain[i]?.link(0, filter, 0)
  const configured = graph.configSync()
  if (configured < 0) throw failed(configured)
  const turned = new Frame()
  turned.alloc()
  return {
    turn: (frame) => {
      const given = frame.clone()
      if (given === null) throw new Error("out of memory")
      const sent = source.buffersrcAddFrameSync(given)
      given.free()
      turned.unref()
      const got = sent < 0 ? sent : sink.buffersinkGetFrameSync(turned)
      if (got < 0) throw failed(got)
      return turned
    },
    [Symbol.dispose]: () => {
      turned.free()
      graph.free()
    },
  }
}
