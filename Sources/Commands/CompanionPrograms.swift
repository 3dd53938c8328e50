import ArgumentParser
import Aviary
import AviaryArchives
import AviaryDiagnostics

/// Executables beside this one that add a subcommand each: `aviary NAME …` runs `aviary-NAME …`, as git does.
///
/// What few people need (benchmarks, a server) is a program of its own, so that `aviary` neither links nor loads it.
struct CompanionPrograms {
  /// The folder of the running executable.
  let folder: String

  init(folder: String = parentFolder(of: WeightsFolder.executablePath)) { self.folder = folder }

  /// Runs the companion that the first argument names, in place of this process; returns where the first argument is an
  /// option, a subcommand of `root`, or names no program.
  func run(_ arguments: [String], unlessIn root: any ParsableCommand.Type) throws {
    guard let name = arguments.first, Self.isName(name), name != "help",
      !root.configuration.subcommands.contains(where: { $0.configuration.commandName == name })
    else { return }
    let path = "\(folder)/aviary-\(name)"
    guard let program = SuccessorProgram(path) else {
      let commands = root.configuration.subcommands.compactMap { $0.configuration.commandName }
      throw ValidationError(
        "'\(name)' is not a command"
          + (nearestName(to: name, among: commands).map { "; did you mean '\($0)'?" }
            ?? "; no program was found at \(path)"))
    }
    throw CommandFault.companionFails(path: path, reason: program.takeOver(arguments: Array(arguments.dropFirst())))
  }

  /// Whether the word can be the end of a program's name: nothing that leaves the folder.
  private static func isName(_ word: String) -> Bool {
    word.first?.isLetter == true && word.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" }
  }
}

private func parentFolder(of path: String) -> String {
  let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
  return parts == [""] ? "/" : parts.joined(separator: "/")
}
