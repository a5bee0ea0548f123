import type { ReadingsRecord } from "../../dataset/records.ts"
import { agreementOf, type BorderAgreement, disagrees, indexAt, withMedians } from "../../plan/agreement.ts"
import { checkLocalization, type Localization, type LocalizationContext } from "../../plan/localization.ts"

/** What readings come to. */
export interface Settled {
  readonly localization: Localization
  readonly borders: ReadingsRecord["borders"]
}

const flagOf = (agreement: BorderAgreement) => (disagrees(agreement) ? { flag: "disagreement" as const } : {})

/** Whether readings disagree on any border. */
export const isDoubtful = (
  readings: ReadonlyArray<Localization>,
  { boundarySeconds }: LocalizationContext,
): boolean => agreementOf(readings, boundarySeconds).some(disagrees)

/**
 * Where steps are by all readings together: medians where they disagree. Where those would break a rule, such as that steps do not
 * overlap, the first reading stands.
 */
export const settle = (
  first: Localization,
  others: ReadonlyArray<Localization>,
  context: LocalizationContext,
): Settled => {
  const agreements = agreementOf([first, ...others], context.boundarySeconds)
  const checked = checkLocalization(context, withMedians(first, agreements))
  const localization = checked.ok ? checked.value : first
  return {
    localization,
    borders: agreements.map((agreement) => ({
      ...agreement,
      frame_indices: [...agreement.frame_indices],
      frame_index: indexAt(localization, agreement) ?? agreement.median_index,
      ...flagOf(agreement),
    })),
  }
}
