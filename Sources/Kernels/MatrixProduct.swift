import COneDNN

/// A product of two row-major matrices, or of batches of them.
package struct MatrixProduct: Sendable {
  private let plan: Plan
  private let factors: (first: Layout, second: Layout)

  /// - Parameters:
  ///   - first, second, result: shapes of the same rank; batch axes of size 1 repeat.
  ///   - transposingFirst, transposingSecond: take the last two axes of an operand the other way round.
  ///   - precision: of the factors of products; what comes in and out is of float32.
  package init(
    first: [Int], second: [Int], result: [Int], transposingFirst: Bool = false, transposingSecond: Bool = false,
    precision: Precision = .float32
  ) {
    var request = ad_request(AD_MATRIX_PRODUCT)
    if transposingFirst { request.flags |= Int32(AD_TRANSPOSE_SOURCE.rawValue) }
    if transposingSecond { request.flags |= Int32(AD_TRANSPOSE_WEIGHTS.rawValue) }
    request.source = Layout.plain(first).id
    request.weights = Layout.plain(second).id
    request.destination = Layout.plain(result).id
    if precision != .float32 {
      var low = request
      let (one, other) = (Layout.plain(first, precision), Layout.plain(second, precision))
      low.source = one.id
      low.weights = other.id
      if let plan = Plan(low), !plan.isFallback {
        factors = (one, other)
        self.plan = plan
        return
      }
    }
    factors = (.plain(first), .plain(second))
    plan = .required(request, "matrix product of \(first) by \(second)")
  }

  package func callAsFunction(_ first: Buffer, _ second: Buffer) -> Buffer {
    let result = Buffer(plan.destination)
    let (first, second) = (first.reordered(to: factors.first), second.reordered(to: factors.second))
    unsafe plan.execute { buffers in
      unsafe buffers.source = first.address
      unsafe buffers.weights = second.address
      unsafe buffers.destination = result.address
    }
    return result
  }
}
