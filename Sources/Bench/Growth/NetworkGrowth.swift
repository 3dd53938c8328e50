import Aviary

extension GrowthAxis {
  /// Texts of growing length.
  static let length = GrowthAxis(
    name: "length", items: "characters", summary: "Two texts of as many characters, read as one sequence each.",
    sizes: series(from: 16, to: 65_536, by: 4),
    works: [
      Work(name: "training step of char-lstm, 128 wide") { size, _ in
        let model = CharacterModel(CharacterModel.Configuration(kind: .lstm, hidden: 128))
        return try characters(size, model.configuration.outputs, model) { model(tokens: $0).logits }
      },
      Work(name: "prediction of char-lstm, 128 wide") { size, _ in
        let model = CharacterModel(CharacterModel.Configuration(kind: .lstm, hidden: 128))
        model.initialize(seed: 0)
        let tokens = Workload.random("x", below: model.configuration.outputs, shape: [2, size])
        let frozen = model.frozenForInference()
        return Task { _ = frozen.run { $0(tokens: tokens).logits }.scalars }
      },
      Work(name: "training step of char-transformer, 2 layers of 64") { size, _ in
        let model = transformer(size)
        return try characters(size, model.configuration.outputs, model) { model(tokens: $0).logits }
      },
      Work(name: "prediction of char-transformer, 2 layers of 64") { size, _ in
        let model = transformer(size)
        model.initialize(seed: 0)
        let tokens = Workload.random("x", below: model.configuration.outputs, shape: [2, size])
        let frozen = model.frozenForInference()
        return Task { _ = frozen.run { $0(tokens: tokens).logits }.scalars }
      },
    ])

  private static func transformer(_ length: Int) -> CharacterTransformer {
    CharacterTransformer(CharacterTransformer.Configuration(context: length, layers: 2, heads: 4, width: 64))
  }

  private static func characters(
    _ length: Int, _ symbols: Int, _ model: some Layer, _ logits: @escaping (IntTensor) -> Tensor
  ) throws -> Task {
    let x = Workload.random("x", below: symbols, shape: [2, length])
    let labels = IntTensor(Workload.random("y", below: symbols, shape: [2, length]).scalars)
    return try training(model) { crossEntropy(logits(x).reshaped(to: [-1, symbols]), labels: labels) }
  }

  /// Batches of growing size.
  static let batch = GrowthAxis(
    name: "batch", items: "examples", summary: "Training steps of batches of as many examples.",
    sizes: series(from: 1, to: 4096, by: 4),
    works: [
      Work(name: "mlp, 784 numbers") { size, _ in
        let model = MLP(MLP.Configuration(inputs: 784, hidden: [256, 128], outputs: 10))
        return try classifier(model, [size, 784])
      },
      Work(name: "lenet5, images of 28×28") { size, _ in try classifier(LeNet(.lenet5), [size, 1, 28, 28]) },
      Work(name: "resnet18, images of 64×64", most: 256) { size, _ in
        try classifier(ResNet(.resnet18), [size, 3, 64, 64])
      },
      Work(name: "char-lstm, 32 characters") { size, _ in
        let model = CharacterModel(CharacterModel.Configuration(kind: .lstm, hidden: 128))
        let symbols = model.configuration.outputs
        let x = Workload.random("x", below: symbols, shape: [size, 32])
        let labels = IntTensor(Workload.random("y", below: symbols, shape: [size, 32]).scalars)
        return try training(model, runs: 5) {
          crossEntropy(model(tokens: x).logits.reshaped(to: [-1, symbols]), labels: labels)
        }
      },
    ])

  private static func classifier(_ model: some Classifier, _ shape: [Int]) throws -> Task {
    let x = Tensor(normal: 0, deviation: 1, stream: Workload.stream("x"), shape: shape)
    let y = Workload.random("y", below: model.configuration.outputs, shape: [shape[0]])
    return try training(model, runs: 5) { crossEntropy(model(x), labels: y) }
  }
}
