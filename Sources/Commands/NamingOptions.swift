import ArgumentParser
import Aviary

/// Which network the weights of a foreign checkpoint are for, and how its tensors become that network's.
struct NamingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The network that the weights belong to, in the sizes of the file's tensors; 'aviary models' lists them.",
      valueName: "name"))
  var architecture: String?
  @Option(
    help: ArgumentHelp(
      "Rename tensors (layers in a Keras file): every match is replaced; $1 is the first group. Repeatable.",
      valueName: "regex=replacement"))
  var rename: [String] = []
  @Flag(
    help: """
      Match tensors by order and shape instead of by name. The file's order is the one that inspect prints, the network's \
      that of 'aviary models NAME'.
      """)
  var byStructure = false
  @Option(
    help: ArgumentHelp(
      "Transpose these matrices, which the file keeps as [inputs, outputs]: a name, or '**' for all. Repeatable.",
      valueName: "pattern"))
  var transpose: [String] = []
  @Option(
    help: ArgumentHelp(
      "The entry of a PyTorch training checkpoint with the weights (detected, averaged weights first).",
      valueName: "key"))
  var weightsKey: String?

  /// What a person typed wrongly is told before a file is read.
  func validate() throws {
    for rule in rename {
      do throws(CheckpointFault) { _ = try RenamingRule(rule) } catch {
        throw ValidationError("\(error)")
      }
    }
    for pattern in transpose {
      do { _ = try PathPattern(pattern) } catch { throw ValidationError("--transpose \(pattern): \(error)") }
    }
    if let architecture {
      do throws(ArchitectureFault) { _ = try AviaryCommand.registry.architecture(named: architecture) } catch {
        throw ValidationError("--architecture: \(error)")
      }
    }
  }

  /// Refuses an entry of a PyTorch file for another file.
  func checkFormat(of checkpoint: Checkpoint, _ path: String) throws(OptionFault) {
    try Self.checkWeightsKey(weightsKey, of: checkpoint, path)
  }

  static func checkWeightsKey(_ key: String?, of checkpoint: Checkpoint, _ path: String) throws(OptionFault) {
    switch checkpoint.format {
    case _ where key == nil, .pytorchZip, .pytorchLegacy, .pytorchTar, .pickle: return
    default:
      throw OptionFault(
        "--weights-key is for PyTorch files, and \(path) is \(checkpoint.format.rawValue); leave it out")
    }
  }

  /// How the file's names and axes become the network's.
  ///
  /// - Parameter changes: of `--set`.
  func adaptation(changing changes: [ConfigurationChange] = []) throws -> Adaptation {
    Adaptation(
      renames: try rename.map { rule throws(CheckpointFault) in try RenamingRule(rule) }, byStructure: byStructure,
      changing: changes, transposing: try transpose.map { text throws(PathPattern.Fault) in try PathPattern(text) })
  }
}

/// The values of `--set`.
func configurationChanges(_ set: [String]) throws -> [ConfigurationChange] {
  try set.map { text in
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, !parts[0].isEmpty else { throw ValidationError("--set \(text): give NAME=VALUE") }
    return ConfigurationChange(name: parts[0], value: parts[1])
  }
}
