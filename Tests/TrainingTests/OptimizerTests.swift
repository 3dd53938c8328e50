import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryTraining

@Suite struct OptimizerTests {
  struct One: Layer {
    let p: Parameter

    init(_ values: [Float]) {
      p = Parameter(shape: [values.count], initializer: .zeros)
      _ = parameters
      p.assign(Tensor(values, shape: [values.count]))
    }
  }

  struct Two: Layer {
    let backbone = One([1, 2, 3])
    let head = One([4, 5])
  }

  struct Settings: Decodable {
    let lr: Double
    let momentum: Double?
    let weightDecay: Double?
    let betas: [Double]?
    let eps: Double?
    let rho: Double?
    let alpha: Double?
    let centered: Bool?
    let rateDecay: Double?
    let initialAccumulator: Double?

    private enum CodingKeys: String, CodingKey {
      case lr, momentum, betas, eps, rho, alpha, centered
      case weightDecay = "weight_decay"
      case rateDecay = "lr_decay"
      case initialAccumulator = "initial_accumulator_value"
    }
  }

  /// The gradients of Σ p·g.
  func gradients(_ layers: [One], _ g: [[Float]]) -> Gradients {
    valueWithGradients(of: layers.map(\.p)) {
      zip(layers, g).map { ($0.p.tensor * Tensor($1, shape: [$1.count])).sum() }.reduce(Tensor(0)) { $0 + $1 }
    }.gradients
  }

  static let cases: [(String, OptimizerConfiguration.Kind)] = [
    ("sgd", .sgd), ("sgd-decay", .sgd), ("momentum", .momentum), ("momentum-decay", .momentum),
    ("nesterov", .nesterov), ("nesterov-decay", .nesterov), ("adam", .adam), ("adam-decay", .adam),
    ("adamw", .adamw), ("adamw-decay", .adamw), ("adagrad", .adagrad), ("adagrad-decay", .adagrad),
    ("adagrad-settings", .adagrad), ("adadelta", .adadelta), ("adadelta-decay", .adadelta), ("rmsprop", .rmsprop),
    ("rmsprop-decay", .rmsprop), ("rmsprop-momentum", .rmsprop), ("rmsprop-centered", .rmsprop),
    ("rmsprop-centered-momentum-decay", .rmsprop),
  ]

  @Test(arguments: cases)
  func tenStepsArePyTorchs(name: String, kind: OptimizerConfiguration.Kind) throws {
    let golden = try Goldens("optimizers", of: "TrainingTests")
    let settings: Settings = try golden.json("values/\(name)")
    let configuration = OptimizerConfiguration(
      kind, learningRate: settings.lr, weightDecay: settings.weightDecay ?? 0, momentum: settings.momentum,
      beta1: settings.betas?[0] ?? 0.9, beta2: settings.betas?[1] ?? 0.999, epsilon: settings.eps,
      rho: settings.rho ?? 0.9, alpha: settings.alpha ?? 0.99, isCentered: settings.centered ?? false,
      learningRateDecay: settings.rateDecay ?? 0, initialAccumulator: settings.initialAccumulator ?? 0)
    let optimizer = try Optimizer(configuration)
    let layer = One(try golden.array("start").floats)
    let g = try golden.array("gradients")
    let values = try golden.array("values/\(name)")
    let width = layer.p.count
    #expect(values.shape == [10, width] && g.shape == values.shape)
    for step in 0..<10 {
      let row = step * width..<(step + 1) * width
      optimizer.step([layer.p], gradients([layer], [Array(g.floats[row])]), learningRate: settings.lr)
      expectClose(
        actual: layer.p.tensor.scalars, expected: Array(values.values[row]), relativeL2: 1e-5, relativeMax: 1e-6,
        name: "\(name) after step \(step + 1)")
    }
    let state = optimizer.state(for: layer)
    #expect(state["p"]?.step == 10)
    #expect(Set(try #require(state["p"]).arrays.keys) == Set(configuration.stateNames))
  }

  @Test func frozenParametersStayWhatTheyAre() throws {
    let model = Two()
    let optimizer = try Optimizer(OptimizerConfiguration(.adamw, learningRate: 1, weightDecay: 0.5))
    let g = gradients([model.backbone, model.head], [[1, 1, 1], [1, 1]])
    try model.freeze(["backbone"])
    optimizer.step(model.parameters, g, learningRate: 0.5)
    #expect(model.backbone.p.tensor.scalars == [1, 2, 3], "neither gradient nor decay")
    #expect(model.head.p.tensor.scalars != [4, 5])
    #expect(optimizer.state(for: model).keys.sorted() == ["head.p"])
  }

  @Test func valuesReadBeforeAStepAreNotChangedByIt() throws {
    let layer = One([1, 2])
    let before = layer.p.tensor
    try Optimizer(OptimizerConfiguration(.sgd, learningRate: 1)).step(
      [layer.p], gradients([layer], [[1, 1]]), learningRate: 1)
    #expect(before.scalars == [1, 2] && layer.p.tensor.scalars == [0, 1])
  }

  @Test(arguments: OptimizerConfiguration.Kind.allCases, [false, true])
  func goesOnFromItsState(kind: OptimizerConfiguration.Kind, isCentered: Bool) throws {
    let configuration = OptimizerConfiguration(
      kind, learningRate: 0.1, weightDecay: 0.01, momentum: 0.5, isCentered: isCentered, learningRateDecay: 0.3,
      initialAccumulator: 0.2)
    let g: [[Float]] = [[0.3, -2], [1, 0.5], [-0.7, 0.1], [2, 2]]
    let undisturbed = One([1, -1])
    let optimizer = try Optimizer(configuration)
    for row in g { optimizer.step([undisturbed.p], gradients([undisturbed], [row]), learningRate: 0.1) }

    let first = One([1, -1])
    let former = try Optimizer(configuration)
    for row in g[..<2] { former.step([first.p], gradients([first], [row]), learningRate: 0.1) }
    let second = One(first.p.tensor.scalars)
    let latter = try Optimizer(configuration)
    try latter.restore(former.state(for: first), for: second, path: "last.h5")
    for row in g[2...] { latter.step([second.p], gradients([second], [row]), learningRate: 0.1) }
    #expect(second.p.tensor.scalars == undisturbed.p.tensor.scalars)
    #expect(latter.state(for: second)["p"]?.step == 4)
  }

  @Test func aNewHeadBeginsAnewAndTheBackboneGoesOn() throws {
    let model = Two()
    let optimizer = try Optimizer(OptimizerConfiguration(.momentum, learningRate: 1))
    let g = gradients([model.backbone, model.head], [[1, 1, 1], [1, 1]])
    for _ in 0..<3 { optimizer.step(model.parameters, g, learningRate: 0.5) }
    var state = optimizer.state(for: model)
    state["head.p"] = nil
    state["gone.p"] = state["backbone.p"]
    let resumed = try Optimizer(OptimizerConfiguration(.momentum, learningRate: 1))
    try resumed.restore(state, for: model, path: "last.h5")
    let restored = resumed.state(for: model)
    #expect(restored.keys.sorted() == ["backbone.p"] && restored["backbone.p"]?.step == 3)
    #expect(
      restored["backbone.p"]?.arrays["momentum"]?.floats() == state["backbone.p"]?.arrays["momentum"]?.floats())
  }

  /// A head for other classes and a frozen layer cost no other parameter its state.
  @Test func aSwappedHeadAndAFrozenLayerCostTheOthersNothing() throws {
    let model = try Registry.zoo.architecture(named: "resnet-toy").buildClassifier()
    model.initialize(seed: 1)
    func learn(_ model: some Classifier, _ optimizer: Optimizer, classes: Int) {
      let x = Tensor(normal: 0, deviation: 1, stream: RandomStream(seed: 1, purpose: "x"), shape: [4, 3, 64, 64])
      let (_, gradients) = valueWithGradients(of: model) {
        crossEntropy(model(x), labels: IntTensor((0..<4).map { Int32($0 % classes) }))
      }
      optimizer.step(model.parameters, gradients, learningRate: 1e-3)
    }
    func open(_ model: some Classifier) throws {
      let configuration = OptimizerConfiguration(.adam, learningRate: 1e-3)
      let optimizer = try Optimizer(configuration)
      for _ in 0..<2 { learn(model, optimizer, classes: 5) }
      let swapped = model.replacingHead(outputs: 3, seed: 2)
      try swapped.freeze(["layer1"])
      let resumed = try Optimizer(configuration)
      let state = optimizer.state(for: model)
      #expect(throws: TrainingFault.self) { try resumed.restore(state, for: swapped, path: "x") }
      try resumed.restore(state, for: swapped, replaced: swapped.headPath, path: "x")
      learn(swapped, resumed, classes: 3)
      for (path, slots) in resumed.state(for: swapped) {
        let isHead = path.hasPrefix(swapped.headPath + ".")
        #expect(slots.step == (isHead ? 1 : path.hasPrefix("layer1.") ? 2 : 3), "\(path)")
      }
      // What is thawed again goes on from where it was.
      try swapped.freeze([])
      learn(swapped, resumed, classes: 3)
      #expect(resumed.state(for: swapped)["layer1.0.conv1.weight"]?.step == 3)
    }
    try open(model)
  }

  @Test func stateThatDoesNotFitIsRefused() throws {
    let layer = One([1, 2])
    let optimizer = try Optimizer(OptimizerConfiguration(.momentum, learningRate: 1))
    let array = StoredArray([1, 2] as [Float], shape: [2])
    for slots: Checkpoint.TrainingState.Slots in [
      .init(step: 1, arrays: [:]), .init(step: 1, arrays: ["first_moment": array]),
      .init(step: -1, arrays: ["momentum": array]),
      .init(step: 1, arrays: ["momentum": StoredArray([1] as [Float], shape: [1])]),
    ] {
      #expect(throws: TrainingFault.badOptimizerState(path: "last.h5", parameter: "p", state: "momentum")) {
        try optimizer.restore(["p": slots], for: layer, path: "last.h5")
      }
    }
  }
}
