import AviaryTensors

/// The largest element of every window: [N, C, H, W] → [N, C, H', W'], PyTorch's `nn.MaxPool2d`.
public struct MaxPool2d: UnaryLayer {
  private let kernel: Int
  private let stride: Int
  private let padding: Int
  private let rounding: PoolRounding
  private let site = Site()

  public init(_ kernel: Int, stride: Int? = nil, padding: Int = 0, rounding: PoolRounding = .down) {
    self.kernel = kernel
    self.stride = stride ?? kernel
    self.padding = padding
    self.rounding = rounding
  }

  public func forward(_ x: Tensor) -> Tensor {
    site.requireWindow(kernel, padding, in: x, of: "MaxPool2d")
    return maxPool(
      x, kernel: [kernel, kernel], stride: [stride, stride], padding: [padding, padding], rounding: rounding)
  }
}

/// The mean of every window: [N, C, H, W] → [N, C, H', W'], PyTorch's `nn.AvgPool2d`.
public struct AvgPool2d: UnaryLayer {
  private let kernel: Int
  private let stride: Int
  private let padding: Int
  private let rounding: PoolRounding
  private let countingPadding: Bool
  private let site = Site()

  public init(
    _ kernel: Int, stride: Int? = nil, padding: Int = 0, rounding: PoolRounding = .down, countingPadding: Bool = true
  ) {
    self.kernel = kernel
    self.stride = stride ?? kernel
    self.padding = padding
    self.rounding = rounding
    self.countingPadding = countingPadding
  }

  public func forward(_ x: Tensor) -> Tensor {
    site.requireWindow(kernel, padding, in: x, of: "AvgPool2d")
    return averagePool(
      x, kernel: [kernel, kernel], stride: [stride, stride], padding: [padding, padding], rounding: rounding,
      countingPadding: countingPadding)
  }
}

/// The means of as many windows as the result shall have rows and columns: PyTorch's `nn.AdaptiveAvgPool2d`.
public struct AdaptiveAvgPool2d: UnaryLayer {
  private let output: Int
  private let site = Site()

  public init(_ output: Int) { self.output = output }

  public func forward(_ x: Tensor) -> Tensor {
    adaptiveAveragePool(x, output: [output, output])
  }
}

/// The mean over all positions: [N, C, H, W] → [N, C]. Features that have no positions are left as they are.
public struct MeanOverPositions: UnaryLayer {
  private let site = Site()

  public init() {}

  public func forward(_ x: Tensor) -> Tensor {
    x.rank <= 2 ? x : x.mean(over: Array(2..<x.rank))
  }
}

extension Site {
  /// Ends the program unless a window fits into the padded image [N, C, H, W].
  fileprivate func requireWindow(_ kernel: Int, _ padding: Int, in x: Tensor, of layer: String) {
    precondition(
      x.rank == 4 && min(x.shape[2], x.shape[3]) + 2 * padding >= kernel,
      "\(layerPath): \(layer): input \(x.shape) is smaller than the window [\(kernel), \(kernel)]")
  }
}
