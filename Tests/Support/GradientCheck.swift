import AviaryTensors
import Testing

/// Checks the pullback of an operator against differences of its values, by the operands each and together.
///
/// L = Σ y·c with random c, accumulated in double. Along a direction d the difference (L(x + hd) − L(x − hd)) / 2h must
/// equal ⟨gradient, d⟩ within `tolerance` of it. d is the gradient's own direction plus a random one: the first keeps the
/// derivative away from zero, the second shows errors at right angles to the gradient. The operands have to lie away
/// from kinks, further than a step of `step` times their norm may carry one element.
public func checkGradient(
  at operands: [String: Tensor], step: Double = 1e-2, tolerance: Double = 1e-2, mode: Mode = .training,
  noise: Noise? = Noise(seed: 1, step: 1), seed: UInt64 = 1, name: String = "gradient",
  sourceLocation: SourceLocation = #_sourceLocation, of operation: ([String: Tensor]) -> Tensor
) {
  var numbers = TestNumbers(seed: seed)
  let shape = withMode(mode, noise: noise) { operation(operands) }.shape
  let upstream = Tensor(numbers.floats(shape.reduce(1, *)), shape: shape)
  let weights = upstream.scalars.map(Double.init)
  let gradients = differentiated(operands, upstream: upstream, mode: mode, noise: noise, operation).gradients

  func loss(_ operands: [String: Tensor]) -> Double {
    let y = withMode(mode, noise: noise) { operation(operands) }.scalars
    return zip(y, weights).reduce(0) { $0 + Double($1.0) * $1.1 }
  }

  let names = operands.keys.sorted()
  for moved in names.map({ [$0] }) + (names.count > 1 ? [names] : []) {
    var analytic = 0.0
    var (forward, backward) = (operands, operands)
    for name in moved {
      let x = operands[name]!.scalars.map(Double.init)
      guard let gradient = gradients[name]?.scalars.map(Double.init) else {
        Issue.record("\(name): there is no gradient", sourceLocation: sourceLocation)
        return
      }
      let random = numbers.floats(x.count).map(Double.init)
      let direction = zip(unit(gradient), unit(random)).map { $0 + 0.5 * $1 }
      let reach = step * max(norm(x), 1e-3)
      // What float32 makes of the step is what was gone.
      let ahead = zip(x, direction).map { Float($0 + reach * $1) }
      let behind = zip(x, direction).map { Float($0 - reach * $1) }
      forward[name] = Tensor(ahead, shape: operands[name]!.shape)
      backward[name] = Tensor(behind, shape: operands[name]!.shape)
      for (index, slope) in gradient.enumerated() {
        analytic += slope * (Double(ahead[index]) - Double(behind[index]))
      }
    }
    let numeric = loss(forward) - loss(backward)
    let error = abs(numeric - analytic) / max(abs(numeric), abs(analytic))
    if !(error <= tolerance) {
      Issue.record(
        """
        \(name), moving \(moved.joined(separator: ", ")): the values change by \(numeric), the pullback says \
        \(analytic); relative error \(error), tolerance \(tolerance)
        """, sourceLocation: sourceLocation)
    }
  }
}

private func norm(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }

private func unit(_ x: [Double]) -> [Double] {
  let length = norm(x)
  return length > 0 ? x.map { $0 / length } : x
}
