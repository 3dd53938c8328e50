// Functions of single elements that others make up, so that their derivatives are those of their parts.

/// log(1 + eˣ), computed without overflow: a smooth relu.
public func softplus(_ x: Tensor) -> Tensor { (x + abs(x)) * 0.5 + log(1 + exp(-abs(x))) }

/// x / (1 + |x|)
public func softsign(_ x: Tensor) -> Tensor { x / (1 + abs(x)) }

/// λ · x where it is positive, else λ · α · (eˣ − 1), with the constants that keep mean and variance (Klambauer et al., 2017).
public func selu(_ x: Tensor) -> Tensor { elu(x, alpha: 1.673_263_2) * 1.050_701 }

/// Straight lines for a sigmoid: slope · x + 1/2, but none below 0 or above 1. The slope is 1/6 in PyTorch and Keras 3, and
/// 1/5 in Keras 1 and 2.
public func hardSigmoid(_ x: Tensor, slope: Float = 1 / 6) -> Tensor { (x * slope + 0.5).clamped(to: 0...1) }
