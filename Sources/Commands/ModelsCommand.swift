import ArgumentParser
import Aviary

struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models", abstract: "List the networks of the zoo, or print one as a tree.")

  @Argument(help: "A network, to be printed with all its layers.")
  var name: String?

  @OptionGroup var folder: WeightsOptions

  func run() throws {
    let weights = try WeightsFolder.find(given: folder.weights)?.weights ?? []
    if let name {
      let architecture = try AviaryCommand.registry.architecture(named: name)
      let shipped = weights.filter { $0.architecture == name }.map(\.name)
      print("\(architecture.name): \(architecture.summary)")
      print(try architecture.build().tree)
      if !shipped.isEmpty { print("shipped weights: \(shipped.joined(separator: ", "))") }
      return
    }
    var rows = [["name", "parameters", "input", "head", "shipped weights"]]
    for architecture in AviaryCommand.registry.architectures {
      let model = try architecture.build()
      let parameters = model.parameters.reduce(0) { $0 + $1.count }
      let shipped = weights.filter { $0.architecture == architecture.name }.map(\.name)
      rows.append([
        architecture.name, grouped(parameters), described(architecture),
        "\(model.headPath), \(grouped(model.configuration.outputs)) classes",
        shipped.isEmpty ? "-" : shipped.joined(separator: ", "),
      ])
    }
    for line in table(rows, right: [1]) { show(line) }
  }

  /// What the network takes: `3x224x224`, for instance.
  private func described(_ architecture: Architecture) -> String {
    architecture.kinds == [.text]
      ? "text, \(architecture.input.map(String.init).joined()) characters"
      : architecture.input.map(String.init).joined(separator: "x")
  }
}

/// Where shipped weights lie.
struct WeightsOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The folder of shipped weights; else $AVIARY_WEIGHTS, beside the executable, or the package's.",
      valueName: "dir"))
  var weights: String?
}
