import { basename } from "node:path"

/** What a tool gave: its output as bytes, and the end of what it complained of. */
export interface ToolRun {
  readonly code: number
  readonly stdout: Uint8Array
  readonly stderr: string
}

/** Longest time that a tool of the campaign itself may take, in milliseconds. */
const patienceMs = 120_000

/** Runs `ffmpeg` or `ffprobe` to its end. */
export const runTool = async (
  tool: "ffmpeg" | "ffprobe",
  args: ReadonlyArray<string>,
  stdin?: Uint8Array,
): Promise<ToolRun> => {
  const child = Bun.spawn([tool, "-hide_banner", ...args], {
    stdin: stdin ?? "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: patienceMs,
    killSignal: "SIGKILL",
  })
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { code, stdout, stderr: stderr.slice(-2000) }
}

/** Runs `ffmpeg` to write a file; throws with what it says if it cannot. */
export const encode = async (args: ReadonlyArray<string>, file: string): Promise<void> => {
  const { code, stderr } = await runTool("ffmpeg", ["-v", "error", "-nostdin", "-y", ...args, `file:${file}`])
  if (code !== 0) throw new Error(`ffmpeg cannot make ${basename(file)}: ${stderr}`)
}
