import AviaryTensors

/// Convolution of images: [N, C, H, W] → [N, O, H', W'], PyTorch's `nn.Conv2d`.
public struct Conv2d: UnaryLayer {
  /// [O, C / groups, kH, kW]
  public let weight: Parameter
  /// [O]
  public let bias: Parameter?
  private let stride: [Int]
  private let padding: [Int]
  private let dilation: [Int]
  private let groups: Int

  public init(
    _ inputChannels: Int, _ outputChannels: Int, kernel: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
    groups: Int = 1, bias: Bool = true, initializer: Initializer = .pytorchWeight, biasInitializer: Initializer? = nil
  ) {
    precondition(
      groups >= 1 && inputChannels % groups == 0 && outputChannels % groups == 0,
      "Conv2d: \(inputChannels) and \(outputChannels) channels do not split into \(groups) groups")
    let shape = [outputChannels, inputChannels / groups, kernel, kernel]
    weight = Parameter(shape: shape, initializer: initializer)
    self.bias =
      bias
      ? Parameter(shape: [outputChannels], initializer: biasInitializer ?? .pytorchBias(weight: shape)) : nil
    self.stride = [stride, stride]
    self.padding = [padding, padding]
    self.dilation = [dilation, dilation]
    self.groups = groups
  }

  public func forward(_ x: Tensor) -> Tensor {
    precondition(
      x.rank == 4 && x.shape[1] == weight.shape[1] * groups && fits(x),
      "\(weight.layerPath): Conv2d: input \(x.shape) does not go with weight \(weight.shape), groups \(groups)")
    return convolution(
      x, weight: weight.tensor, bias: bias?.tensor, stride: stride, padding: padding, dilation: dilation,
      groups: groups)
  }

  /// Whether the window fits into the padded image.
  private func fits(_ x: Tensor) -> Bool {
    (0..<2).allSatisfy { axis in
      let padded: Int = x.shape[2 + axis] + 2 * padding[axis]
      return padded > dilation[axis] * (weight.shape[2 + axis] - 1)
    }
  }
}
