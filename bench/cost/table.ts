import type { Figures } from "../case.ts"

const usd = (value: number | string | undefined): string => `$${Number(value).toFixed(2)}`

const share = (value: number | string | undefined): string => `${Math.round(Number(value))} %`

const row = (model: string, figures: Figures): string => {
  const cells = [
    `\`${figures.protocol}\``,
    `\`${model}\``,
    usd(figures.usd_per_hour_before),
    `${usd(figures.usd_per_hour)} (${share(figures.percent)})`,
    `${usd(figures.usd_per_hour_512)} (${share(figures.percent_512)})`,
    `${usd(figures.usd_per_hour_half)} (${share(figures.percent_half)}, ${figures.half_by})`,
  ]
  return `| ${cells.join(" | ")} |`
}

/** The results of the cost cases as a table in Markdown; undefined if there are none. */
export const costTable = (results: Readonly<Record<string, Figures>>): string | undefined => {
  const rows = Object.entries(results).flatMap(([name, figures]) => {
    const [, model] = /^cost: (.*)$/u.exec(name) ?? []
    return model === undefined ? [] : [row(model, figures)]
  })
  if (rows.length === 0) return undefined
  return [
    "| protocol | model | full images | by default | `--send-max-side 512` | by default, half price |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n")
}
