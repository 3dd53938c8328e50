import AviaryDiagnostics
import AviaryTensors

/// Convolution of signals: [N, C, L] → [N, O, L'], PyTorch's `nn.Conv1d`.
public typealias Conv1d = Conv<OneAxis>
/// Convolution of images: [N, C, H, W] → [N, O, H', W'], PyTorch's `nn.Conv2d`.
public typealias Conv2d = Conv<TwoAxes>
/// Convolution of volumes: [N, C, D, H, W] → [N, O, D', H', W'], PyTorch's `nn.Conv3d`.
public typealias Conv3d = Conv<ThreeAxes>

/// Convolution: [N, C, …] → [N, O, …].
public struct Conv<Axes: SpatialAxes>: UnaryLayer, NamedLayer {
  /// [O, C / groups, k…]
  public let weight: Parameter
  /// [O]
  public let bias: Parameter?
  private let stride: [Int]
  private let padding: Padding
  private let dilation: [Int]
  private let groups: Int

  /// - Parameters:
  ///   - kernel, stride, dilation: one number for all axes, or one for each.
  ///   - padding: the same; or `.same` or `.causal`.
  public init(
    _ inputChannels: Int, _ outputChannels: Int, kernel: any AxisSizes, stride: any AxisSizes = 1,
    padding: some AxisPadding = 0, dilation: any AxisSizes = 1, groups: Int = 1, bias: Bool = true,
    initializer: Initializer = .pytorchWeight, biasInitializer: Initializer? = nil
  ) {
    ensure(
      groups >= 1 && inputChannels % groups == 0 && outputChannels % groups == 0,
      "\(Self.name): \(inputChannels) and \(outputChannels) channels do not split into \(groups) groups")
    let shape = [outputChannels, inputChannels / groups] + kernel.sizes(axes: Axes.count)
    weight = Parameter(shape: shape, initializer: initializer)
    self.bias =
      bias
      ? Parameter(shape: [outputChannels], initializer: biasInitializer ?? .pytorchBias(weight: shape)) : nil
    self.stride = stride.sizes(axes: Axes.count)
    self.padding = padding.padding(axes: Axes.count)
    self.dilation = dilation.sizes(axes: Axes.count)
    self.groups = groups
  }

  static var name: String { "Conv\(Axes.count)d" }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(x.rank == Axes.count + 2 && x.shape[1] == weight.shape[1] * groups, mismatch(x))
    let zeros = padding.zeros(
      around: x.shape, reach: { dilation[$0] * (weight.shape[2 + $0] - 1) + 1 }, stride: stride)
    ensure(zeros.hasWindows, mismatch(x))
    return convolution(
      x, weight: weight.tensor, bias: bias?.tensor, stride: stride, padding: zeros.before, endPadding: zeros.after,
      dilation: dilation, groups: groups)
  }

  private func mismatch(_ x: Tensor) -> String {
    "\(weight.layerPath): \(Self.name): input \(x.shape) does not go with weight \(weight.shape), groups \(groups)"
  }
}
