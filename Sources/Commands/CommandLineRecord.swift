import AviaryArchives

/// The command line of this process, as a shell takes it, so that a report can say how to repeat a run.
enum CommandLineRecord {
  static var current: String {
    (["aviary"] + PathText.arguments.dropFirst().map(quoted)).joined(separator: " ")
  }

  /// The argument as a shell takes it for one word.
  static func quoted(_ argument: String) -> String {
    let plain = argument.unicodeScalars.allSatisfy { scalar in
      scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "_./=:,@%+-".unicodeScalars.contains(scalar)
    }
    return plain && !argument.isEmpty ? argument : "'" + argument.replacing("'", with: "'\\''") + "'"
  }
}
