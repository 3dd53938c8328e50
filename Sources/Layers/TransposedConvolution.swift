import AviaryDiagnostics
import AviaryTensors

/// Transposed convolution of signals: [N, I, L] → [N, O, L'], PyTorch's `nn.ConvTranspose1d`.
public typealias ConvTranspose1d = ConvTranspose<OneAxis>
/// Transposed convolution of images: [N, I, H, W] → [N, O, H', W'], PyTorch's `nn.ConvTranspose2d`.
public typealias ConvTranspose2d = ConvTranspose<TwoAxes>
/// Transposed convolution of volumes: [N, I, D, H, W] → [N, O, D', H', W'], PyTorch's `nn.ConvTranspose3d`.
public typealias ConvTranspose3d = ConvTranspose<ThreeAxes>

/// Transposed convolution: [N, I, …] → [N, O, …].
public struct ConvTranspose<Axes: SpatialAxes>: UnaryLayer, NamedLayer {
  /// [I, O / groups, k…]. As in PyTorch, fan-in is counted as for a convolution's weight: (O / groups)·k….
  public let weight: Parameter
  /// [O]
  public let bias: Parameter?
  private let stride: [Int]
  private let padding: [Int]
  private let outputPadding: [Int]
  private let dilation: [Int]
  private let groups: Int

  /// - Parameters:
  ///   - kernel, stride, padding, outputPadding, dilation: one number for all axes, or one for each.
  public init(
    _ inputChannels: Int, _ outputChannels: Int, kernel: any AxisSizes, stride: any AxisSizes = 1,
    padding: any AxisSizes = 0, outputPadding: any AxisSizes = 0, groups: Int = 1, bias: Bool = true,
    dilation: any AxisSizes = 1, initializer: Initializer = .pytorchWeight, biasInitializer: Initializer? = nil
  ) {
    ensure(
      groups >= 1 && inputChannels % groups == 0 && outputChannels % groups == 0,
      "\(Self.name): \(inputChannels) and \(outputChannels) channels do not split into \(groups) groups")
    let shape = [inputChannels, outputChannels / groups] + kernel.sizes(axes: Axes.count)
    weight = Parameter(shape: shape, initializer: initializer)
    self.bias =
      bias
      ? Parameter(shape: [outputChannels], initializer: biasInitializer ?? .pytorchBias(weight: shape)) : nil
    self.stride = stride.sizes(axes: Axes.count)
    self.padding = padding.sizes(axes: Axes.count)
    self.outputPadding = outputPadding.sizes(axes: Axes.count)
    self.dilation = dilation.sizes(axes: Axes.count)
    self.groups = groups
  }

  static var name: String { "ConvTranspose\(Axes.count)d" }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(
      x.rank == Axes.count + 2 && x.shape[1] == weight.shape[0],
      "\(weight.layerPath): \(Self.name): input \(x.shape) does not go with weight \(weight.shape), groups \(groups)")
    return transposedConvolution(
      x, weight: weight.tensor, bias: bias?.tensor, stride: stride, padding: padding, outputPadding: outputPadding,
      dilation: dilation, groups: groups)
  }
}
