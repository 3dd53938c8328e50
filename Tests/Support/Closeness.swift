import Testing

/// How far an array is from what was expected: ‖a − b‖₂ / ‖b‖₂, max|a − b| / max|b|, and where the difference is largest.
public struct Closeness: Sendable, Equatable {
  /// ‖a − b‖₂ and ‖b‖₂.
  public let differenceNorm: Double, expectedNorm: Double
  /// max|a − b| and max|b|.
  public let largestDifference: Double, largestExpected: Double
  /// The index of the largest difference, or of the first that is not a number.
  public let worstIndex: Int

  public init(actual: [Float], expected: [Double]) {
    precondition(actual.count == expected.count, "\(actual.count) values instead of \(expected.count)")
    var squares = 0.0
    var expectedSquares = 0.0
    var largest = 0.0
    var largestExpected = 0.0
    var worst = 0
    for index in actual.indices {
      let difference = abs(Double(actual[index]) - expected[index])
      squares += difference * difference
      expectedSquares += expected[index] * expected[index]
      largestExpected = max(largestExpected, abs(expected[index]))
      // A difference that is not a number is the worst, and stays it.
      if !largest.isNaN, !(difference <= largest) {
        largest = difference
        worst = index
      }
    }
    differenceNorm = squares.squareRoot()
    expectedNorm = expectedSquares.squareRoot()
    largestDifference = largest
    self.largestExpected = largestExpected
    worstIndex = worst
  }

  /// Whether ‖a − b‖₂ ≤ `relativeL2` ‖b‖₂ + `absolute` and max|a − b| ≤ `relativeMax` max|b| + `absolute`; never where
  /// anything is not a number.
  public func isWithin(relativeL2: Double, relativeMax: Double, absolute: Double = 0) -> Bool {
    differenceNorm <= relativeL2 * expectedNorm + absolute
      && largestDifference <= relativeMax * largestExpected + absolute
  }
}

/// Tolerances of the gradients: ‖a − b‖₂ ≤ 1e-4 ‖b‖₂. Those of outputs are the defaults of `expectClose`.
public let gradientTolerance = 1e-4

/// Expects ‖a − b‖₂ ≤ `relativeL2` ‖b‖₂ and max|a − b| ≤ `relativeMax` max|b|.
///
/// `absolute` is added to both bounds, for what is zero but for rounding. The defaults are the project's tolerances for
/// outputs; for gradients pass `relativeL2: gradientTolerance`.
/// - Returns: whether it held.
@discardableResult
public func expectClose(
  actual: [Float], expected: [Double], relativeL2: Double = 1e-5, relativeMax: Double = 1e-4, absolute: Double = 0,
  name: String = "values", sourceLocation: SourceLocation = #_sourceLocation
) -> Bool {
  guard actual.count == expected.count else {
    Issue.record("\(name): \(actual.count) values instead of \(expected.count)", sourceLocation: sourceLocation)
    return false
  }
  let closeness = Closeness(actual: actual, expected: expected)
  if closeness.isWithin(relativeL2: relativeL2, relativeMax: relativeMax, absolute: absolute) { return true }
  let worst = closeness.worstIndex
  Issue.record(
    """
    \(name): ‖a − b‖₂ = \(closeness.differenceNorm) at ‖b‖₂ = \(closeness.expectedNorm) (tolerance \(relativeL2)), \
    max|a − b| = \(closeness.largestDifference) at max|b| = \(closeness.largestExpected) (tolerance \(relativeMax)); \
    worst at index \(worst) of \(actual.count): \(actual[worst]) instead of \(expected[worst])
    """, sourceLocation: sourceLocation)
  return false
}

/// Expects an array of the golden's shape and values.
@discardableResult
public func expectClose(
  actual: [Float], shape: [Int], golden: Goldens.Array, relativeL2: Double = 1e-5, relativeMax: Double = 1e-4,
  absolute: Double = 0, name: String = "values", sourceLocation: SourceLocation = #_sourceLocation
) -> Bool {
  guard shape == golden.shape else {
    Issue.record("\(name): shape \(shape) instead of \(golden.shape)", sourceLocation: sourceLocation)
    return false
  }
  return expectClose(
    actual: actual, expected: golden.values, relativeL2: relativeL2, relativeMax: relativeMax, absolute: absolute,
    name: name, sourceLocation: sourceLocation)
}
