import ArgumentParser
import AviaryArchives
import AviaryDiagnostics

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A command that takes the arguments of another one beside its own.
protocol ForwardingCommand: ParsableCommand {
  /// The command that takes them; nil where the arguments do not say which.
  static func receiver(of arguments: [String]) -> (any ParsableCommand.Type)?
}

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
    guard var options = Names(of: subcommand ?? root) else { return nil }
    if let forwarding = subcommand as? any ForwardingCommand.Type {
      // Whose options are those of another command, too.
      guard let receiver = forwarding.receiver(of: Array(arguments.dropFirst())), let its = Names(of: receiver) else {
        return nil
      }
      options.formUnion(its)
    }
    for (index, argument) in arguments.enumerated() {
      if argument == "--" { return nil }
      guard argument.hasPrefix("--") else { continue }
      let name = String(argument.prefix { $0 != "=" })
      // A value may begin with dashes where an option stands before it.
      let isValue = index > 0 && options.awaitsValue(after: arguments[index - 1])
      if options.all.contains(name) || isValue { continue }
      return UnknownOption(name: name, near: nearestName(to: name, among: options.all), command: subcommand ?? root)
    }
    return nil
  }

  /// The long names of a command's options, from its help.
  struct Names {
    var all: Set<String> = ["--help", "--version"]
    /// Those of options that take a value.
    private var taking: Set<String> = []
    /// Of each option that has several: `--learning-rate` and `--lr`, `--crop-margin` and `--no-crop-margin`.
    private var alike: [[String]] = []

    /// nil if the help has no options.
    init?(of command: any ParsableCommand.Type) {
      let help = command.helpMessage(columns: 10_000)
      func isBetweenWords(_ letter: Character) -> Bool {
        letter.isWhitespace || letter == "," || letter == "/" || letter == "["
      }
      for line in help.split(whereSeparator: \.isNewline) where line.hasPrefix("  -") {
        let names = line.split(whereSeparator: isBetweenWords).prefix { $0.hasPrefix("-") }.map(String.init)
        if names.count > 1 { alike.append(names) }
      }
      let words = help.split(whereSeparator: isBetweenWords)
      // The names of one option, which stand before its value.
      var last: [String] = []
      for word in words {
        if word.hasPrefix("--") {
          last.append(String(word.prefix { $0 != "=" && $0 != "]" }))
          all.insert(last[last.count - 1])
          // A flag in the line of the usage.
          if word.hasSuffix("]") { last = [] }
        } else {
          if word.hasPrefix("<") { taking.formUnion(last) }
          last = []
        }
      }
      if all.count == 2 { return nil }
    }

    mutating func formUnion(_ other: Names) {
      all.formUnion(other.all)
      taking.formUnion(other.taking)
      alike += other.alike
    }

    /// All names of the option that has this one.
    func alike(_ name: String) -> [String] { alike.first { $0.contains(name) } ?? [name] }

    func takesValue(_ name: String) -> Bool { taking.contains(name) }

    func nearest(to name: String) -> String? { nearestName(to: name, among: all) }

    func awaitsValue(after argument: String) -> Bool {
      taking.contains(argument) || argument.hasPrefix("-") && !argument.hasPrefix("--")
    }
  }
}
