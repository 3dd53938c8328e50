import ArgumentParser
import Aviary

/// How texts are written by networks that write them.
struct WritingOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Search for texts with a beam of this width, for networks that write them (1: the most probable token each time).",
      valueName: "n"))
  var beam: Int?

  func validate() throws { try checkOption("--beam", beam, in: 1...BeamSearch.mostWidth) }

  /// Refuses the option for a network that writes no texts.
  func requireNone(path: String) throws(CommandFault) {
    if beam != nil { throw Self.unsuited(path: path) }
  }

  static func unsuited(path: String) -> CommandFault {
    .otherOutputs(path: path, reason: "its network writes no texts; leave out --beam")
  }
}
