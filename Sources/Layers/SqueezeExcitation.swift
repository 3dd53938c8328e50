import AviaryDiagnostics
import AviaryTensors

/// Squeeze and excitation (Hu et al., 2018): every channel is multiplied by a weight that two 1×1 convolutions make of the
/// means of all channels. torchvision's `SqueezeExcitation`: [N, C, H, W] → [N, C, H, W].
public struct SqueezeExcitation: UnaryLayer {
  private let avgpool = MeanOverPositions(keepingAxes: true)
  private let fc1: Conv2d
  private let fc2: Conv2d
  private let activation: Activation
  private let scaleActivation: Activation

  /// - Parameters:
  ///   - squeezed: the number of channels between the two convolutions.
  ///   - activation: between the two convolutions.
  ///   - scaleActivation: what makes the weights; a sigmoid or a hard sigmoid, which lie in 0...1.
  ///   - initializer, biasInitializer: of both convolutions.
  public init(
    _ channels: Int, squeezed: Int, activation: Activation = .relu, scaleActivation: Activation = .sigmoid,
    initializer: Initializer = .pytorchWeight, biasInitializer: Initializer? = nil
  ) {
    fc1 = Conv2d(channels, squeezed, kernel: 1, initializer: initializer, biasInitializer: biasInitializer)
    fc2 = Conv2d(squeezed, channels, kernel: 1, initializer: initializer, biasInitializer: biasInitializer)
    self.activation = activation
    self.scaleActivation = scaleActivation
  }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(
      x.rank == 4 && x.shape[1] == fc1.weight.shape[1],
      "\(fc1.weight.layerPath): SqueezeExcitation: input \(x.shape) does not go with weight \(fc1.weight.shape)")
    return x * scaleActivation(fc2(activation(fc1(avgpool(x)))))
  }
}
