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
  private let trim: TransposedTrim
  private let dilation: [Int]
  private let groups: Int

  /// - Parameters:
  ///   - kernel, stride, dilation: one number for all axes, or one for each.
  ///   - padding: the same, as PyTorch counts it, or `.same`, which leaves size · stride positions, as TensorFlow does.
  ///   - outputPadding: the number of further positions at the end. By default 0, and with `.same` as many as give size ·
  ///     stride.
  public init(
    _ inputChannels: Int, _ outputChannels: Int, kernel: any AxisSizes, stride: any AxisSizes = 1,
    padding: some AxisPadding = 0, outputPadding: (any AxisSizes)? = nil, groups: Int = 1, bias: Bool = true,
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
    self.dilation = dilation.sizes(axes: Axes.count)
    self.groups = groups
    let (steps, gaps) = (self.stride, self.dilation)
    let padding = padding.padding(axes: Axes.count)
    let extra = outputPadding?.sizes(axes: Axes.count)
    ensure(padding != .causal, "\(Self.name): causal padding is for convolutions that are not transposed")
    trim = TransposedTrim(
      axes: (0..<Axes.count).map {
        padding.trim(axis: $0, reach: (shape[$0 + 2] - 1) * gaps[$0] + 1, stride: steps[$0], extra: extra?[$0])
      })
  }

  static var name: String { "ConvTranspose\(Axes.count)d" }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(
      x.rank == Axes.count + 2 && x.shape[1] == weight.shape[0],
      "\(weight.layerPath): \(Self.name): input \(x.shape) does not go with weight \(weight.shape), groups \(groups)")
    let y = transposedConvolution(
      x, weight: weight.tensor, bias: bias?.tensor, stride: stride, padding: trim.padding,
      outputPadding: trim.outputPadding, dilation: dilation, groups: groups)
    return trim.ends.reduce(y) { $0.slice(axis: $1.axis, from: 0, to: $0.shape[$1.axis] - $1.count) }
  }
}

/// What a transposed convolution leaves out of its whole result, and adds at the end.
private struct TransposedTrim: LayerConfiguration {
  struct End: Codable, Sendable {
    let axis: Int
    let count: Int
  }

  /// As PyTorch's: left out at both ends, and added at the end.
  let padding: [Int]
  let outputPadding: [Int]
  /// What is left out at the ends besides.
  let ends: [End]

  init(axes: [(padding: Int, outputPadding: Int, end: Int)]) {
    padding = axes.map(\.padding)
    outputPadding = axes.map(\.outputPadding)
    ends = axes.enumerated().filter { $1.end > 0 }.map { End(axis: $0 + 2, count: $1.end) }
  }
}

extension Padding {
  /// How the whole result of a transposed convolution along an axis, (size − 1) · stride + reach, is trimmed.
  ///
  /// - Parameters:
  ///   - reach: from the first element of the window to its last, both included.
  ///   - extra: the output padding, where it is given.
  /// - Returns: PyTorch's padding and output padding, and how many positions are left out at the end besides.
  package func trim(axis: Int, reach: Int, stride: Int, extra: Int?) -> (padding: Int, outputPadding: Int, end: Int) {
    if case .fixed(let sizes) = self { return (sizes[axis], extra ?? 0, 0) }
    // Without output padding size · stride positions are left; with it Keras leaves out reach / 2 at both ends first.
    let excess = extra.map { 2 * (reach / 2) - $0 } ?? reach - stride
    let padding = max(0, excess) / 2
    let end = excess - 2 * padding
    return (padding, max(0, -end), max(0, end))
  }
}
