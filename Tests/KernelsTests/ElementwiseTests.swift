import AviaryTestSupport
import CKernels
import Foundation
import Testing

/// The C kernels on arrays against plain Swift.
@Suite struct ElementwiseTests {
  static let counts = [1, 7, 16, 33, 1000, 50_001]

  static func floats(_ count: Int, _ seed: UInt64) -> [Float] {
    var numbers = TestNumbers(seed: seed)
    return numbers.floats(count)
  }

  @Test(arguments: counts) func elementByElement(count: Int) {
    let (a, b) = (Self.floats(count, 1), Self.floats(count, 2))
    var y = [Float](repeating: .nan, count: count)
    ak_relu(a, &y, count)
    #expect(y == a.map { max($0, 0) })
    ak_relu_backward(a, b, &y, count)
    #expect(y == zip(a, b).map { $1 > 0 ? $0 : 0 })
    ak_add(a, b, &y, count)
    #expect(y == zip(a, b).map(+))
    ak_add_relu(a, b, &y, count)
    #expect(y == zip(a, b).map { max($0 + $1, 0) })
    ak_affine(a, 1.5, 0.25, &y, count)
    #expect(zip(y, a).allSatisfy { abs($0 - ($1 * 1.5 + 0.25)) <= 1.2e-7 * 2 })
    ak_fill(&y, 3, count)
    #expect(y.allSatisfy { $0 == 3 })
    // In place.
    y = a
    y.withUnsafeMutableBufferPointer { ak_add($0.baseAddress, b, $0.baseAddress, count) }
    #expect(y == zip(a, b).map(+))
  }

  @Test(arguments: counts) func sums(count: Int) {
    let a = Self.floats(count, 1)
    #expect(abs(ak_sum(a, count) - a.reduce(0) { $0 + Double($1) }) < 1e-8)
    #expect(abs(ak_sum_of_squares(a, count) - a.reduce(0) { $0 + Double($1) * Double($1) }) < 1e-8)
  }

  @Test func relusOfWhatIsNoNumber() {
    let x: [Float] = [Float.infinity, -Float.infinity, 0, -0.0]
    var y = [Float](repeating: .nan, count: 4)
    ak_relu(x, &y, 4)
    #expect(y == [.infinity, 0, 0, 0])
  }

  // MARK: - Broadcasting

  /// Shapes of results, and whether each axis repeats in a and in b.
  static let broadcasts: [([Int], [Bool], [Bool])] = [
    ([], [], []), ([5], [false], [true]), ([3, 4], [true, false], [false, false]),
    ([2, 3, 4], [false, true, false], [true, false, true]),
    ([2, 1, 3, 5], [true, false, true, true], [false, false, false, false]),
  ]

  @Test(arguments: broadcasts)
  func broadcast(shape: [Int], aRepeats: [Bool], bRepeats: [Bool]) {
    func strides(_ repeats: [Bool]) -> (steps: [Int64], count: Int) {
      var (steps, count) = ([Int64](repeating: 0, count: shape.count), 1)
      for axis in shape.indices.reversed() where !repeats[axis] {
        steps[axis] = Int64(count)
        count *= shape[axis]
      }
      return (steps, count)
    }
    let (aSteps, bSteps) = (strides(aRepeats), strides(bRepeats))
    let (a, b) = (Self.floats(aSteps.count, 1), Self.floats(bSteps.count, 2))
    let count = shape.reduce(1, *)
    let operations: [(ak_binary, (Float, Float) -> Float)] = [
      (AK_ADD, +), (AK_SUBTRACT, -), (AK_MULTIPLY, *), (AK_DIVIDE, /),
    ]
    for (code, operation) in operations {
      var y = [Float](repeating: .nan, count: count)
      ak_broadcast(
        code, a, aSteps.steps, b, bSteps.steps, &y, shape.map(Int64.init), Int32(shape.count))
      let expected = (0..<count).map { flat -> Float in
        operation(a[offset(flat, shape, aSteps.steps)], b[offset(flat, shape, bSteps.steps)])
      }
      #expect(y == expected)
    }
    // The sums that undo the repetition.
    let x = Self.floats(count, 3)
    var sums = [Double](repeating: 0, count: aSteps.count)
    for flat in 0..<count { sums[offset(flat, shape, aSteps.steps)] += Double(x[flat]) }
    var y = [Float](repeating: .nan, count: aSteps.count)
    ak_reduce_sum(x, shape.map(Int64.init), Int32(shape.count), &y, aSteps.steps, aSteps.count)
    #expect(zip(y, sums).allSatisfy { abs(Double($0) - $1) < 1e-6 })
  }

  /// Where the element that has number `flat` in row-major order lies by the steps given.
  func offset(_ flat: Int, _ shape: [Int], _ steps: [Int64]) -> Int {
    var (rest, offset) = (flat, 0)
    for axis in shape.indices.reversed() {
      offset += rest % shape[axis] * Int(steps[axis])
      rest /= shape[axis]
    }
    return offset
  }

  // MARK: - Rows

  @Test(arguments: [(1, 1), (3, 7), (20, 33)], [(Float(1), Float(0)), (30, 0), (1, 1000)])
  func softmaxOfRows(size: (Int, Int), range: (spread: Float, shift: Float)) {
    let (rows, columns) = size
    let x = Self.floats(rows * columns, 1).map { $0 * range.spread + range.shift }
    let dy = Self.floats(rows * columns, 2)
    for logarithm in [false, true] {
      var y = [Float](repeating: .nan, count: x.count)
      var dx = y
      ak_softmax(x, &y, rows, columns, logarithm)
      ak_softmax_backward(dy, y, &dx, rows, columns, logarithm)
      for row in 0..<rows {
        let row = row * columns..<(row + 1) * columns
        let top = x[row].map(Double.init).max()!
        let sum = x[row].reduce(0) { $0 + exp(Double($1) - top) }
        let logs = x[row].map { Double($0) - top - log(sum) }
        let p = logs.map(exp)
        expectClose(
          actual: Array(y[row]), expected: logarithm ? logs : p, relativeL2: 1e-6, absolute: 1e-6, name: "softmax")
        let g = dy[row].map(Double.init)
        let total = logarithm ? g.reduce(0, +) : zip(g, p).reduce(0) { $0 + $1.0 * $1.1 }
        let expected = zip(g, p).map { logarithm ? $0 - $1 * total : $1 * ($0 - total) }
        expectClose(actual: Array(dx[row]), expected: expected, relativeL2: 1e-5, absolute: 1e-6, name: "pullback")
      }
    }
  }

  @Test func labelsPickAndPlace() {
    let x = Self.floats(12, 1)
    let labels: [Int32] = [2, 0, 1]
    var y = [Float](repeating: .nan, count: 3)
    ak_pick(x, labels, &y, 3, 4)
    #expect(y == [x[2], x[4], x[9]])
    var placed = [Float](repeating: .nan, count: 12)
    ak_place([1, 2, 3], labels, &placed, 3, 4)
    #expect(placed == [0, 0, 1, 0, 2, 0, 0, 0, 0, 3, 0, 0])
    var dx = placed
    ak_cross_entropy_backward(x, labels, 0.5, &dx, 3, 4)
    for i in 0..<12 {
      let oneHot: Float = Int(labels[i / 4]) == i % 4 ? 1 : 0
      #expect(abs(dx[i] - 0.5 * (exp(x[i]) - oneHot)) < 1e-6)
    }
  }

  // MARK: - Moving

  @Test func gathers() {
    let x = Self.floats(24, 1)
    var y = [Float](repeating: .nan, count: 24)
    ak_gather(x, [1, 12, 4], &y, [4, 2, 3], 3)
    for i in 0..<4 { for j in 0..<2 { for k in 0..<3 { #expect(y[i * 6 + j * 3 + k] == x[i + j * 12 + k * 4]) } } }
    ak_gather(x, [12, 1], &y, [2, 4], 2)
    #expect(Array(y[..<8]) == Array(x[0..<4] + x[12..<16]))
    ak_gather(x, [], &y, [], 0)
    #expect(y[0] == x[0])
  }
}
