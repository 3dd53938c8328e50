import AviaryTensors
import AviaryTestSupport
import Testing

/// Losses of rare classes and uncertain labels against PyTorch's and torchvision's float64.
@Suite struct ClassLossTests {
  typealias Operation = @Sendable ([String: Tensor]) -> Tensor

  static let goldens = Result { () throws(GoldenFault) -> Goldens in try Goldens("class_losses", of: "TensorsTests") }
  static let names = [
    "focal/plain", "focal/none", "focal/half", "focal/smoothed", "focal/weighted", "focal/both", "focal/sum",
    "focal/soft",
    "sigmoid/plain", "sigmoid/unweighted", "sigmoid/half", "sigmoid/none", "entropy/adjusted", "entropy/weighted",
  ]

  private static func golden(_ name: String) throws -> GoldenCase {
    let group = String(name.prefix { $0 != "/" })
    return try #require(try goldens.get().cases(of: group).first { $0.name == name })
  }

  /// The loss of a case as a function of its logits.
  private static func operation(_ golden: GoldenCase) throws -> Operation {
    let gamma = Float(try golden.number("gamma"))
    let reduction: Reduction = try golden.flag("sums") ? .sum : .mean
    func tensor(_ name: String) -> Tensor? { golden.optionalArray(name).map { Tensor($0.floats, shape: $0.shape) } }
    let (target, weights, adjustment) = (tensor("target"), tensor("weights"), tensor("adjustment"))
    if golden.name.hasPrefix("sigmoid"), let target {
      let alpha = Float(try golden.number("alpha"))
      return {
        sigmoidFocalLoss(
          $0["x"]!, target: target, alpha: alpha < 0 ? nil : alpha, gamma: gamma, reduction: reduction)
      }
    }
    let smoothing = Float(try golden.number("smoothing"))
    if let target { return { focalLoss($0["x"]!, target: target, gamma: gamma, labelSmoothing: smoothing) } }
    let labels = IntTensor(try golden.array("labels").integers.map { Int32($0) })
    if golden.name.hasPrefix("entropy") {
      return { operands in
        let logits = adjustment.map { operands["x"]! + $0 } ?? operands["x"]!
        return crossEntropy(logits, labels: labels, labelSmoothing: smoothing, classWeights: weights)
      }
    }
    return {
      focalLoss(
        $0["x"]!, labels: labels, gamma: gamma, labelSmoothing: smoothing, classWeights: weights, reduction: reduction)
    }
  }

  @Test func noCaseIsLeftOut() throws {
    let cases = try Self.goldens.get().metadata.keys.filter { $0.hasPrefix("case/") }.map { String($0.dropFirst(5)) }
    #expect(Set(cases) == Set(Self.names))
  }

  @Test(arguments: names) func valuesAndGradientsArePyTorchs(name: String) throws {
    let golden = try Self.golden(name)
    let operation = try Self.operation(golden)
    let operands = try GoldenOperators.operands(golden)
    let predicted = operation(operands)
    expectClose(actual: predicted.scalars, shape: predicted.shape, golden: try golden.array("y"), name: name)
    let (_, gradients) = differentiated(operands, upstream: try GoldenOperators.tensor(golden, "dy"), operation)
    let gradient = try #require(gradients["x"])
    expectClose(
      actual: gradient.scalars, shape: gradient.shape, golden: try golden.array("d_x"), relativeL2: gradientTolerance,
      name: "\(name): gradient")
  }

  @Test(arguments: names) func pullbackAgreesWithDifferences(name: String) throws {
    let golden = try Self.golden(name)
    checkGradient(
      at: try GoldenOperators.operands(golden), step: try golden.number("step"), name: name,
      of: try Self.operation(golden))
  }

  @Test(arguments: names) func plantedErrorIsFound(name: String) throws {
    let golden = try Self.golden(name)
    let operation = try Self.operation(golden)
    let (_, gradients) = differentiated(
      try GoldenOperators.operands(golden), upstream: try GoldenOperators.tensor(golden, "dy")
    ) { operation(flawed("x", in: $0)) }
    let closeness = Closeness(actual: gradients["x"]?.scalars ?? [], expected: try golden.array("d_x").values)
    #expect(!closeness.isWithin(relativeL2: gradientTolerance, relativeMax: 1e-4))
  }

  /// What is certain and right costs nothing, and what is impossible costs everything, without numbers that are none.
  @Test func extremesStayNumbers() {
    let logits = Tensor([100, -100, -.infinity, 0, 0, -.infinity], shape: [2, 3])
    for gamma: Float in [0, 0.5, 2] {
      let (loss, gradients) = differentiated(["x": logits]) {
        focalLoss($0["x"]!, labels: IntTensor([0, 1]), gamma: gamma)
      }
      #expect(loss.scalar.isFinite && gradients["x"]!.scalars.allSatisfy(\.isFinite), "\(gamma)")
      let impossible = focalLoss(logits, labels: IntTensor([2, 0]), gamma: gamma)
      #expect(impossible.scalar == .infinity)
      let (binary, slopes) = differentiated(["x": Tensor([200, -200, 0], shape: [3])]) {
        sigmoidFocalLoss($0["x"]!, target: Tensor([1, 0, 1], shape: [3]), gamma: gamma)
      }
      #expect(binary.scalar.isFinite && slopes["x"]!.scalars.allSatisfy(\.isFinite))
    }
  }
}
