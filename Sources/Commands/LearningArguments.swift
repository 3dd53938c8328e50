import ArgumentParser
import Aviary

/// How a run learns, beside its optimizer and its schedule.
struct LearningArguments: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Take a step of the optimizer every n batches, along the gradient of all of their items together: batches n times as large in the same memory (1).",
      valueName: "n"))
  var accumulate: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Add x times the sum of the magnitudes of all weights to the loss (0).", valueName: "x"))
  var l1: Double?
  @Option(
    help: ArgumentHelp(
      "How the weights of a network from scratch begin: \(Initializer.names.joined(separator: ", ")); with a deviation, bound, gain or value, such as normal=0.02 (the network's own).",
      valueName: "name"))
  var initializer: String?
  @Option(
    name: .customLong("dropblock"), parsing: .unconditional,
    help: ArgumentHelp(
      "DropBlock: drop squares of the maps of convolutional networks, in the end this share of them, with a side of 7 or of n (none).",
      valueName: "x[,n]"))
  var dropblock: DropBlockArgument?
  @Option(
    name: .customLong("dropblock-layers"),
    help: ArgumentHelp(
      "The layers that --dropblock works behind (those whose maps have the two smallest sizes).", valueName: "layer,..."
    ))
  var dropblockLayers: String?

  func validate() throws {
    try checkOption("--accumulate", accumulate, in: 1...65_536)
    try checkOption("--l1", l1, "a number of at least 0") { $0 >= 0 && Float($0).isFinite }
    if let initializer, Initializer(named: initializer) == nil {
      throw ValidationError(
        "--initializer \(initializer) is not known; use \(Initializer.names.joined(separator: ", ")), with a number above 0 behind '=' for normal, uniform, truncated-normal, constant and orthogonal"
      )
    }
    try checkOption("--dropblock", dropblock, "a share between 0 and 1, and a side from 1 to 1024") {
      $0.rate > 0 && $0.rate < 1 && (1...1024).contains($0.block)
    }
    if let dropblockLayers {
      if dropblock == nil { throw ValidationError("--dropblock-layers needs --dropblock") }
      for layer in Self.layers(dropblockLayers) {
        do throws(PathPattern.Fault) { _ = try PathPattern(layer) } catch {
          throw ValidationError("--dropblock-layers: \(error)")
        }
      }
    }
  }

  private static func layers(_ list: String) -> [String] {
    list.split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
  }

  func apply(to settings: inout LearningSettings) {
    settings.accumulation = accumulate ?? 1
    settings.l1 = l1 ?? 0
    settings.initializer = initializer
    settings.dropBlock = dropblock.map {
      DropBlockSettings(rate: $0.rate, block: $0.block, layers: dropblockLayers.map(Self.layers))
    }
  }
}

/// A share, and perhaps the side of a square behind a comma.
struct DropBlockArgument: ExpressibleByArgument, CustomStringConvertible {
  let rate: Double
  let block: Int

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
    guard (1...2).contains(parts.count), let rate = Double(parts[0]) else { return nil }
    self.rate = rate
    guard parts.count == 2 else {
      block = 7
      return
    }
    guard let block = Int(parts[1]) else { return nil }
    self.block = block
  }

  var description: String { "\(rate),\(block)" }
}
