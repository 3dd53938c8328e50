import Aviary

extension Workload {
  /// Character models of two recurrent layers with 256 states, on random text.
  static let sequenceWorkloads = [
    Workload(name: "lstm-train", items: 3200) { try characters(.lstm, $0) },
    Workload(name: "rnn-train", items: 3200) { try characters(.rnnTanh, $0) },
  ]

  private static func characters(_ kind: RecurrentKind, _ setting: Setting) throws -> Step {
    let model = CharacterModel(CharacterModel.Configuration(kind: kind))
    model.initialize(seed: 0)
    if let start = setting.start { try model.load(start.weights) }
    let shape = [32, 100]
    let classes = model.configuration.outputs
    let x = try setting.start?.integers("x") ?? random("x", below: classes, shape: shape)
    let y = try setting.start?.integers("y") ?? random("y", below: classes, shape: shape)
    let labels = IntTensor(y.scalars)
    return try training(model) {
      crossEntropy(model(tokens: x).logits.reshaped(to: [-1, classes]), labels: labels)
    }
  }
}
