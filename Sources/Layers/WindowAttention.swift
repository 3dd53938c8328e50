import AviaryDiagnostics
import AviaryTensors

/// Attention within windows of an image that may be shifted by half a window (Liu et al., 2021, "Swin Transformer"): [N, H, W,
/// C] → [N, H, W, C], under torchvision's names.
///
/// The image is filled up with zeros to whole windows. Shifted windows go round the edges of the image, and positions that lie
/// apart in truth do not see each other.
public struct WindowAttention: UnaryLayer {
  /// How queries and keys are compared.
  public enum Comparison: String, Codable, Sendable, CaseIterable {
    /// By scaled products, with a table of biases.
    case products
    /// By cosines, with a learned scale for each head and biases by a small network (Liu et al., 2022, "Swin Transformer V2").
    case cosines
  }

  private let qkv: Linear
  private let proj: Linear
  private let table: RelativePositionBias?
  private let network: ContinuousPositionBias?
  /// [heads, 1, 1]: the logarithm of what cosines are multiplied by.
  private let logitScale: Parameter?
  private let attentionDrop: Float
  private let drop: Dropout
  private let window: Int
  private let shift: Int
  private let heads: Int
  private let site = Site()

  /// - Parameters:
  ///   - window: the side of a window.
  ///   - shift: how far windows are shifted; 0 for not at all.
  public init(
    _ channels: Int, heads: Int, window: Int, shift: Int = 0, comparing comparison: Comparison = .products,
    dropout: Float = 0, attentionDropout: Float = 0, initializer: Initializer = .normal(mean: 0, deviation: 0.02)
  ) {
    ensure(
      heads >= 1 && channels % heads == 0 && window >= 1 && (0..<window).contains(shift),
      "WindowAttention: \(heads) heads of \(channels) channels in windows of \(window) shifted by \(shift)")
    qkv = Linear(channels, 3 * channels, initializer: initializer, biasInitializer: .zeros)
    proj = Linear(channels, channels, initializer: initializer, biasInitializer: .zeros)
    let sides = [window, window]
    table = comparison == .products ? RelativePositionBias(window: sides, heads: heads) : nil
    network = comparison == .cosines ? ContinuousPositionBias(window: sides, heads: heads) : nil
    logitScale =
      comparison == .cosines
      ? Parameter(shape: [heads, 1, 1], initializer: .constant(Float(logarithm(10)))) : nil
    attentionDrop = attentionDropout
    drop = Dropout(dropout)
    self.window = window
    self.shift = shift
    self.heads = heads
  }

  /// In torchvision's order, in which parameters and buffers come before layers.
  public var children: [Child] {
    (logitScale.map { [Child("logit_scale", $0)] } ?? []) + (table?.children ?? [])
      + (network?.children.filter { !$0.name.hasPrefix("cpb") } ?? [])
      + [Child("qkv", qkv), Child("proj", proj)]
      + (network?.children.filter { $0.name.hasPrefix("cpb") } ?? [])
      + [Child("drop", drop), Child("site", site)]
  }

  public func forward(_ x: Tensor) -> Tensor {
    let channels = proj.weight.shape[0]
    ensure(
      x.rank == 4 && x.shape[3] == channels,
      "\(qkv.weight.layerPath): WindowAttention: input \(x.shape) does not have \(channels) channels last")
    let (height, width) = (x.shape[1], x.shape[2])
    let grid = WindowGrid(height: height, width: width, window: window, shift: shift)
    let windows = grid.partitioned(x)
    let (count, positions) = (windows.shape[0], window * window)
    let parts = linear(windows, weight: qkv.weight.tensor, bias: bias)
      .reshaped(to: [count, positions, 3, heads, channels / heads]).transposed([2, 0, 3, 1, 4])
    var (query, key) = (parts.slice(axis: 0, at: 0), parts.slice(axis: 0, at: 1))
    var scale: Float?
    if let logitScale {
      query = Self.unit(query) * exp(logitScale.tensor.clamped(to: ...Float(logarithm(100))))
      key = Self.unit(key)
      scale = 1
    }
    // Each image's windows have masks of their own: [N, windows, heads, positions, C / heads].
    func byImage(_ x: Tensor) -> Tensor { x.reshaped(to: [-1, grid.count] + x.shape.dropFirst()) }
    let biases = table?() ?? network?() ?? Tensor(0)
    let y = scaledDotProductAttention(
      byImage(query), byImage(key), byImage(parts.slice(axis: 0, at: 2)),
      mask: grid.mask.map { biases + $0 } ?? biases, scale: scale,
      dropout: site.isFrozen ? 0 : attentionDrop, path: site.path)
    let joined = y.transposed([0, 1, 3, 2, 4]).reshaped(to: [count, positions, channels])
    return grid.joined(drop(proj(joined)), images: x.shape[0])
  }

  /// That of the keys is zero where cosines are compared: it would only turn them.
  private var bias: Tensor? {
    guard logitScale != nil, let bias = qkv.bias?.tensor else { return qkv.bias?.tensor }
    let parts = bias.chunked(3)
    return concatenated([parts[0], Tensor(zeros: parts[1].shape), parts[2]], axis: 0)
  }

  /// Vectors of length 1 along the last axis; those of length 0 stay so.
  private static func unit(_ x: Tensor) -> Tensor {
    x / x.norm(2, over: [-1], keepingAxes: true).clamped(to: 1e-12...)
  }
}

extension WindowAttention: DroppingLayer {
  var drops: Bool { attentionDrop > 0 }
}

/// The windows of an image [N, H, W, C].
private struct WindowGrid {
  let height: Int
  let width: Int
  let window: Int
  /// The sides of the image filled up.
  let paddedHeight: Int
  let paddedWidth: Int
  /// Along a side that a single window covers, nothing is shifted.
  let shifts: [Int]

  init(height: Int, width: Int, window: Int, shift: Int) {
    func filled(_ side: Int) -> Int { (side + window - 1) / window * window }
    (self.height, self.width, self.window) = (height, width, window)
    (paddedHeight, paddedWidth) = (filled(height), filled(width))
    shifts = [paddedHeight, paddedWidth].map { window >= $0 ? 0 : shift }
  }

  private var rows: Int { paddedHeight / window }
  private var columns: Int { paddedWidth / window }
  /// The number of windows of an image.
  var count: Int { rows * columns }

  /// [N, H, W, C] → [N · windows, window², C]
  func partitioned(_ x: Tensor) -> Tensor {
    x.padded(axis: 1, before: 0, after: paddedHeight - height).padded(axis: 2, before: 0, after: paddedWidth - width)
      .rolled(by: -shifts[0], axis: 1).rolled(by: -shifts[1], axis: 2)
      .reshaped(to: [x.shape[0], rows, window, columns, window, x.shape[3]]).transposed([0, 1, 3, 2, 4, 5])
      .reshaped(to: [x.shape[0] * count, window * window, x.shape[3]])
  }

  /// [N · windows, window², C] → [N, H, W, C]
  func joined(_ x: Tensor, images: Int) -> Tensor {
    x.reshaped(to: [images, rows, columns, window, window, x.shape[2]]).transposed([0, 1, 3, 2, 4, 5])
      .reshaped(to: [images, paddedHeight, paddedWidth, x.shape[2]])
      .rolled(by: shifts[0], axis: 1).rolled(by: shifts[1], axis: 2)
      .slice(axis: 1, from: 0, to: height).slice(axis: 2, from: 0, to: width)
  }

  /// −100 where two positions of a window come from different edges of the image, as torchvision has it: [windows, 1,
  /// window², window²]; nil where nothing is shifted.
  var mask: Tensor? {
    if shifts == [0, 0] { return nil }
    /// Which of three parts of a side a place is in: before the last window, and before and after the shift in it.
    func part(_ place: Int, of side: Int, shift: Int) -> Int {
      place < side - window ? 0 : place < side - shift ? 1 : 2
    }
    let positions = window * window
    var values = [Float](repeating: 0, count: count * positions * positions)
    for number in 0..<count {
      let parts = (0..<positions).map { position in
        let row = number / columns * window + position / window
        let column = number % columns * window + position % window
        return 3 * part(row, of: paddedHeight, shift: shifts[0]) + part(column, of: paddedWidth, shift: shifts[1])
      }
      if parts.allSatisfy({ $0 == parts[0] }) { continue }
      for a in 0..<positions {
        let start = (number * positions + a) * positions
        for b in 0..<positions where parts[a] != parts[b] { values[start + b] = -100 }
      }
    }
    return Tensor(values, shape: [count, 1, positions, positions])
  }
}
