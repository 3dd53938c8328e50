import AviaryDiagnostics
import AviaryTensors

/// x·Wᵀ + b: [N…, I] → [N…, O], PyTorch's `nn.Linear`; along another axis, [N, I, …] → [N, O, …].
public struct Linear: UnaryLayer {
  /// [O, I]
  public let weight: Parameter
  /// [O]
  public let bias: Parameter?
  private let axis: Int

  /// - Parameter axis: the axis that the map works along; -1 for the last.
  public init(
    _ inputs: Int, _ outputs: Int, bias: Bool = true, axis: Int = -1, initializer: Initializer = .pytorchWeight,
    biasInitializer: Initializer? = nil
  ) {
    self.axis = axis
    weight = Parameter(shape: [outputs, inputs], initializer: initializer)
    self.bias =
      bias
      ? Parameter(shape: [outputs], initializer: biasInitializer ?? .pytorchBias(weight: [outputs, inputs])) : nil
  }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(
      x.hasExtent(weight.shape[1], along: axis),
      "\(weight.layerPath): Linear: input \(x.shape) does not go with weight \(weight.shape)")
    return withChannels(axis, at: -1, of: x) { linear($0, weight: weight.tensor, bias: bias?.tensor) }
  }
}
