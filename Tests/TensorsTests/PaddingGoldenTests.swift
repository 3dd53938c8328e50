import AviaryTensors
import AviaryTestSupport
import Testing

/// Windows whose padding is longer at one end, padding and repeating, and composed functions: against PyTorch's float64,
/// and their pullbacks against finite differences.
@Suite struct PaddingGoldenTests {
  static let goldens = Result { () throws(GoldenFault) -> Goldens in try Goldens("padding", of: "TensorsTests") }
  static let names = [
    "conv_ends", "max_pool_ends", "avg_pool_ends", "pad", "repeat_interleave", "flip", "softplus", "softsign", "selu",
    "hardsigmoid", "hardsigmoid_fifth",
  ]

  static func operation(_ name: String, _ golden: GoldenCase) throws -> GoldenOperators.Operation {
    switch name {
    case "conv_ends":
      let (stride, before, after, dilation, groups) = (
        try golden.integers("stride"), try golden.integers("before"), try golden.integers("after"),
        try golden.integers("dilation"), try golden.integer("groups")
      )
      return {
        convolution(
          $0["x"]!, weight: $0["weight"]!, bias: $0["bias"]!, stride: stride, padding: before, endPadding: after,
          dilation: dilation, groups: groups)
      }
    case "max_pool_ends", "avg_pool_ends":
      let (kernel, stride, before, after) = (
        try golden.integers("kernel"), try golden.integers("stride"), try golden.integers("before"),
        try golden.integers("after")
      )
      if name == "max_pool_ends" {
        return { maxPool($0["x"]!, kernel: kernel, stride: stride, padding: before, endPadding: after) }
      }
      let counting = try golden.flag("counting")
      return {
        averagePool(
          $0["x"]!, kernel: kernel, stride: stride, padding: before, endPadding: after, countingPadding: counting)
      }
    case "pad":
      let (axis, before, after) = (
        try golden.integer("dim"), try golden.integer("before"), try golden.integer("after")
      )
      return { $0["x"]!.padded(axis: axis, before: before, after: after) }
    case "repeat_interleave":
      let (axis, count) = (try golden.integer("dim"), try golden.integer("count"))
      return { $0["x"]!.repeated(count, axis: axis) }
    case "flip":
      let axis = try golden.integer("dim")
      return { $0["x"]!.reversed(axis: axis) }
    case "softplus": return { softplus($0["x"]!) }
    case "softsign": return { softsign($0["x"]!) }
    case "selu": return { selu($0["x"]!) }
    case "hardsigmoid": return { hardSigmoid($0["x"]!) }
    case "hardsigmoid_fifth": return { hardSigmoid($0["x"]!, slope: 0.2) }
    default: throw GoldenFault.missing(name: "operator \(name)", path: golden.name)
    }
  }

  @Test(arguments: names, Road.allCases) func equalsPyTorch(name: String, road: Road) throws {
    for golden in try Self.goldens.get().cases(of: name) {
      let operation = try Self.operation(name, golden)
      let operands = try GoldenOperators.operands(golden)
      // What goes through a convolution on its way are images.
      if road == .blocked, operands["x"]?.rank != 4 { continue }
      let label = "\(golden.name), \(road)"
      let expected = try golden.array("y")
      let predicted = inference { operation(operands) }
      expectClose(actual: predicted.scalars, shape: predicted.shape, golden: expected, name: "\(label): inference")
      let (y, gradients) = differentiated(
        operands, upstream: try GoldenOperators.tensor(golden, "dy"), road: road, operation)
      expectClose(actual: y.scalars, shape: y.shape, golden: expected, name: label)
      #expect(gradients.count == operands.count, "\(label): a gradient for every operand")
      for (operand, gradient) in gradients {
        expectClose(
          actual: gradient.scalars, shape: gradient.shape, golden: try golden.array("d_\(operand)"),
          relativeL2: gradientTolerance, name: "\(label): gradient of \(operand)")
      }
    }
  }

  @Test(arguments: names) func pullbackAgreesWithDifferences(name: String) throws {
    for golden in try Self.goldens.get().cases(of: name) {
      let operation = try Self.operation(name, golden)
      checkGradient(
        at: try GoldenOperators.operands(golden), step: 1e-3, mode: .inference, name: golden.name, of: operation)
    }
  }

  /// The check itself: 2 % too much in the gradient of any operand is found.
  @Test(arguments: names) func plantedErrorIsFound(name: String) throws {
    for golden in try Self.goldens.get().cases(of: name) {
      let operation = try Self.operation(name, golden)
      let operands = try GoldenOperators.operands(golden)
      for operand in operands.keys {
        let (_, gradients) = differentiated(operands, upstream: try GoldenOperators.tensor(golden, "dy")) {
          operation(flawed(operand, in: $0))
        }
        let closeness = Closeness(
          actual: gradients[operand]?.scalars ?? [], expected: try golden.array("d_\(operand)").values)
        #expect(!closeness.isWithin(relativeL2: gradientTolerance, relativeMax: 1e-4), "\(golden.name), \(operand)")
      }
    }
  }

  /// An operator that is added to the file is added here.
  @Test func noOperatorIsLeftOut() throws {
    let found = try Self.goldens.get().metadata.keys.filter { $0.hasPrefix("case/") }.map {
      String($0.split(separator: "/")[1])
    }
    #expect(Set(found) == Set(Self.names))
  }
}
