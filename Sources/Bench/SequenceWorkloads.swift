import Aviary

extension Workload {
  /// Character models with two recurrent layers of 256 states, on random text.
  static let sequenceWorkloads = [
    Workload(name: "lstm-train", items: 3200) { try characters(.lstm, $0) },
    Workload(name: "rnn-train", items: 3200) { try characters(.rnnTanh, $0) },
    Workload(name: "lstm-infer1", items: 100) { try prediction(of: .lstm, $0) },
  ]

  /// What follows each of 100 characters of one text.
  private static func prediction(of kind: RecurrentKind, _ setting: Setting) throws -> Step {
    let model = CharacterModel(CharacterModel.Configuration(kind: kind))
    model.initialize(seed: 0)
    if let start = setting.start { try model.load(start.weights) }
    let x =
      try setting.start?.integers("x") ?? random("x", below: model.configuration.outputs, shape: [1, 100])
    let frozen = model.frozenForInference()
    return Step {
      _ = frozen.run { $0(tokens: x).logits }.scalars
      return nil
    }
  }

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
