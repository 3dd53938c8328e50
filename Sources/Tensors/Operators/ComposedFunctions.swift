// Elementwise functions composed of others; their derivatives follow from the parts.

/// log(1 + eˣ), computed without overflow: a smooth relu.
public func softplus(_ x: Tensor) -> Tensor { composed(.init("softplus"), from: [x]) { softplus(of: x) } }

private func softplus(of x: Tensor) -> Tensor {
  // log(1 + e) for e in 0...1 as 2 · artanh(e / (2 + e)), whose series is exact where 1 + e would be 1.
  let e = exp(-maximum(x, -x))
  let z = e / (e + 2)
  let square = z * z
  var series = square * (1 / 17) + (1 / 15)
  for divisor in stride(from: Float(13), through: 3, by: -2) { series = series * square + 1 / divisor }
  return maximum(Tensor(0), x) + (series * square + 1) * z * 2
}

/// x / (1 + |x|)
public func softsign(_ x: Tensor) -> Tensor { composed(.init("softsign"), from: [x]) { x / (1 + abs(x)) } }

/// λ · x where it is positive, else λ · α · (eˣ − 1), with the constants that keep mean and variance (Klambauer et al., 2017).
public func selu(_ x: Tensor) -> Tensor {
  composed(.init("selu"), from: [x]) { elu(x, alpha: 1.673_263_2) * 1.050_701 }
}

/// A piecewise linear sigmoid: slope · x + 1/2, limited to 0...1. The slope is 1/6 in PyTorch and Keras 3, and
/// 1/5 in Keras 1 and 2.
public func hardSigmoid(_ x: Tensor, slope: Float = 1 / 6) -> Tensor {
  composed(.init("hardSigmoid", "slope", .number(slope)), from: [x]) { hardTanh(x * slope + 0.5, from: 0, to: 1) }
}
