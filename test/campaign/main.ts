/**
 * All campaigns one after the other, at the size that CI has time for: `bun run campaigns`. Exits with 1 if one of them found
 * something. What cannot run here is named and left out.
 */
interface Campaign {
  readonly script: string
  readonly args: ReadonlyArray<string>
  /** Programs that have to be in the `PATH`. */
  readonly needs: ReadonlyArray<string>
}

const campaigns: ReadonlyArray<Campaign> = [
  // The limits of an idle machine are doubled: CI's may be slower.
  { script: "model.ts", args: ["--megabytes", "300", "--block-ms", "200"], needs: [] },
  { script: "disk/main.ts", args: [], needs: [] },
  { script: "media/main.ts", args: ["--count", "40"], needs: ["ffmpeg", "ffprobe"] },
]

const failed: Array<string> = []
for (const { script, args, needs } of campaigns) {
  const missing = needs.filter((program) => Bun.which(program) === null)
  if (missing.length > 0) {
    console.log(`\n${script} is left out: ${missing.join(" and ")} must be installed for it`)
    continue
  }
  console.log(`\n${[script, ...args].join(" ")}`)
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/${script}`, ...args], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  })
  if ((await child.exited) !== 0) failed.push(script)
}
console.log(failed.length === 0 ? "\nall campaigns are well" : `\nnot well: ${failed.join(", ")}`)
process.exitCode = failed.length === 0 ? 0 : 1
