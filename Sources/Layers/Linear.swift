import AviaryDiagnostics
import AviaryTensors

/// x·Wᵀ + b: [N…, I] → [N…, O], PyTorch's `nn.Linear`.
public struct Linear: UnaryLayer {
  /// [O, I]
  public let weight: Parameter
  /// [O]
  public let bias: Parameter?

  public init(
    _ inputs: Int, _ outputs: Int, bias: Bool = true, initializer: Initializer = .pytorchWeight,
    biasInitializer: Initializer? = nil
  ) {
    weight = Parameter(shape: [outputs, inputs], initializer: initializer)
    self.bias =
      bias
      ? Parameter(shape: [outputs], initializer: biasInitializer ?? .pytorchBias(weight: [outputs, inputs])) : nil
  }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(
      x.rank >= 1 && x.shape.last == weight.shape[1],
      "\(weight.layerPath): Linear: input \(x.shape) does not go with weight \(weight.shape)")
    return linear(x, weight: weight.tensor, bias: bias?.tensor)
  }
}
