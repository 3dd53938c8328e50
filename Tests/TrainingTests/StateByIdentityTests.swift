import AviaryCheckpoints
import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryTraining

/// State belongs to the parameter, not to its name: each case is one in which names do not tell parameters apart.
@Suite struct StateByIdentityTests {
  struct Half: UnaryLayer {
    let fc: Linear

    init(_ inputs: Int, _ outputs: Int) { fc = Linear(inputs, outputs) }

    func forward(_ x: consuming Tensor) -> Tensor { fc(x) }
  }

  /// Two layers in one model: it gives their parameters other paths.
  struct Chain: Layer {
    let encoder: Half
    let decoder: Half
  }

  let golden: Goldens
  let x: Tensor

  init() throws {
    golden = try Goldens("identity", of: "TrainingTests")
    let array = try golden.array("x")
    x = Tensor(array.floats, shape: array.shape)
  }

  /// A model with the values that a case starts from.
  func model(_ name: String, of test: String) throws -> Half {
    let weight = try golden.array("\(test)/start/\(name).fc.weight")
    let model = Half(weight.shape[1], weight.shape[0])
    for (path, parameter) in model.namedParameters() {
      let array = try golden.array("\(test)/start/\(name).\(path)")
      parameter.assign(Tensor(array.floats, shape: array.shape))
    }
    return model
  }

  /// Expects the values of PyTorch at a moment of a case.
  func expectValues(_ models: [String: Half], of test: String, _ moment: String = "end") throws {
    for (name, model) in models {
      for (path, parameter) in model.namedParameters(under: name) {
        expectClose(
          actual: parameter.tensor.scalars, shape: parameter.shape,
          golden: try golden.array("\(test)/\(moment)/\(path)"), name: "\(test) \(moment) \(path)")
      }
    }
  }

  func reconstruction(_ encoder: Half, _ decoder: Half) -> Tensor {
    meanSquaredError(decoder(relu(encoder(x))), target: x)
  }

  /// A program of two models with one Adam.
  @Test(arguments: ["adam", "momentum", "shapes"])
  func twoModelsOfOneOptimizer(name: String) throws {
    let kind: OptimizerConfiguration.Kind = name == "momentum" ? .momentum : .adam
    let rate = kind == .adam ? 0.01 : 0.1
    let (encoder, decoder) = (try model("encoder", of: name), try model("decoder", of: name))
    let parameters = encoder.parameters + decoder.parameters
    let optimizer = try Optimizer(OptimizerConfiguration(kind, learningRate: rate))
    for step in 0..<5 {
      let (_, gradients) = valueWithGradients(of: parameters) { reconstruction(encoder, decoder) }
      optimizer.step(parameters, gradients, learningRate: rate)
      // Paths that change on the way mean nothing.
      if step == 2 { _ = Chain(encoder: decoder, decoder: encoder).parameters }
    }
    try expectValues(["encoder": encoder, "decoder": decoder], of: name)
    #expect(optimizer.state(for: encoder).keys.sorted() == ["fc.bias", "fc.weight"])
    #expect(optimizer.state(for: decoder)["fc.weight"]?.arrays.values.first?.shape == decoder.fc.weight.shape)
  }

  @Test func groupsAndClippingOfTwoModels() throws {
    let (encoder, decoder) = (try model("encoder", of: "groups"), try model("decoder", of: "groups"))
    let named = encoder.namedParameters(under: "encoder") + decoder.namedParameters(under: "decoder")
    let parameters = named.map(\.parameter)
    let optimizer = try Optimizer(
      OptimizerConfiguration(.adam, learningRate: 0.01),
      groups: [ParameterGroup(["encoder"], learningRate: 0.002, weightDecay: 0.1)], for: named)
    // From here on the paths are others.
    _ = Chain(encoder: decoder, decoder: encoder).parameters
    for _ in 0..<5 {
      let (_, gradients) = valueWithGradients(of: parameters) { reconstruction(encoder, decoder) }
      optimizer.step(parameters, GradientClipping(norm: 0.05).clipped(gradients), learningRate: 0.01)
    }
    try expectValues(["encoder": encoder, "decoder": decoder], of: "groups")
  }

  @Test func oneOfTwoEquallyNamedParametersIsFrozen() throws {
    let (encoder, decoder) = (try model("encoder", of: "frozen"), try model("decoder", of: "frozen"))
    try encoder.freeze(["fc.weight"])
    let parameters = encoder.parameters + decoder.parameters
    let optimizer = try Optimizer(OptimizerConfiguration(.adam, learningRate: 0.01))
    for _ in 0..<5 {
      let (_, gradients) = valueWithGradients(of: parameters) { reconstruction(encoder, decoder) }
      #expect(gradients.parameters.count == 3)
      optimizer.step(parameters, gradients, learningRate: 0.01)
    }
    try expectValues(["encoder": encoder, "decoder": decoder], of: "frozen")
  }

  @Test func averagesOfTwoModels() throws {
    let (encoder, decoder) = (try model("encoder", of: "average"), try model("decoder", of: "average"))
    // A model that is given twice is averaged once, and has its own weights back.
    let parameters = encoder.parameters + decoder.parameters + encoder.parameters
    let optimizer = try Optimizer(OptimizerConfiguration(.adam, learningRate: 0.01))
    let average = try WeightAverage(of: parameters, decay: 0.9)
    for _ in 0..<5 {
      let (_, gradients) = valueWithGradients(of: parameters) { reconstruction(encoder, decoder) }
      optimizer.step(parameters, gradients, learningRate: 0.01)
      average.update()
    }
    try average.applied {
      try expectValues(["encoder": encoder, "decoder": decoder], of: "average", "average")
    }
    try expectValues(["encoder": encoder, "decoder": decoder], of: "average")
  }

  @Test func anEncoderThatTwoModelsShare() throws {
    struct Turn: Layer {
      let encoder: Half
      let head: Half
    }
    let encoder = try model("encoder", of: "shared")
    let left = Turn(encoder: encoder, head: try model("left", of: "shared"))
    let right = Turn(encoder: encoder, head: try model("right", of: "shared"))
    let array = try golden.array("targets")
    let targets = Tensor(array.floats, shape: array.shape)
    let optimizer = try Optimizer(OptimizerConfiguration(.adam, learningRate: 0.01))
    for step in 0..<6 {
      let (turn, target) = step % 2 == 0 ? (left, x) : (right, targets)
      let (_, gradients) = valueWithGradients(of: turn) {
        meanSquaredError(turn.head(relu(encoder(x))), target: target)
      }
      // Both models' parameters, the encoder's among them twice; those of the other's head have no gradient.
      optimizer.step(left.parameters + right.parameters, gradients, learningRate: 0.01)
      _ = encoder.parameters
    }
    try expectValues(["encoder": encoder, "left": left.head, "right": right.head], of: "shared")
    #expect(optimizer.state(for: right)["encoder.fc.weight"]?.step == 6)
    #expect(optimizer.state(for: right)["head.fc.weight"]?.step == 3)
  }

  @Test func tiedWeights() throws {
    let array = try #require(golden.arrays["tied/start/fc.weight"])
    let weight = Parameter(shape: array.shape, initializer: .zeros)
    let bias = Parameter(shape: [array.shape[0]], initializer: .zeros)
    weight.assign(Tensor(array.floats, shape: array.shape))
    bias.assign(Tensor(try golden.array("tied/start/fc.bias").floats, shape: bias.shape))
    let parameters = [weight, bias, weight]
    let optimizer = try Optimizer(OptimizerConfiguration(.adam, learningRate: 0.01))
    for _ in 0..<5 {
      let (_, gradients) = valueWithGradients(of: parameters) {
        meanSquaredError(
          matmul(relu(matmul(x, weight.tensor.transposed([1, 0])) + bias.tensor), weight.tensor), target: x)
      }
      optimizer.step(parameters, gradients, learningRate: 0.01)
    }
    expectClose(
      actual: weight.tensor.scalars, shape: weight.shape, golden: try golden.array("tied/end/fc.weight"), name: "weight"
    )
    expectClose(
      actual: bias.tensor.scalars, shape: bias.shape, golden: try golden.array("tied/end/fc.bias"), name: "bias")
  }

  @Test func parametersOfNoModel() throws {
    let loose = (0..<2).map { _ in Parameter(shape: [1], initializer: .ones) }
    for parameter in loose { parameter.assign(Tensor([1], shape: [1])) }
    let optimizer = try Optimizer(OptimizerConfiguration(.adam, learningRate: 0.1))
    for _ in 0..<3 {
      let (_, gradients) = valueWithGradients(of: loose) {
        let (p, q) = (loose[0].tensor, loose[1].tensor)
        return (p * p + q * q * 100).sum()
      }
      optimizer.step(loose, gradients, learningRate: 0.1)
    }
    for (name, parameter) in zip(["p", "q"], loose) {
      expectClose(
        actual: parameter.tensor.scalars, shape: [1], golden: try golden.array("loose/end/\(name)"), name: name)
    }
    let state = try optimizer.state(for: [("p", loose[0]), ("q", loose[1])])
    #expect(state.keys.sorted() == ["p", "q"] && state["q"]?.step == 3)
  }

  /// Optimizers and gradients outlive the models of their parameters; a new parameter at an old address starts fresh.
  @Test func noAddressIsTakenForAnother() throws {
    let optimizer = try Optimizer(OptimizerConfiguration(.momentum, learningRate: 1))
    var kept: [Gradients] = []
    for _ in 0..<200 {
      let parameter = Parameter(shape: [1], initializer: .ones)
      parameter.assign(Tensor([1], shape: [1]))
      #expect(kept.allSatisfy { $0[parameter] == nil })
      let (_, gradients) = valueWithGradients(of: [parameter]) { parameter.tensor.sum() }
      optimizer.step([parameter], gradients, learningRate: 1)
      #expect(try optimizer.state(for: [("p", parameter)])["p"]?.step == 1)
      kept.append(gradients)
    }
  }

  // MARK: Files

  @Test func twoModelsInOneFileGoOn() throws {
    func models() throws -> (Half, Half) { (try model("encoder", of: "adam"), try model("decoder", of: "adam")) }
    func named(_ models: (Half, Half)) -> [(path: String, parameter: Parameter)] {
      models.0.namedParameters(under: "encoder") + models.1.namedParameters(under: "decoder")
    }
    func learn(_ models: (Half, Half), _ optimizer: Optimizer, _ average: WeightAverage, steps: Int) {
      let parameters = models.0.parameters + models.1.parameters
      for _ in 0..<steps {
        let (_, gradients) = valueWithGradients(of: parameters) { reconstruction(models.0, models.1) }
        optimizer.step(parameters, gradients, learningRate: 0.01)
        average.update()
      }
    }
    let configuration = OptimizerConfiguration(.adam, learningRate: 0.01)
    let (first, second) = (try models(), try models())
    let optimizer = try Optimizer(configuration)
    let average = try WeightAverage(of: named(first).map(\.parameter), decay: 0.9)
    learn(first, optimizer, average, steps: 3)

    var checkpoint = Checkpoint()
    for (path, parameter) in named(first) { checkpoint.set(StoredArray(parameter.tensor), at: path) }
    checkpoint.trainingState = .init(
      optimizer: try optimizer.state(for: named(first)), averages: try average.state(for: named(first)))
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("two-\(UUID()).h5").path
    defer { try? FileManager.default.removeItem(atPath: file) }
    try checkpoint.write(to: file)

    let read = try Checkpoint.read(from: file)
    for (path, parameter) in named(second) { parameter.assign(try #require(read[path]?.tensor())) }
    let resumed = try Optimizer(configuration)
    let resumedAverage = try WeightAverage(of: named(second).map(\.parameter), decay: 0.9)
    let state = try #require(read.trainingState)
    try resumed.restore(state.optimizer, for: named(second), path: file)
    try resumedAverage.restore(state.averages, for: named(second), path: file)
    learn(first, optimizer, average, steps: 2)
    learn(second, resumed, resumedAverage, steps: 2)
    func values(_ models: (Half, Half)) -> [[Float]] { named(models).map(\.parameter.tensor.scalars) }
    #expect(values(first) == values(second))
    #expect(average.applied { values(first) } == resumedAverage.applied { values(second) })
    try expectValues(["encoder": second.0, "decoder": second.1], of: "adam")
  }

  @Test func twoParametersOfOneNameAreRefused() throws {
    let (encoder, decoder) = (try model("encoder", of: "shapes"), try model("decoder", of: "shapes"))
    let both = encoder.namedParameters() + decoder.namedParameters()
    let optimizer = try Optimizer(OptimizerConfiguration(.adam, learningRate: 0.01))
    let average = try WeightAverage(of: both.map(\.parameter), decay: 0.9)
    let fault = TrainingFault.sharedName(name: "fc.weight", places: [0, 2], shapes: [[5, 3], [3, 5]])
    #expect(throws: fault) { try optimizer.state(for: both) }
    #expect(throws: fault) { try optimizer.restore([:], for: both, path: "last.h5") }
    #expect(throws: fault) { try average.state(for: both) }
    #expect(throws: fault) { try average.restore([:], for: both, path: "last.h5") }
    #expect(
      fault.description == "parameters 0 ([5, 3]) and 2 ([3, 5]) are both named 'fc.weight'; "
        + "give each model a prefix of its own, as in namedParameters(under: \"encoder\")")
    #expect(throws: TrainingFault.emptyName(place: 0, shape: [5, 3])) {
      try optimizer.state(for: [("", encoder.fc.weight)])
    }
    // One parameter twice is one parameter.
    _ = try optimizer.state(for: encoder.namedParameters() + encoder.namedParameters())
  }

  // MARK: Gradients

  @Test func gradientsAreWalkedAndReplaced() throws {
    let (encoder, decoder) = (try model("encoder", of: "adam"), try model("decoder", of: "adam"))
    let parameters = decoder.parameters + encoder.parameters
    let other = Parameter(shape: [1], initializer: .ones)
    other.assign(Tensor([1], shape: [1]))
    let (_, gradients) = valueWithGradients(of: [other] + parameters + parameters) { reconstruction(encoder, decoder) }
    #expect(gradients.parameters.elementsEqual(parameters, by: ===), "in order, once, without what has none")

    var changed = gradients
    changed[encoder.fc.bias!] = Tensor([1, 2, 3], shape: [3])
    changed[decoder.fc.bias!] = nil
    changed[other] = Tensor([7], shape: [1])
    #expect(changed[encoder.fc.bias!]?.scalars == [1, 2, 3] && changed[other]?.scalars == [7])
    #expect(changed.parameters.count == 4 && gradients[decoder.fc.bias!] != nil, "a value: the first is as it was")

    let doubled = gradients.mapParameters { parameter, gradient in
      parameter === encoder.fc.weight ? nil : gradient * 2
    }
    #expect(doubled[encoder.fc.weight] == nil)
    #expect(doubled[decoder.fc.weight]?.scalars == gradients[decoder.fc.weight]?.scalars.map { $0 * 2 })
    let sum = gradients + changed
    #expect(sum.parameters.count == 5)
    #expect(sum[encoder.fc.weight]?.scalars == gradients[encoder.fc.weight]?.scalars.map { $0 * 2 })
  }

  @Test func aRunHasOneHookBeforeTheOptimizer() throws {
    let layer = OptimizerTests.One([0, 0])
    let gradients = OptimizerTests().gradients([layer], [[3, 4]])
    let tenfold: GradientTransform = { $0.scaled(by: 10) }
    func result(_ transform: GradientTransform) throws -> [Float]? { try transform(gradients)[layer.p]?.scalars }
    #expect(try result(GradientClipping.transform(nil, then: nil)) == [3, 4])
    #expect(try result(GradientClipping.transform(tenfold, then: nil)) == [30, 40])
    #expect(try result(GradientClipping.transform(tenfold, then: GradientClipping(value: 35))) == [30, 35])
  }
}
