import { Either } from "effect"
import type { GoldError } from "../gold.ts"
import { invalid } from "./GoldFormat.ts"

const clock = /^(?:(\d+):)?([0-5]?\d):([0-5]?\d(?:[.,]\d+)?)$/u

/** Seconds of `HH:MM:SS.ss` or `MM:SS.ss`; a comma may stand for the point. `place` is named in the error. */
export const clockSeconds = (file: string, place: string, text: string): Either.Either<number, GoldError> => {
  const [, hours = "0", minutes = "0", seconds = "0"] = clock.exec(text.trim()) ?? []
  return clock.test(text.trim())
    ? Either.right(Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds.replace(",", ".")))
    : Either.left(invalid(file, `${place} is ${JSON.stringify(text)}, not a time such as 00:01:02.500`))
}

/** `HH:MM:SS.mmm`, rounded to the millisecond; `point` is the decimal sign. */
export const clockText = (seconds: number, point: "." | "," = "."): string => {
  const total = Math.round(seconds * 1000)
  const two = (value: number) => String(value).padStart(2, "0")
  const ms = String(total % 1000).padStart(3, "0")
  const whole = Math.floor(total / 1000)
  return `${two(Math.floor(whole / 3600))}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}${point}${ms}`
}
