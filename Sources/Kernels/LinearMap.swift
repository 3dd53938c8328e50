import COneDNN

/// The geometry of x·Wᵀ + b: x [N, I], W [O, I], b [O].
package struct LinearShape: Hashable, Sendable {
  package let rows: Int
  package let inputs: Int
  package let outputs: Int
  package let hasBias: Bool

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
    // Row-major everywhere: at the sizes of classifier heads packing the weights costs more than it saves.
    request.source = Layout.plain([rows, inputs]).id
    request.weights = Layout.plain([outputs, inputs]).id
    if hasBias { request.bias = Layout.plain([outputs]).id }
    request.destination = Layout.plain([rows, outputs]).id
    return .required(request, "linear map of \([rows, inputs]) by \([outputs, inputs])")
  }

  package func forward(training: Bool, relu: Bool) -> Plan {
    plan(AD_LINEAR_FORWARD, training: training, relu: relu, hasBias: hasBias)
  }

  package func backwardData() -> Plan { plan(AD_LINEAR_BACKWARD_DATA, training: true, hasBias: false) }

  package func backwardWeights() -> Plan { plan(AD_LINEAR_BACKWARD_WEIGHTS, training: true, hasBias: hasBias) }
}
