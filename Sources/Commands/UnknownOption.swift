import ArgumentParser
import AviaryArchives
import AviaryDiagnostics

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An option on the command line that the subcommand does not have. The parser reports a missing argument first, which
/// often is missing only because the option was misspelt.
struct UnknownOption {
  let name: String
  let near: String?
  /// The command that does not have it.
  let command: any ParsableCommand.Type

  var error: ValidationError {
    ValidationError("unknown option '\(name)'" + (near.map { "; did you mean '\($0)'?" } ?? ""))
  }

  /// The first one of the program's command line; nil if every option is known.
  static func first(
    of root: any ParsableCommand.Type, among arguments: [String] = Array(PathText.arguments.dropFirst())
  ) -> UnknownOption? {
    let subcommand = arguments.first.flatMap { word in
      root.configuration.subcommands.first { $0.configuration.commandName == word }
    }
    guard let known = names(of: subcommand ?? root) else { return nil }
    for (index, argument) in arguments.enumerated() {
      if argument == "--" { return nil }
      guard argument.hasPrefix("--") else { continue }
      let name = String(argument.prefix { $0 != "=" })
      // A value may begin with dashes where an option stands before it.
      let isValue = index > 0 && arguments[index - 1].hasPrefix("-") && !arguments[index - 1].contains("=")
      if known.contains(name) || isValue { continue }
      return UnknownOption(name: name, near: nearestName(to: name, among: known), command: subcommand ?? root)
    }
    return nil
  }

  /// The long names of a command's options, from its help; nil if the help has none.
  private static func names(of command: any ParsableCommand.Type) -> Set<String>? {
    let words = command.helpMessage(columns: 10_000).split { $0.isWhitespace || $0 == "," || $0 == "/" || $0 == "[" }
    let names = words.filter { $0.hasPrefix("--") }.map { String($0.prefix { $0 != "=" && $0 != "]" }) }
    return names.isEmpty ? nil : Set(names).union(["--help", "--version"])
  }
}
