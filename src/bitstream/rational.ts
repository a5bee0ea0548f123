/** A time base or ratio, `num / den`, both positive integers. */
export interface Rational {
  readonly num: number
  readonly den: number
}

/** Greatest common divisor of two whole numbers. */
export const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b))

/** A ratio of two positive whole numbers in lowest terms. */
export const reduced = (num: number, den: number): Rational => {
  const common = gcd(num, den)
  return { num: num / common, den: den / common }
}
