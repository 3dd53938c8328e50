import AviaryCheckpoints
import AviaryDiagnostics

/// Settings of Keras's layers that work in training only, and that training here does not heed.
struct KerasTrainingSettings {
  /// Layers that Keras does not train, and those with regularizers or constraints of their weights; in their order.
  private var frozen: [String] = []
  private var penalized: [String] = []
  /// Dropout that drops the same for several elements.
  private var shared: [String] = []

  mutating func add(_ name: String, _ kind: String, _ configuration: JSONValue) {
    func has(_ value: JSONValue, _ suffixes: [String]) -> Bool {
      value.members?.contains { member in
        suffixes.contains { member.name.hasSuffix($0) } && member.value.members?.isEmpty == false
      } ?? false
    }
    let own = [configuration] + ["layer", "forward_layer"].compactMap { configuration[$0]?["config"] }
    // Every layer has the setting; it says something of those whose weights Keras would train.
    if own.contains(where: { $0["trainable"]?.boolean == false && Self.hasWeights($0) }) {
      Self.note(name, in: &frozen)
    }
    if own.contains(where: { has($0, ["_regularizer", "_constraint"]) }) { Self.note(name, in: &penalized) }
    if kind == "Dropout", own[0]["noise_shape"]?.elements != nil { Self.note(name, in: &shared) }
  }

  /// Whether a layer says how its weights begin.
  private static func hasWeights(_ configuration: JSONValue) -> Bool {
    configuration.members?.contains { $0.name.hasSuffix("_initializer") } ?? false
  }

  /// A layer that is called twice is named once.
  private static func note(_ name: String, in names: inout [String]) {
    if !names.contains(where: { $0.isExactly(name) }) { names.append(name) }
  }

  private static func listed(_ names: [String]) -> String {
    let first = names.prefix(3).map { "'\($0)'" }.joined(separator: ", ")
    return (names.count == 1 ? "layer " : "layers ") + first + (names.count > 3 ? " and \(names.count - 3) more" : "")
  }

  /// What to say of them.
  var notes: [String] {
    var notes: [String] = []
    if !frozen.isEmpty {
      notes.append(
        "\(Self.listed(frozen)): trainable=False is left out: all layers are trained that --freeze does not name")
    }
    if !penalized.isEmpty {
      notes.append("\(Self.listed(penalized)): regularizers and constraints of weights are left out")
    }
    if !shared.isEmpty {
      notes.append("\(Self.listed(shared)): noise_shape is left out: every element is dropped by itself")
    }
    return notes
  }
}
