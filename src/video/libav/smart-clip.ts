import { CannotJoin, type Joining, TooCoarse } from "../../bitstream/joining.ts"
import type { WorkerIo } from "../../threads/serve.ts"
import type { ClipCall, CutCall } from "../protocol.ts"
import type { FrameRun } from "./decode-runs.ts"
import type { Fidelity } from "./encoder.ts"
import { checkJoined } from "./smart-check.ts"
import { writeJoined } from "./smart-join.ts"
import { joiningOf, type PacketReader, reasonOf } from "./smart-packets.ts"
import { EncodedPart } from "./smart-part.ts"
import { type JoinPlan, planJoin } from "./smart-plan.ts"

interface Parts {
  readonly joining: Joining
  readonly plan: JoinPlan
  readonly head: EncodedPart
  readonly tail: EncodedPart
}

/** A clip whose packets are copied, all but those before the first key frame and after the last place to stop at. */
export class SmartClip implements Disposable {
  readonly #call: ClipCall
  readonly #packets: PacketReader
  readonly #io: WorkerIo
  readonly #onDone: (copiedFrames: number) => void
  readonly #parts: Parts | undefined
  #open = 0
  /** Why it cannot be cut this way, as soon as that is known. */
  refusal: string | undefined
  /** Whether the only reason is that a re-encoded picture came out too coarse. */
  isTooCoarse = false
  /** Frames that have to be decoded for it. The clip is written when all have come. */
  readonly runs: ReadonlyArray<FrameRun>

  constructor(
    cut: CutCall,
    call: ClipCall,
    packets: PacketReader,
    io: WorkerIo,
    fidelity: Fidelity,
    onDone: (copiedFrames: number) => void,
  ) {
    this.#call = call
    this.#packets = packets
    this.#io = io
    this.#onDone = onDone
    this.#parts = this.#guarded(() => this.#plan(cut, fidelity))
    this.runs = [this.#parts?.head, this.#parts?.tail].flatMap((part) =>
      part === undefined || part.framePts.length === 0 ? [] : [this.#guardedRun(part)],
    )
    this.#open = this.runs.length
    if (this.#open === 0) this.#write()
  }

  #plan({ keyframes, packetsTrusted }: CutCall, fidelity: Fidelity): Parts {
    if (!packetsTrusted) throw new CannotJoin("its packets do not tell which frames they are")
    const { stream } = this.#packets
    const joining = joiningOf(stream)
    const plan = planJoin(this.#call, keyframes, joining, this.#packets)
    // x265 does not say how its pictures come out.
    const own = fidelity === "checked" && joining.part.codec === "hevc" ? "fine" : fidelity
    const part = (framePts: ReadonlyArray<number>) =>
      new EncodedPart(this.#call, stream, joining.part, own, framePts)
    return { joining, plan, head: part(plan.head), tail: part(plan.tail) }
  }

  #guarded<A>(work: () => A): A | undefined {
    if (this.refusal !== undefined) return undefined
    try {
      return work()
    } catch (error) {
      this.isTooCoarse = error instanceof TooCoarse
      this.refusal = this.isTooCoarse ? "its re-encoded pictures come out too coarse" : reasonOf(error)
      return undefined
    }
  }

  #guardedRun(part: EncodedPart): FrameRun {
    return {
      framePts: part.framePts,
      add: (frame) => this.#guarded(() => part.add(frame)),
      end: () => {
        this.#guarded(() => part.end())
        this.#open--
        if (this.#open === 0) this.#write()
      },
    }
  }

  #write(): void {
    const parts = this.#parts
    if (parts === undefined) return
    const { head, joining, plan, tail } = parts
    const whole = this.#guarded(() => {
      writeJoined(this.#call, joining, plan, [head, tail], this.#packets, this.#io)
      checkJoined(this.#call, plan.from, joining.isRewritten ? plan.firstGroup : 1, this.#io)
      return true
    })
    if (whole === true) this.#onDone(plan.copied.length)
  }

  /** Says which runs did not get their frames. */
  missed(runs: ReadonlySet<FrameRun>): void {
    if (this.runs.some((run) => runs.has(run)))
      this.refusal ??= "a frame beside what could be copied does not decode from its key frame on"
  }

  [Symbol.dispose](): void {
    this.#parts?.head[Symbol.dispose]()
    this.#parts?.tail[Symbol.dispose]()
  }
}
