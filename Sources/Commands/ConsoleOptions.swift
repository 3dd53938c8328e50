import ArgumentParser
import AviaryArchives

/// What a command prints beside its results.
struct ConsoleOptions: ParsableArguments {
  @Flag(help: "Print results and errors only: no progress, no notes.") var quiet = false

  /// Options are validated before the command runs, so that nothing is printed before this takes effect.
  func validate() { if quiet { Notices.areSilenced = true } }
}
