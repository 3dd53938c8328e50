import AviaryTensors
import AviaryTestSupport
import Testing

/// What a PyTorch or NumPy user types in the first hour, against PyTorch's float64, and every pullback against finite
/// differences at the same operands.
@Suite struct EverydayGoldenTests {
  typealias Operation = @Sendable ([String: Tensor]) -> Tensor

  static let goldens = Result { () throws(GoldenFault) -> Goldens in try Goldens("everyday", of: "TensorsTests") }

  /// By the names of the golden cases.
  static let operations: [String: Operation] = [
    EverydayFunctions.all, EverydayReductions.all, EverydayMoves.all, EverydayIndexing.all, EverydayProducts.all,
  ].reduce(into: [:]) { $0.merge($1) { _, _ in fatalError("two cases of one name") } }

  static let names = operations.keys.sorted()

  static func golden(_ name: String) throws -> GoldenCase {
    let group = String(name.prefix { $0 != "/" })
    return try #require(try goldens.get().cases(of: group).first { $0.name == name }, "\(name) is not in the file")
  }

  /// A case that is added to the file is added here.
  @Test func noCaseIsLeftOut() throws {
    let cases = try Self.goldens.get().metadata.keys.filter { $0.hasPrefix("case/") }.map { $0.dropFirst(5) }
    #expect(Set(cases.map(String.init)) == Set(Self.names))
  }

  @Test(arguments: names) func valuesAndGradientsArePyTorchs(name: String) throws {
    let golden = try Self.golden(name)
    let operation = Self.operations[name]!
    let operands = try GoldenOperators.operands(golden)
    let expected = try golden.array("y")
    let predicted = operation(operands)
    expectClose(actual: predicted.scalars, shape: predicted.shape, golden: expected, name: "\(name): inference")
    let (y, gradients) = differentiated(
      operands, upstream: try GoldenOperators.tensor(golden, "dy"), road: .forced, operation)
    expectClose(actual: y.scalars, shape: y.shape, golden: expected, name: name)
    #expect(gradients.count == operands.count, "\(name): a gradient for every operand")
    for (operand, gradient) in gradients {
      expectClose(
        actual: gradient.scalars, shape: gradient.shape, golden: try golden.array("d_\(operand)"),
        relativeL2: gradientTolerance, name: "\(name): gradient of \(operand)")
    }
  }

  /// Equal elements are a kink.
  @Test(arguments: names.filter { !$0.hasPrefix("tied/") }) func pullbackAgreesWithDifferences(name: String) throws {
    let golden = try Self.golden(name)
    checkGradient(
      at: try GoldenOperators.operands(golden), step: (try? golden.number("step")) ?? 1e-2, name: name,
      of: Self.operations[name]!)
  }

  /// The check itself: 2 % too much in the gradient of any operand is found.
  @Test(arguments: names) func plantedErrorIsFound(name: String) throws {
    let golden = try Self.golden(name)
    let operands = try GoldenOperators.operands(golden)
    for operand in operands.keys {
      let (_, gradients) = differentiated(operands, upstream: try GoldenOperators.tensor(golden, "dy")) {
        Self.operations[name]!(flawed(operand, in: $0))
      }
      let closeness = Closeness(
        actual: gradients[operand]?.scalars ?? [], expected: try golden.array("d_\(operand)").values)
      #expect(!closeness.isWithin(relativeL2: gradientTolerance, relativeMax: 1e-4), "\(name), \(operand)")
    }
  }

  @Test(arguments: EverydayReductions.positions.keys.sorted()) func positionsArePyTorchs(name: String) throws {
    let golden = try Self.golden(name)
    let expected = try golden.array("indices")
    let found = EverydayReductions.positions[name]!(try GoldenOperators.tensor(golden, "x"))
    #expect(found == IntTensor(expected.integers.map { Int32($0) }, shape: expected.shape))
  }
}

/// Functions of one tensor, named `x` in the golden file, and of two, `x` and `other`.
func one(_ function: @escaping @Sendable (Tensor) -> Tensor) -> EverydayGoldenTests.Operation {
  { function($0["x"]!) }
}
func two(_ function: @escaping @Sendable (Tensor, Tensor) -> Tensor) -> EverydayGoldenTests.Operation {
  { function($0["x"]!, $0["other"]!) }
}
