import type { WorkerIo } from "../../threads/serve.ts"
import { COMPARED_FRAMES, MOST_APART_SEC } from "../copied.ts"
import type { CutCall, StreamCall } from "../protocol.ts"
import { areSame } from "./alike.ts"
import { openInput, writtenStream } from "./input.ts"
import { type Decoded, Reader, SeekMissed } from "./reader.ts"

/** The first video stream of a clip. */
const streamOf = (file: string): StreamCall => {
  using input = openInput(file)
  return writtenStream(input)
}

/** A clip that was copied. */
export interface CopiedClip {
  readonly output: string
  /** PTS of its first frame, in the source. */
  readonly firstPts: number
  readonly endPts: number
}

/** Compares the frames of a copied clip with those of its source, which it is given one after the other. */
class Comparison implements Disposable {
  readonly #call: CutCall
  readonly #copy: CopiedClip
  readonly #clip: StreamCall
  readonly #io: WorkerIo
  #reader: Reader | undefined
  #last = Number.NEGATIVE_INFINITY
  /** How many frames are still to be compared. */
  #left: number
  /** `undefined` as long as it is not known. */
  isAlike: boolean | undefined

  /** @param most so many frames are compared at most */
  constructor(call: CutCall, copy: CopiedClip, io: WorkerIo, most: number) {
    this.#call = call
    this.#copy = copy
    this.#clip = streamOf(copy.output)
    this.#io = io
    this.#left = most
  }

  /** Takes the source's next frame; `undefined` at its end. */
  take(frame: Decoded | undefined): void {
    const { endPts, firstPts } = this.#copy
    if (this.isAlike !== undefined) return
    // Where times go back, frames that do not come after the one before have no place.
    if (frame !== undefined && frame.pts < Math.max(firstPts, this.#last + 1)) return
    const wanted = frame === undefined || frame.pts >= endPts ? undefined : frame
    const found = this.#next()
    if (wanted === undefined || found === undefined) this.#decide(wanted === undefined && found === undefined)
    else if (!this.#isSame(wanted, found)) this.#decide(false)
    else {
      this.#last = wanted.pts
      this.#left--
      if (this.#left === 0) this.#decide(true)
    }
  }

  #isSame(wanted: Decoded, found: Decoded): boolean {
    const seconds = (ticks: number, { timeBase: { num, den } }: StreamCall) => (ticks * num) / den
    const apart = seconds(wanted.pts - this.#copy.firstPts, this.#call) - seconds(found.pts, this.#clip)
    return Math.abs(apart) <= MOST_APART_SEC && areSame(wanted.frame, found.frame)
  }

  #next(): Decoded | undefined {
    if (this.#reader === undefined) {
      this.#reader = new Reader(this.#clip, this.#io)
      this.#reader.start(undefined)
    }
    return this.#reader.next()
  }

  #decide(isAlike: boolean): void {
    this.isAlike = isAlike
    this[Symbol.dispose]()
  }

  [Symbol.dispose](): void {
    this.#reader?.[Symbol.dispose]()
    this.#reader = undefined
  }
}

/** Tells whether copied clips of one video decode as their source does. */
export class CopyCheck implements Disposable {
  readonly #call: CutCall
  readonly #io: WorkerIo
  readonly #source: Reader

  constructor(call: CutCall, io: WorkerIo) {
    this.#call = call
    this.#io = io
    this.#source = new Reader(call, io)
  }

  /**
   * Whether a clip begins as its source does. `undefined` if all of it has to be compared: where the packets do not tell which frames
   * they are, or something is damaged, which may look otherwise where decoding began earlier.
   */
  begins(copy: CopiedClip): boolean | undefined {
    const { keyframes, packetsTrusted } = this.#call
    const key = packetsTrusted ? keyframes.find(({ pts }) => pts === copy.firstPts) : undefined
    if (key === undefined) return undefined
    using comparison = new Comparison(this.#call, copy, this.#io, COMPARED_FRAMES)
    try {
      this.#source.start(key)
      while (comparison.isAlike === undefined) comparison.take(this.#source.next())
      return this.#source.damage.length === 0 ? comparison.isAlike : undefined
    } catch (error) {
      if (error instanceof SeekMissed) return undefined
      throw error
    }
  }

  /**
   * Compares whole clips with what a decode of the source from its start gives, in one decode for all of them.
   *
   * @param onDecided is called as soon as it is known of a clip
   */
  compareWhole<A extends CopiedClip>(
    copies: ReadonlyArray<A>,
    onDecided: (copy: A, isAlike: boolean) => void,
  ): void {
    if (copies.length === 0) return
    using open = new DisposableStack()
    const begun = copies.map(
      (copy) =>
        [copy, open.use(new Comparison(this.#call, copy, this.#io, Number.POSITIVE_INFINITY))] as const,
    )
    const undecided = new Map(begun)
    this.#source.start(undefined)
    while (undecided.size > 0) {
      const frame = this.#source.next()
      for (const [copy, comparison] of undecided) {
        comparison.take(frame)
        if (comparison.isAlike === undefined) continue
        undecided.delete(copy)
        onDecided(copy, comparison.isAlike)
      }
    }
  }

  [Symbol.dispose](): void {
    this.#source[Symbol.dispose]()
  }
}
