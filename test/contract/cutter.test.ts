import { afterAll, setDefaultTimeout } from "bun:test"
import { ManagedRuntime } from "effect"
import * as Ffmpeg from "../../src/video/ffmpeg/backend.ts"
import * as Libav from "../../src/video/libav/backend.ts"
import * as Wasm from "../../src/video/wasm/backend.ts"
import { cuttingBy } from "../video/video-layers.ts"
import { clipContract } from "./clips.contract.ts"
import type { CutterRun } from "./cut-frames.ts"
import { cutterContract } from "./cutter.contract.ts"

setDefaultTimeout(120_000)

const settings = { size: 2, deadlineMs: 60_000 }

/** One cutter, made once for all its tests. */
const contracts = (
  name: string,
  layer: ReturnType<typeof cuttingBy>,
  [kinds, copied, ranges]: readonly [number, number, number],
): void => {
  const runtime = ManagedRuntime.make(layer)
  afterAll(() => runtime.dispose())
  const run: CutterRun = (effect) => runtime.runPromise(effect)
  cutterContract({ name, run, kinds, copied, ranges })
  clipContract(name, run)
}

contracts("libav", cuttingBy(Libav.make(settings)), [99, 99, 99])
// The arguments that these two are given are the same, but for names: what libav's many kinds show is not shown three times.
contracts("wasm", cuttingBy(Wasm.make({ ...settings, size: 1 })), [2, 2, 2])
if (Bun.which("ffmpeg") !== null)
  contracts("ffmpeg", cuttingBy(Ffmpeg.make({ ...settings, bin: "ffmpeg" })), [2, 2, 2])
