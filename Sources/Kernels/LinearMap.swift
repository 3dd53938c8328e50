import CKernels
import COneDNN

/// The geometry of x·Wᵀ + b: x [N, I], W [O, I], b [O].
package struct LinearShape: Hashable, Sendable {
  package let rows: Int
  package let inputs: Int
  package let outputs: Int
  package let hasBias: Bool
  /// Of the factors of products; what comes in and out is of float32.
  package var precision = Precision.float32

  package init(rows: Int, inputs: Int, outputs: Int, hasBias: Bool) {
    self.rows = rows
    self.inputs = inputs
    self.outputs = outputs
    self.hasBias = hasBias
  }

  private func plan(_ kind: ad_kind, training: Bool, relu: Bool = false, hasBias: Bool) -> Plan {
    var request = ad_request(kind, flags: training ? Int32(AD_TRAINING.rawValue) : 0)
    if relu { request.flags |= Int32(AD_RELU.rawValue) }
    if kind == AD_LINEAR_FORWARD, AlgorithmRule.multipliesMatrices(rows: rows, weights: inputs * outputs) {
      request.flags |= Int32(AD_BY_MATRIX_PRODUCT.rawValue)
    }
    if let plan = lowPrecision(kind, flags: request.flags & ~Int32(AD_BY_MATRIX_PRODUCT.rawValue), hasBias: hasBias) {
      return plan
    }
    // Row-major everywhere: at the sizes of classifier heads packing the weights costs more than it saves.
    request.source = Layout.plain([rows, inputs]).id
    request.weights = Layout.plain([outputs, inputs]).id
    if hasBias { request.bias = Layout.plain([outputs]).id }
    request.destination = Layout.plain([rows, outputs]).id
    return .required(request, "linear map of \([rows, inputs]) by \([outputs, inputs])")
  }

  /// A plan by products of a lower precision than float32's, for which the weights are packed; nil where that is not wanted, or
  /// oneDNN has none.
  private func lowPrecision(_ kind: ad_kind, flags: Int32, hasBias: Bool) -> Plan? {
    guard precision != .float32 else { return nil }
    var request = ad_request(kind, flags: flags)
    func operand(isResultOf result: ad_kind) -> Precision { kind == result ? .float32 : precision }
    request.source = Layout.plain([rows, inputs], operand(isResultOf: AD_LINEAR_BACKWARD_DATA)).id
    request.weights = Layout.any([outputs, inputs], operand(isResultOf: AD_LINEAR_BACKWARD_WEIGHTS)).id
    if hasBias { request.bias = Layout.plain([outputs]).id }
    request.destination = Layout.plain([rows, outputs], operand(isResultOf: AD_LINEAR_FORWARD)).id
    guard let plan = Plan(request), !plan.isFallback else { return nil }
    return plan
  }

  package func forward(training: Bool, relu: Bool) -> Plan {
    plan(AD_LINEAR_FORWARD, training: training, relu: relu, hasBias: hasBias)
  }

  package func backwardData() -> Plan { plan(AD_LINEAR_BACKWARD_DATA, training: true, hasBias: false) }

  package func backwardWeights() -> Plan { plan(AD_LINEAR_BACKWARD_WEIGHTS, training: true, hasBias: hasBias) }

  /// Row-major rows, however many axes they lie along, as a plan of this shape wants them.
  package func operand(_ rows: Buffer, width: Int, as layout: Layout) -> Buffer {
    precision == .float32 ? rows : rows.reshaped(to: [self.rows, width]).reordered(to: layout)
  }

  /// The gradients of the weights and of the bias, where there is one, of rows [N, I] and the gradient [N, O] of the result.
  package func weightGradients(source: Buffer, gradient: Buffer) -> (weights: Buffer, bias: Buffer?) {
    guard precision == .float32,
      let padding = AlgorithmRule.gradientPadding(rows: rows, inputs: inputs, outputs: outputs)
    else {
      let plan = backwardWeights()
      let (weights, bias) = plan.backwardWeights(
        source: operand(source, width: inputs, as: plan.source),
        gradient: operand(gradient, width: outputs, as: plan.destination),
        bias: hasBias ? .plain([outputs]) : nil)
      return (precision == .float32 ? weights : weights.reordered(to: .plain([outputs, inputs])), bias)
    }
    let width = outputs + padding
    let bias = hasBias ? Buffer(.plain([outputs])) : nil
    var gradient = gradient
    if padding > 0 {
      let padded = Buffer(.plain([rows, width]))
      kernel("rearranging", padded.layout, floats: 2 * padded.count) {
        unsafe ak_pad_rows(gradient.floats, rows, outputs, padded.floats, width, bias?.floats)
      }
      gradient = padded
    } else if let bias {
      kernel("sums", gradient.layout, floats: rows * outputs) {
        unsafe ak_sum_columns(gradient.floats, rows, outputs, bias.floats)
      }
    }
    let product = MatrixProduct(
      first: [rows, width], second: [rows, inputs], result: [width, inputs], transposingFirst: true)
    // The rows of the padding are the last, behind the gradient.
    return (Buffer(storage: product(gradient, source).storage, layout: .plain([outputs, inputs])), bias)
  }
}
