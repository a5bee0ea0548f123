import { join } from "node:path"
import type { SourceFile } from "typescript/unstable/ast"
import { API, DiagnosticCategory } from "typescript/unstable/async"

// Declared but not used, or never reached: a mutant may leave that behind, and it runs all the same.
const harmless = new Set([6133, 6192, 6196, 6198, 6199, 6205, 7027, 7028])

/**
 * The TypeScript compiler over the project of `root/tsconfig.json`.
 *
 * The interface is the one that TypeScript 7 calls unstable, which is why the compiler's version is pinned. Only the
 * asynchronous one runs on Bun.
 */
export const openCompiler = async (root: string) => {
  const changed = new Map<string, string>()
  const api = new API({ cwd: root, fs: { readFile: (path) => changed.get(path) } })
  const config = join(root, "tsconfig.json")
  let snapshot = await api.updateSnapshot({ openProjects: [config] })
  const program = () => {
    const project = snapshot.getProject(config)
    if (project === undefined) throw new Error(`${config} is no project that TypeScript can open`)
    return project.program
  }

  return {
    /** The syntax tree of a file, by its path from the root. */
    sourceFile: async (file: string): Promise<SourceFile> => {
      const found = await program().getSourceFile(join(root, file))
      if (found === undefined) throw new Error(`${file} does not belong to the project of ${config}`)
      return found
    },
    /** What the compiler says against a file if its text were this one. */
    errorsIn: async (file: string, text: string): Promise<ReadonlyArray<string>> => {
      const path = join(root, file)
      const look = async () => {
        const before = snapshot
        snapshot = await api.updateSnapshot({ fileChanges: { changed: [path] } })
        await before.dispose()
      }
      changed.set(path, text)
      await look()
      const found = [
        ...(await program().getSyntacticDiagnostics(path)),
        ...(await program().getSemanticDiagnostics(path)),
      ]
      changed.delete(path)
      await look()
      return found
        .filter(({ category, code }) => category === DiagnosticCategory.Error && !harmless.has(code))
        .map((diagnostic) => diagnostic.text)
    },
    [Symbol.asyncDispose]: () => api.close(),
  }
}

export type Compiler = Awaited<ReturnType<typeof openCompiler>>
