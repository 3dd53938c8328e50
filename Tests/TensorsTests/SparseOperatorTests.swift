import AviaryTensors
import AviaryTestSupport
import Testing

/// Products with sparse matrices and reductions over segments: against PyTorch in float64, against differences, and
/// with errors planted.
@Suite struct SparseOperatorTests {
  typealias Operation = @Sendable ([String: Tensor]) -> Tensor

  static let names = ["sparse_matmul", "sparse_linear", "segment_sum", "segment_mean", "segment_max"]

  static func operation(_ name: String, _ golden: GoldenCase) throws -> Operation {
    if name.hasPrefix("segment") {
      let segments = IntTensor(try golden.array("segments").integers.map(Int32.init))
      let count = try golden.integer("count")
      return reduction(name, segments, count)
    }
    let (rows, columns) = (try golden.array("a_rows").integers, try golden.array("a_columns").integers)
    let values = try golden.array("a_values").floats
    let matrix = SparseMatrix(
      rows: try golden.integer("rows"), columns: try golden.integer("columns"),
      values.indices.map { .init(Int(rows[$0]), Int(columns[$0]), values[$0]) })
    return product(name, matrix)
  }

  static func product(_ name: String, _ matrix: SparseMatrix) -> Operation {
    if name == "sparse_matmul" { return { (operands) -> Tensor in matmul(matrix, operands["x"]!) } }
    return { (operands) -> Tensor in linear(matrix, weight: operands["weight"]!) }
  }

  static func reduction(_ name: String, _ segments: IntTensor, _ count: Int) -> Operation {
    return { (operands) -> Tensor in
      let x = operands["x"]!
      switch name {
      case "segment_sum": return segmentSum(x, segments: segments, count: count)
      case "segment_mean": return segmentMean(x, segments: segments, count: count)
      default: return segmentMax(x, segments: segments, count: count)
      }
    }
  }

  // MARK: - PyTorch

  @Test(arguments: names) func equalsPyTorch(name: String) throws {
    for golden in try Goldens("graphs", of: "TensorsTests").cases(of: name) {
      let operation = try Self.operation(name, golden)
      let operands = try GoldenOperators.operands(golden)
      let expected = try golden.array("y")
      let predicted = inference { operation(operands) }
      expectClose(
        actual: predicted.scalars, shape: predicted.shape, golden: expected, name: "\(golden.name): inference")
      let (y, gradients) = differentiated(
        operands, upstream: try GoldenOperators.tensor(golden, "dy"), operation)
      expectClose(actual: y.scalars, shape: y.shape, golden: expected, name: golden.name)
      #expect(gradients.count == operands.count && !operands.isEmpty)
      for (operand, gradient) in gradients {
        expectClose(
          actual: gradient.scalars, shape: gradient.shape, golden: try golden.array("d_\(operand)"),
          relativeL2: gradientTolerance, name: "\(golden.name): gradient of \(operand)")
      }
    }
  }

  @Test func noOperatorIsLeftOut() throws {
    let names = try Goldens("graphs", of: "TensorsTests").metadata.keys.filter { $0.hasPrefix("case/") }.map { key in
      String(key.split(separator: "/")[1])
    }
    #expect(Set(names) == Set(Self.names))
  }

  @Test(arguments: names) func plantedErrorIsFoundByPyTorch(name: String) throws {
    for golden in try Goldens("graphs", of: "TensorsTests").cases(of: name) {
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

  // MARK: - Differences

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let operands: [String: Tensor]
    let operation: Operation
    var testDescription: String { name }
  }

  static let matrix = SparseMatrix(
    GradientCheckTests.random([6, 5], 7) * Tensor((0..<30).map { $0 % 4 == 0 || $0 == 7 ? 1 : 0 }, shape: [6, 5]))
  static let segments = IntTensor([3, 0, 3, 1, 0])

  static let cases: [Case] = [
    Case(
      name: "sparse product", operands: ["x": GradientCheckTests.random([5, 3], 1)],
      operation: product("sparse_matmul", matrix)),
    Case(
      name: "sparse linear", operands: ["weight": GradientCheckTests.random([4, 5], 2)],
      operation: product("sparse_linear", matrix)),
    Case(
      name: "segment sum", operands: ["x": GradientCheckTests.random([5, 3], 3)],
      operation: reduction("segment_sum", segments, 4)),
    Case(
      name: "segment mean", operands: ["x": GradientCheckTests.random([5, 3], 4)],
      operation: reduction("segment_mean", segments, 4)),
    Case(
      name: "segment max", operands: ["x": GradientCheckTests.distinct([5, 3], 5)],
      operation: reduction("segment_max", segments, 4)),
    Case(
      name: "sparse product of dropped elements", operands: ["weight": GradientCheckTests.random([4, 5], 6)]
    ) { linear(dropout(matrix, rate: 0.4, path: "a"), weight: $0["weight"]!) },
  ]

  @Test(arguments: cases) func pullbackAgreesWithDifferences(_ operatorCase: Case) {
    checkGradient(at: operatorCase.operands, name: operatorCase.name, of: operatorCase.operation)
  }

  @Test(arguments: cases) func plantedErrorIsFoundByDifferences(_ operatorCase: Case) {
    for name in operatorCase.operands.keys {
      withKnownIssue("\(operatorCase.name), \(name)") {
        checkGradient(at: operatorCase.operands, name: operatorCase.name) {
          operatorCase.operation(flawed(name, in: $0))
        }
      }
    }
  }

  // MARK: - Dropout

  @Test func keptElementsDropAsThoseOfTensorsDo() {
    let matrix = SparseMatrix(Tensor(ones: [200, 500]))
    func dropped(_ mode: Mode = .training, step: UInt64 = 1) -> SparseMatrix {
      withMode(mode, noise: Noise(seed: 1, step: step)) { dropout(matrix, rate: 0.3, path: "drop") }
    }
    let same = withMode(.training, noise: Noise(seed: 1, step: 1)) {
      dropout(Tensor(ones: [100_000]), rate: 0.3, path: "drop").scalars
    }
    #expect(dropped().values == same)
    #expect(dropped().columnIndices == matrix.columnIndices, "what is dropped keeps its place, as a zero")
    #expect(dropped(step: 2).values != same)
    #expect(dropped(.inference).values == matrix.values)
    let share = Double(dropped().values.count { $0 == 0 }) / 100_000
    #expect(abs(share - 0.3) < 5 * (0.3 * 0.7 / 100_000).squareRoot())
    #expect(dropped().transposed.dense.scalars == dropped().dense.transposed([1, 0]).scalars)
  }

  @Test func noGradientFlowsToTheElements() {
    let x = Variable(numbers([5, 3], 1))
    let (_, gradients, _) = valueWithGradients(of: [x], mode: .training, noise: nil) {
      (matmul(SparseMatrix(x.tracked), numbers([3, 2], 2)).sum(), ())
    }
    #expect(gradients[x] == nil)
  }
}
