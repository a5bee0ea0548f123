/** One file of the campaign. */
export interface CampaignFile {
  /** Names it for good, whatever else is in the campaign: `--only` takes it. */
  readonly id: string
  /** What it stands for; the report counts by it. */
  readonly kind: "contract" | "odd" | "mutated"
  /** Name it is given; its ending tells the container. */
  readonly name: string
  /** How many times longer than others its runs may take. 1 by default. */
  readonly timesAsLong?: number
  /** Writes it. The same bytes every time, on one machine. */
  readonly make: (path: string) => Promise<void>
}
