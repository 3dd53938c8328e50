import AviaryTensors
import AviaryTestSupport
import Testing

/// Every operator against PyTorch's float64: its values, and the gradient of every operand.
@Suite struct OperatorGoldenTests {
  static let goldens = Result { () throws(GoldenFault) -> Goldens in try Goldens("operators", of: "TensorsTests") }

  @Test(arguments: GoldenOperators.spatial, Road.allCases)
  func spatialOperators(name: String, road: Road) throws {
    try check(name, road)
  }

  @Test(arguments: GoldenOperators.others, [Road.deferred, .forced])
  func otherOperators(name: String, road: Road) throws {
    try check(name, road)
  }

  /// An operator that is added to the file is added here.
  @Test func noOperatorIsLeftOut() throws {
    let names = try Self.goldens.get().metadata.keys.filter { $0.hasPrefix("case/") }.map { key in
      String(key.split(separator: "/")[1])
    }
    #expect(Set(names) == Set(GoldenOperators.spatial + GoldenOperators.others))
  }

  /// The convolutions of the blocked road do leave layouts of their own: else the road would test nothing.
  @Test func theBlockedRoadIsBlocked() throws {
    let golden = try #require(try Self.goldens.get().cases(of: "conv2d").first { $0.name.hasSuffix("winograd-16-32") })
    let x = try GoldenOperators.tensor(golden, "x")
    #expect(isRowMajor(x) && !isRowMajor(throughConvolution(x)))
  }

  /// The check itself: 2 % too much in the gradient of any operand is found.
  @Test(arguments: GoldenOperators.spatial + GoldenOperators.others) func plantedErrorIsFound(name: String) throws {
    for golden in try Self.goldens.get().cases(of: name) {
      let operation = try GoldenOperators.operation(name, golden, GoldenOperators.Statistics())
      let operands = try GoldenOperators.operands(golden)
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
      let statistics = GoldenOperators.Statistics()
      let operation = try GoldenOperators.operation(name, golden, statistics)
      let operands = try GoldenOperators.operands(golden)
      let label = "\(golden.name), \(road)"

      // Without a tape other primitives run, and more is fused.
      let predicted = inference { () -> Tensor in
        var known = operands
        if road == .blocked { known["x"] = known["x"].map(throughConvolution) }
        let y = operation(known)
        return road == .blocked ? throughConvolution(y) : y
      }
      let expected = try golden.array("y")
      expectClose(actual: predicted.scalars, shape: predicted.shape, golden: expected, name: "\(label): inference")
      let reread = inference { predicted.reshaped(to: [-1]) * 1 }.scalars
      #expect(reread == predicted.scalars, "\(label): an operation reads what was read directly")

      let (y, gradients) = differentiated(
        operands, upstream: try GoldenOperators.tensor(golden, "dy"), road: road, operation)
      expectClose(actual: y.scalars, shape: y.shape, golden: expected, name: label)
      #expect(gradients.count == operands.count, "\(label): a gradient for every operand")
      for (operand, gradient) in gradients {
        expectClose(
          actual: gradient.scalars, shape: gradient.shape, golden: try golden.array("d_\(operand)"),
          relativeL2: gradientTolerance, name: "\(label): gradient of \(operand)")
      }
      if let mean = golden.optionalArray("running_mean_after") {
        #expect(statistics.calls == 2, "\(label): observed once in each of two passes")
        expectClose(
          actual: statistics.mean?.scalars ?? [], shape: statistics.mean?.shape ?? [], golden: mean,
          name: "\(label): running mean")
        expectClose(
          actual: statistics.variance?.scalars ?? [], shape: statistics.variance?.shape ?? [],
          golden: try golden.array("running_var_after"), name: "\(label): running variance")
      }
    }
  }
}
