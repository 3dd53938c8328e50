import COneDNN

/// A product of two row-major matrices, or of batches of them.
package struct MatrixProduct: Sendable {
  private let plan: Plan
  /// The shapes and layouts of factors that are converted; nil where they are taken as they are.
  private let conversion: [(shape: [Int], layout: Layout)]?

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
        conversion = [(first, one), (second, other)]
        self.plan = plan
        return
      }
    }
    conversion = nil
    plan = .required(request, "matrix product of \(first) by \(second)")
  }

  package func callAsFunction(_ first: Buffer, _ second: Buffer) -> Buffer {
    let result = Buffer(plan.destination)
    let (first, second) = (operand(first, 0), operand(second, 1))
    unsafe plan.execute { buffers in
      unsafe buffers.source = first.address
      unsafe buffers.weights = second.address
      unsafe buffers.destination = result.address
    }
    return result
  }

  private func operand(_ factor: Buffer, _ place: Int) -> Buffer {
    guard let (shape, layout) = conversion?[place] else { return factor }
    return factor.reshaped(to: shape).reordered(to: layout)
  }
}
