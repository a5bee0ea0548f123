import {
  isArrayLiteralExpression,
  isBigIntLiteral,
  isBinaryExpression,
  isBlock,
  isCallExpression,
  isConditionalExpression,
  isExpressionStatement,
  isIdentifier,
  isIfStatement,
  isNoSubstitutionTemplateLiteral,
  isNumericLiteral,
  isPrefixUnaryExpression,
  isPropertyAccessExpression,
  isSpreadAssignment,
  isSpreadElement,
  isStringLiteral,
  isTemplateExpression,
  isThrowStatement,
  isWhileStatement,
  type Node,
  type SourceFile,
  type Statement,
  SyntaxKind,
} from "typescript/unstable/ast"
import type { Edit } from "./mutant.ts"

/** One change that an operator can make at a node. */
export interface Change extends Edit {
  readonly operator: string
}

type Operator = (node: Node, file: SourceFile) => ReadonlyArray<Edit>

const textOf = (node: Node, file: SourceFile): string => file.text.slice(node.getStart(file), node.end)

const replaced = (node: Node, file: SourceFile, text: string): Edit => ({
  start: node.getStart(file),
  end: node.end,
  text,
})

/** Swaps the operator of a binary expression for each of those that are listed under it. */
const swapOf =
  (swaps: ReadonlyMap<SyntaxKind, string>): Operator =>
  (node, file) => {
    if (!isBinaryExpression(node)) return []
    const other = swaps.get(node.operatorToken.kind)
    return other === undefined ? [] : [replaced(node.operatorToken, file, other)]
  }

const comparison = swapOf(
  new Map([
    [SyntaxKind.LessThanToken, "<="],
    [SyntaxKind.LessThanEqualsToken, "<"],
    [SyntaxKind.GreaterThanToken, ">="],
    [SyntaxKind.GreaterThanEqualsToken, ">"],
    [SyntaxKind.EqualsEqualsEqualsToken, "!=="],
    [SyntaxKind.ExclamationEqualsEqualsToken, "==="],
  ]),
)

const arithmetic = swapOf(
  new Map([
    [SyntaxKind.PlusToken, "-"],
    [SyntaxKind.MinusToken, "+"],
    [SyntaxKind.AsteriskToken, "/"],
    [SyntaxKind.SlashToken, "*"],
    [SyntaxKind.PercentToken, "*"],
    [SyntaxKind.AsteriskAsteriskToken, "*"],
    [SyntaxKind.PlusEqualsToken, "-="],
    [SyntaxKind.MinusEqualsToken, "+="],
  ]),
)

const logical = swapOf(
  new Map([
    [SyntaxKind.AmpersandAmpersandToken, "||"],
    [SyntaxKind.BarBarToken, "&&"],
  ]),
)

const isFactor = (node: Node): boolean => {
  const kind = isBinaryExpression(node.parent) ? node.parent.operatorToken.kind : undefined
  return kind === SyntaxKind.AsteriskToken || kind === SyntaxKind.SlashToken
}

/** Above it a number becomes twice as large: one more would be no mistake that matters. */
const largeNumber = 1000

/** `n` becomes `n + 1`, or `2 n` if it is large; a factor is also left out. */
const number: Operator = (node, file) => {
  if (isBigIntLiteral(node)) return [replaced(node, file, `${BigInt(node.text.replace("n", "")) + 1n}n`)]
  if (!isNumericLiteral(node)) return []
  const value = Number(node.text.replaceAll("_", ""))
  const more = value > largeNumber ? value * 2 : value + 1
  const others = isFactor(node) && value !== 1 ? [more, 1] : [more]
  return others.map((other) => replaced(node, file, String(other)))
}

const boolean: Operator = (node, file) => {
  if (node.kind === SyntaxKind.TrueKeyword) return [replaced(node, file, "false")]
  return node.kind === SyntaxKind.FalseKeyword ? [replaced(node, file, "true")] : []
}

/** The text of literals that are no prose: words without white space. */
const text: Operator = (node, file) => {
  if (!isStringLiteral(node) && !isNoSubstitutionTemplateLiteral(node) && !isTemplateExpression(node))
    return []
  const whole = textOf(node, file)
  return whole.length > 2 && !/\s/u.test(whole) ? [replaced(node, file, '""')] : []
}

/** A condition is negated, or its negation is dropped; the arms of a ternary change places. */
const condition: Operator = (node, file) => {
  if (isPrefixUnaryExpression(node) && node.operator === SyntaxKind.ExclamationToken)
    return [replaced(node, file, textOf(node.operand, file))]
  if (isConditionalExpression(node)) {
    const [yes, no] = [textOf(node.whenTrue, file), textOf(node.whenFalse, file)]
    return [{ start: node.whenTrue.getStart(file), end: node.whenFalse.end, text: `(${no}) : (${yes})` }]
  }
  if (!isIfStatement(node) && !isWhileStatement(node)) return []
  // A negation is dropped where it stands, and `while (true)` is what an operator of its own changes.
  if (isPrefixUnaryExpression(node.expression) || node.expression.kind === SyntaxKind.TrueKeyword) return []
  return [replaced(node.expression, file, `!(${textOf(node.expression, file)})`)]
}

/** `a ?? b` becomes `a`, and `b`. */
const fallback: Operator = (node, file) =>
  isBinaryExpression(node) && node.operatorToken.kind === SyntaxKind.QuestionQuestionToken
    ? [node.left, node.right].map((kept) => replaced(node, file, textOf(kept, file)))
    : []

const endsEarly = (statement: Statement): boolean =>
  [
    SyntaxKind.ReturnStatement,
    SyntaxKind.ThrowStatement,
    SyntaxKind.ContinueStatement,
    SyntaxKind.BreakStatement,
  ].includes(statement.kind)

/** A call, an assignment, a `yield*`, a `throw`, or a guard that returns early is taken out. */
const statement: Operator = (node, file) => {
  if (isExpressionStatement(node) || isThrowStatement(node)) return [replaced(node, file, ";")]
  if (!isIfStatement(node) || node.elseStatement !== undefined) return []
  const then = node.thenStatement
  const last = isBlock(then) ? then.statements.at(-1) : then
  return last !== undefined && endsEarly(last) ? [replaced(node, file, ";")] : []
}

const spread: Operator = (node, file) => {
  if (isSpreadAssignment(node)) return [replaced(node.expression, file, "{}")]
  return isSpreadElement(node) && isArrayLiteralExpression(node.parent)
    ? [replaced(node.expression, file, "[]")]
    : []
}

const otherMethods: ReadonlyMap<string, string> = new Map([
  ["min", "max"],
  ["max", "min"],
  ["floor", "ceil"],
  ["ceil", "floor"],
  ["round", "floor"],
  ["every", "some"],
  ["some", "every"],
  ["startsWith", "endsWith"],
  ["endsWith", "startsWith"],
])

/** `Math.min` becomes `Math.max`, `every` becomes `some`, and the like. */
const method: Operator = (node, file) => {
  if (!isPropertyAccessExpression(node) || !isCallExpression(node.parent)) return []
  if (node.parent.expression !== node) return []
  const other = otherMethods.get(node.name.text)
  return other === undefined ? [] : [replaced(node.name, file, other)]
}

const sliced = new Set(["slice", "subarray", "substring"])
const passedThrough = new Set(["filter", "toSorted", "trim", "trimEnd", "trimStart", "toLowerCase"])

/** The last bound of a slice is left out; what only filters, sorts or trims is left out as a whole. */
const link: Operator = (node, file) => {
  if (!isCallExpression(node) || !isPropertyAccessExpression(node.expression)) return []
  const { name, expression } = node.expression
  // `Effect.filter` and the like are functions of a module, not methods of a value.
  if (isIdentifier(expression) && /^[A-Z]/u.test(expression.text)) return []
  if (passedThrough.has(name.text)) return [replaced(node, file, textOf(expression, file))]
  const last = node.arguments.at(-1)
  if (!sliced.has(name.text) || last === undefined) return []
  const start =
    node.arguments.length > 1 ? node.arguments[node.arguments.length - 2]?.end : last.getStart(file)
  return start === undefined ? [] : [{ start, end: last.end, text: "" }]
}

const operators: Readonly<Record<string, Operator>> = {
  comparison,
  arithmetic,
  logical,
  number,
  boolean,
  text,
  condition,
  fallback,
  statement,
  spread,
  method,
  link,
}

/** Every change that the operators can make at this very node. */
export const changesAt = (node: Node, file: SourceFile): ReadonlyArray<Change> =>
  Object.entries(operators).flatMap(([operator, change]) =>
    change(node, file).map((edit) => ({ operator, ...edit })),
  )
