import {
  isCallExpression,
  isExportDeclaration,
  isImportDeclaration,
  isPropertyAssignment,
  isTemplateExpression,
  isTypeNode,
  type Node,
  type SourceFile,
  SyntaxKind,
} from "typescript/unstable/ast"
import { type Mutant, mutantOf } from "./mutant.ts"
import { changesAt } from "./operators.ts"

// What gives a name to an operation or a service, or writes a log line. Nothing depends on such a text.
const naming = /^(?:Effect\.(?:fn|withSpan|annotate\w+|log\w*)|Context\.\w+)$/u

/** Code that no mutant changes: types, imports, and what only names things. */
const isLeftAlone = (node: Node, file: SourceFile): boolean => {
  if (isTypeNode(node) || isImportDeclaration(node) || isExportDeclaration(node)) return true
  if (
    node.kind === SyntaxKind.InterfaceDeclaration ||
    node.kind === SyntaxKind.TypeAliasDeclaration ||
    node.kind === SyntaxKind.HeritageClause
  )
    return true
  return (
    isCallExpression(node) &&
    naming.test(file.text.slice(node.expression.getStart(file), node.expression.end))
  )
}

const isProse = (node: Node, file: SourceFile): boolean =>
  isTemplateExpression(node) && /\s/u.test(file.text.slice(node.getStart(file), node.end))

const isKey = (node: Node): boolean => isPropertyAssignment(node.parent) && node.parent.name === node

/**
 * All mutants of one file, in the order of the text.
 *
 * Not changed: types, imports and exports, names of spans and services, log lines, what a class extends, keys of objects, regular
 * expressions, and prose: a string or template that holds white space, and the strings inside such a template.
 */
export const candidates = (path: string, file: SourceFile): ReadonlyArray<Mutant> => {
  const found: Array<Mutant> = []
  const visit = (node: Node, inProse: boolean): void => {
    if (isLeftAlone(node, file)) return
    for (const { operator, ...edit } of changesAt(node, file)) {
      if (operator === "text" && (inProse || isKey(node))) continue
      found.push(mutantOf(path, file.text, operator, edit))
    }
    const prose = inProse || isProse(node, file)
    node.forEachChild((child) => {
      visit(child, prose)
      return undefined
    })
  }
  visit(file, false)
  return found.toSorted((a, b) => a.start - b.start || a.end - b.end)
}
