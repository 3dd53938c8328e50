import AviaryTensors
import AviaryTestSupport
import Testing

/// Functions, products, slices, normalisations and losses against PyTorch's float64: values, and the gradient of every
/// operand.
@Suite struct FunctionGoldenTests {
  static let goldens = Result { () throws(GoldenFault) -> Goldens in try Goldens("functions", of: "TensorsTests") }

  @Test(arguments: FunctionGoldens.spatial, Road.allCases) func spatialOperators(name: String, road: Road) throws {
    try check(name, road)
  }

  @Test(arguments: FunctionGoldens.others, [Road.deferred, .forced]) func otherOperators(name: String, road: Road)
    throws
  {
    try check(name, road)
  }

  /// An operator that is added to the file is added here.
  @Test func noOperatorIsLeftOut() throws {
    let names = try Self.goldens.get().metadata.keys.filter { $0.hasPrefix("case/") }.map { key in
      String(key.split(separator: "/")[1])
    }
    #expect(Set(names) == Set(FunctionGoldens.spatial + FunctionGoldens.others))
  }

  /// The check itself: 2 % too much in the gradient of any operand is found.
  @Test(arguments: FunctionGoldens.spatial + FunctionGoldens.others) func plantedErrorIsFound(name: String) throws {
    for golden in try Self.goldens.get().cases(of: name) {
      let operation = try FunctionGoldens.operation(name, golden)
      let operands = try GoldenOperators.operands(golden)
      #expect(!operands.isEmpty)
      for operand in operands.keys {
        let (_, gradients) = differentiated(operands, upstream: try GoldenOperators.tensor(golden, "dy")) {
          operation(flawed(operand, in: $0))
        }
        let closeness = Closeness(
          actual: gradients[operand]?.scalars ?? [], expected: try golden.array("d_\(operand)").values)
        #expect(
          !closeness.isWithin(relativeL2: gradientTolerance, relativeMax: 1e-4), "\(golden.name), \(operand)")
      }
    }
  }

  private func check(_ name: String, _ road: Road) throws {
    for golden in try Self.goldens.get().cases(of: name) {
      let operation = try FunctionGoldens.operation(name, golden)
      let operands = try GoldenOperators.operands(golden)
      let label = "\(golden.name), \(road)"
      let expected = try golden.array("y")
      let predicted = operation(operands)
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
}
