import AviaryLinearAlgebra
import AviaryTestSupport
import Testing

/// Determinants, solutions and decompositions against PyTorch's float64, and every pullback against finite differences.
@Suite struct LinearAlgebraGoldenTests {
  typealias Operation = @Sendable ([String: Tensor]) throws -> Tensor

  static let goldens = Result { () throws(GoldenFault) -> Goldens in
    try Goldens("linear-algebra", of: "LinearAlgebraTests")
  }

  /// By the groups of the golden cases. What depends on the signs of vectors is squared.
  static let operations: [String: Operation] = [
    "determinant": { determinant($0["A"]!) },
    "signAndLogDeterminant": { signAndLogDeterminant($0["x"]!).logarithm },
    "inverse": { try inverse($0["A"]!) },
    "cholesky": { try cholesky(matmul($0["x"]!, $0["x"]!.transposed()) + Tensor(identity: $0["x"]!.shape.last!)) },
    "eigh": {
      let (values, vectors) = try eigh($0["x"]! + $0["x"]!.transposed())
      return squares(values, vectors)
    },
    "solve": { try solve($0["A"]!, $0["B"]!) },
    "svd": {
      if let a = $0["A"] { return try svd(a).s }
      let (u, s, vt) = try svd($0["x"]!)
      return squares(u, s, vt)
    },
    "qr": {
      let (q, r) = qr($0["x"]!)
      return squares(q, r)
    },
    "leastSquares": { try leastSquares($0["A"]!, $0["B"]!) },
  ]

  static let names: [String] = operations.keys.sorted().flatMap { group in
    ((try? goldens.get().cases(of: group)) ?? []).map(\.name)
  }

  static func golden(_ name: String) throws -> (GoldenCase, Operation) {
    let group = String(name.prefix { $0 != "/" })
    return (try #require(try goldens.get().cases(of: group).first { $0.name == name }), operations[group]!)
  }

  static func tensor(_ array: Goldens.Array) -> Tensor { Tensor(array.floats, shape: array.shape) }

  static func operands(_ golden: GoldenCase) -> [String: Tensor] {
    golden.arrays.filter { golden.optionalArray("d_\($0.key)") != nil }.mapValues(tensor)
  }

  @Test func noCaseIsLeftOut() throws {
    let cases = try Self.goldens.get().metadata.keys.filter { $0.hasPrefix("case/") }.map { String($0.dropFirst(5)) }
    #expect(Set(cases) == Set(Self.names) && cases.count > 20)
  }

  @Test(arguments: names) func valuesAndGradientsArePyTorchs(name: String) throws {
    let (golden, operation) = try Self.golden(name)
    let operands = Self.operands(golden)
    let (y, gradients) = differentiated(operands, upstream: Self.tensor(try golden.array("dy"))) { try! operation($0) }
    expectClose(actual: y.scalars, shape: y.shape, golden: try golden.array("y"), name: name)
    #expect(gradients.count == operands.count)
    for (operand, gradient) in gradients {
      expectClose(
        actual: gradient.scalars, shape: gradient.shape, golden: try golden.array("d_\(operand)"),
        relativeL2: gradientTolerance, name: "\(name): gradient of \(operand)")
    }
  }

  @Test(arguments: names) func pullbackAgreesWithDifferences(name: String) throws {
    let (golden, operation) = try Self.golden(name)
    checkGradient(at: Self.operands(golden), step: try golden.number("step"), name: name) { try! operation($0) }
  }

  /// The check itself: 2 % too much in what comes back is found.
  @Test(arguments: names) func plantedErrorIsFound(name: String) throws {
    let (golden, operation) = try Self.golden(name)
    let operands = Self.operands(golden)
    let (_, gradients) = differentiated(operands, upstream: Self.tensor(try golden.array("dy")) * 1.02) {
      try! operation($0)
    }
    for (operand, gradient) in gradients {
      let closeness = Closeness(actual: gradient.scalars, expected: try golden.array("d_\(operand)").values)
      #expect(!closeness.isWithin(relativeL2: gradientTolerance, relativeMax: 1e-4), "\(name), \(operand)")
    }
  }
}

func squares(_ parts: Tensor...) -> Tensor {
  concatenated(parts.map { $0.squared().flattened(from: 0) }, axis: 0)
}
