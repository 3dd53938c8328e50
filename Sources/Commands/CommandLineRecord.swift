import Aviary
import AviaryArchives

/// The command line that began a run, in its folder, so that a report can say how to repeat it.
enum CommandLineRecord {
  static let name = "command.txt"

  /// Writes it once the run has begun: before, there may be no folder.
  static func attach(to hooks: inout TrainingHooks, run: String) {
    let observe = hooks.observe
    var isWritten = false
    hooks.observe = { event in
      observe(event)
      if isWritten { return }
      isWritten = true
      let line = (["aviary"] + PathText.arguments.dropFirst().map(quoted)).joined(separator: " ") + "\n"
      // A run does not fail for it: what it needs itself it writes elsewhere.
      try? writeDurably([ByteRegion(Array(line.utf8))], to: run + "/" + name)
    }
  }

  /// The argument as a shell takes it for one word.
  static func quoted(_ argument: String) -> String {
    let plain = argument.unicodeScalars.allSatisfy { scalar in
      scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "_./=:,@%+-".unicodeScalars.contains(scalar)
    }
    return plain && !argument.isEmpty ? argument : "'" + argument.replacing("'", with: "'\\''") + "'"
  }
}
