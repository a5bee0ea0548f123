import { cpus, totalmem } from "node:os"
import manifest from "../package.json"
import type { Figures } from "./case.ts"

/** Everything a run of the bench found out, as it is saved. */
export interface Report {
  readonly when: string
  readonly commit: string
  readonly machine: {
    readonly cpu: string
    readonly cores: number
    readonly memory_gb: number
    readonly system: string
  }
  readonly versions: Readonly<Record<string, string>>
  readonly results: Readonly<Record<string, Figures>>
}

const commit = (): string => {
  const found = Bun.spawnSync(["git", "rev-parse", "--short", "HEAD"], { cwd: import.meta.dir })
  return found.exitCode === 0 ? found.stdout.toString().trim() : "unknown"
}

export const makeReport = (results: Readonly<Record<string, Figures>>): Report => ({
  when: new Date().toISOString(),
  commit: commit(),
  machine: {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch}`,
  },
  versions: {
    triptych: manifest.version,
    bun: Bun.version,
    "node-av": manifest.optionalDependencies["node-av"],
    "@ffmpeg/core": manifest.dependencies["@ffmpeg/core"],
  },
  results,
})

const shown = (value: number | string): string =>
  typeof value === "string" ? value : Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)

/** One line per case: its figures by name. */
export const caseLine = (name: string, figures: Figures): string =>
  `${name.padEnd(46)} ${Object.entries(figures)
    .map(([figure, value]) => `${figure} ${shown(value)}`)
    .join("  ")}`

const secondsOf = (figures: Figures | undefined): number | undefined => {
  const seconds = figures?.seconds
  return typeof seconds === "number" && seconds > 0 ? seconds : undefined
}

/** Times of every case against a reference case of the same run; above 1 the reference is slower. */
export const ratios = (results: Report["results"], reference: string): ReadonlyArray<string> => {
  const base = secondsOf(results[reference])
  if (base === undefined) return []
  return Object.entries(results).flatMap(([name, figures]) => {
    const seconds = secondsOf(figures)
    if (seconds === undefined || name === reference || !name.includes("50 ")) return []
    return [`${name.padEnd(56)} ${(seconds / base).toFixed(2)} x the time of ${reference}`]
  })
}

/** How the cases of two reports compare: time now over time then. */
export const comparison = (before: Report, now: Report): ReadonlyArray<string> =>
  Object.entries(now.results).flatMap(([name, figures]) => {
    const [then, seconds] = [secondsOf(before.results[name]), secondsOf(figures)]
    return then === undefined || seconds === undefined
      ? []
      : [`${name.padEnd(46)} ${(seconds / then).toFixed(2)} x the time of ${before.commit}`]
  })

const escaped = (text: string): string => text.replace(/&/gu, "&amp;").replace(/</gu, "&lt;")

/** A bar chart of the seconds of the given cases, as SVG. Shorter is better. */
export const chart = (report: Report, title: string, names: ReadonlyArray<string>): string => {
  const bars = names.flatMap((name) => {
    const seconds = secondsOf(report.results[name])
    return seconds === undefined ? [] : [{ name, seconds }]
  })
  const most = Math.max(...bars.map(({ seconds }) => seconds), 1e-9)
  const row = 26
  const height = 70 + bars.length * row
  const lines = bars.map(({ name, seconds }, i) => {
    const y = 52 + i * row
    const width = Math.max(1, (seconds / most) * 380)
    const colour = name.startsWith("peer") ? "#9aa7b4" : "#2f6fb3"
    return [
      `<text x="330" y="${y + 13}" text-anchor="end">${escaped(name.replace(/: 50 frames$/u, ""))}</text>`,
      `<rect x="340" y="${y}" width="${width.toFixed(1)}" height="18" rx="2" fill="${colour}"/>`,
      `<text x="${(348 + width).toFixed(1)}" y="${y + 13}">${shown(seconds)} s</text>`,
    ].join("\n")
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="800" height="${height}" viewBox="0 0 800 ${height}" font-family="system-ui, sans-serif" font-size="13" fill="#1d2733">
<title>${escaped(title)}</title>
<rect width="800" height="${height}" fill="#ffffff"/>
<text x="20" y="24" font-size="16" font-weight="600">${escaped(title)}</text>
<text x="20" y="42" fill="#5b6875">${escaped(`${report.machine.cpu}, ${report.machine.cores} cores, ${report.machine.system}; shorter is better`)}</text>
${lines.join("\n")}
</svg>
`
}
