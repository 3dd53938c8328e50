import AviaryTensors
import AviaryTestSupport
import Testing

/// Convolutions, transposed convolutions and pools over one to three axes against PyTorch's float64.
@Suite struct WindowGoldenTests {
  static let goldens = Result { () throws(GoldenFault) -> Goldens in try Goldens("windows", of: "TensorsTests") }

  @Test(arguments: WindowOperators.names, Road.allCases) func equalsPyTorch(name: String, road: Road) throws {
    for golden in try Self.goldens.get().cases(of: name) {
      let operation = try WindowOperators.operation(name, golden)
      let operands = try GoldenOperators.operands(golden)
      let expected = try golden.array("y")
      let label = "\(golden.name), \(road)"
      let predicted = inference { () -> Tensor in
        var known = operands
        if road == .blocked { known["x"] = known["x"].map(throughConvolution) }
        let y = operation(known)
        return road == .blocked ? throughConvolution(y) : y
      }
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

  /// An operator that is added to the file is added here.
  @Test func noOperatorIsLeftOut() throws {
    let found = try Self.goldens.get().metadata.keys.filter { $0.hasPrefix("case/") }.map {
      String($0.split(separator: "/")[1])
    }
    #expect(Set(found) == Set(WindowOperators.names))
  }

  /// The check itself: 2 % too much in the gradient of any operand is found.
  @Test(arguments: WindowOperators.names) func plantedErrorIsFound(name: String) throws {
    for golden in try Self.goldens.get().cases(of: name) {
      let operation = try WindowOperators.operation(name, golden)
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
}
