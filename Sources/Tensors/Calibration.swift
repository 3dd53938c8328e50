import AviaryKernels

/// The ranges of the inputs of convolutions and linear layers, as observed.
package final class CalibrationRecord {
  private var ranges: [ObjectIdentifier: (weight: Confined<TensorContent>, histogram: MagnitudeHistogram)] = [:]

  package init() {}

  /// Runs `body` in inference and observes the inputs of operations with weights.
  package func observing<Failure>(_ body: () throws(Failure) -> Void) throws(Failure) {
    try Pass.scope(
      {
        $0.mode = .inference
        $0.tape = nil
        $0.calibration = self
      }, body)
  }

  func observe(_ x: Tensor, of weight: Tensor) {
    let key = ObjectIdentifier(weight.content)
    var (content, histogram) = ranges.removeValue(forKey: key) ?? (weight.content, MagnitudeHistogram())
    x.buffer.addMagnitudes(to: &histogram)
    ranges[key] = (content, histogram)
  }

  /// The observed inputs of an operation with these weights; nil where there was none.
  package func inputs(of weight: Tensor) -> MagnitudeHistogram? { ranges[ObjectIdentifier(weight.content)]?.histogram }
}
