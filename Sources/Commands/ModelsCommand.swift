import ArgumentParser
import Aviary
import AviaryHub

struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models", abstract: "List the networks, or print one as a tree of layers, with their shapes and costs."
  )

  @Argument(help: "The network to print as a tree.")
  var name: String?

  @Flag(help: "Also list the toy networks that tests use.") var all = false
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var folder: WeightsOptions

  func run() throws {
    let weights = try WeightsFolder.find(given: folder.weights)?.weights ?? []
    let tables = try PublishedTable.standard()
    let named = try name.map { name throws(ArchitectureFault) in
      try AviaryCommand.registry.architecture(named: name)
    }
    let listed = named.map { [$0] } ?? AviaryCommand.registry.architectures.filter { all || !$0.isToy }
    let networks = try listed.map { architecture in
      ListedNetwork(
        architecture: architecture, model: try architecture.build(),
        weights: weights.filter { $0.architecture == architecture.name }.map(\.name),
        published: tables.names(forArchitecture: architecture.name), isNamed: named != nil)
    }
    if json {
      printJSON(JSONValue.members(["models": .array(networks.map(\.object))]))
    } else if named != nil {
      networks.flatMap(\.details).forEach(show)
    } else {
      let rows = [["name", "parameters", "input", "head", "shipped weights"]] + networks.map(\.row)
      table(rows, right: [1]).forEach(show)
    }
  }
}

/// A network as `aviary models` shows it.
private struct ListedNetwork {
  let architecture: Architecture
  let model: any Network
  let weights: [String]
  /// Names for `aviary pull`.
  let published: [String]
  /// What each layer makes of an input of the architecture's size, and what it costs; nil where nobody asks.
  let layers: LayerTable?

  init(
    architecture: Architecture, model: any Network, weights: [String], published: [String], isNamed: Bool
  ) {
    self.architecture = architecture
    self.model = model
    self.weights = weights
    self.published = published
    layers = isNamed ? LayerTable(model, input: architecture.input) : nil
  }

  private var parameters: Int { model.parameters.reduce(0) { $0 + $1.count } }

  /// The values that `--set` changes.
  private var settings: [JSONValue.Member] { model.configurationValue.members ?? [] }

  var row: [String] {
    [
      architecture.name, grouped(parameters), input,
      "\(model.headPath), \(grouped(model.configuration.outputs)) classes",
      weights.isEmpty ? "-" : weights.joined(separator: ", "),
    ]
  }

  var details: [String] {
    var lines = ["\(architecture.name): \(architecture.summary)"]
    lines += model.tree.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if let layers {
      lines.append("for an input of \(input):")
      lines += layers.lines.map { "  " + $0 }
    }
    lines.append("settings, for --set NAME=VALUE:")
    lines += settings.map { "  \($0.name)=\($0.value.text ?? $0.value.serialized)" }
    if !weights.isEmpty { lines.append("shipped weights: \(weights.joined(separator: ", "))") }
    if !published.isEmpty { lines.append("published weights: \(published.joined(separator: ", "))") }
    return lines
  }

  var object: JSONValue {
    .members([
      "name": .text(architecture.name), "summary": .text(architecture.summary),
      "parameters": .integer(parameters), "input": .array(architecture.input.map { .integer($0) }),
      "data": .texts(architecture.kinds.map(\.rawValue)), "head": .text(model.headPath),
      "outputs": .integer(model.configuration.outputs), "settings": .object(settings),
      "shipped_weights": .texts(weights), "published_weights": .texts(published),
      "layers": layers?.json ?? .null, "multiply_adds": layers.map { .integer($0.multiplyAdds) } ?? .null,
    ])
  }

  /// The shape of the input, such as `3x224x224`.
  private var input: String {
    architecture.kinds == [.text]
      ? "text, \(architecture.input.map(String.init).joined()) characters"
      : architecture.input.map(String.init).joined(separator: "x")
  }
}

/// The folder of the weights that come with Aviary.
