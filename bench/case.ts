/** One measurement: figures by name. Times in seconds, sizes in MB, shares and ratios without a unit. */
export type Figures = Readonly<Record<string, number | string>>

export interface BenchCase {
  readonly name: string
  readonly run: () => Promise<Figures>
}
