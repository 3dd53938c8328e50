import AviaryDiagnostics
import AviaryTensors

/// A learned number for each way in which two positions of a window lie to each other, and for each head: what is added to
/// the scaled products of attention in Swin transformers (Liu et al., 2021).
///
/// The cells are torchvision's: `relative_position_bias_table` [(2h − 1)·(2w − 1), heads] and, of whole numbers,
/// `relative_position_index`, the row of the table for each pair of positions.
public struct RelativePositionBias: Layer {
  /// The bias of every offset, for each head.
  public let relativePositionBiasTable: Parameter
  /// The row of the table for every pair of positions.
  public let relativePositionIndex: IndexTable
  private let positions: Int

  /// - Parameters:
  ///   - window: the height and the width of the window.
  ///   - isMatrix: whether the index is a matrix [h·w, h·w], as in torchvision's MaxViT, or in one row, as in its Swin.
  public init(
    window: [Int], heads: Int, isMatrix: Bool = false, initializer: Initializer = .normal(mean: 0, deviation: 0.02)
  ) {
    ensure(window.count == 2 && window.allSatisfy { $0 >= 1 }, "RelativePositionBias: \(window) is not a window")
    positions = window[0] * window[1]
    relativePositionBiasTable = Parameter(
      shape: [(2 * window[0] - 1) * (2 * window[1] - 1), heads], initializer: initializer)
    relativePositionIndex = IndexTable(Self.index(window: window, isMatrix: isMatrix))
  }

  /// [1, heads, h·w, h·w]
  public func callAsFunction() -> Tensor {
    Self.bias(relativePositionBiasTable.tensor, relativePositionIndex, positions: positions)
  }

  /// For each pair of positions the row that the way from the second to the first has in a table of all ways.
  static func index(window: [Int], isMatrix: Bool) -> IntTensor {
    let (height, width) = (window[0], window[1])
    let positions = (0..<height).flatMap { row in (0..<width).map { (row: row, column: $0) } }
    let rows = positions.flatMap { a in
      positions.map { b in
        Int32((a.row - b.row + height - 1) * (2 * width - 1) + a.column - b.column + width - 1)
      }
    }
    return IntTensor(rows, shape: isMatrix ? [positions.count, positions.count] : [rows.count])
  }

  fileprivate static func bias(_ table: Tensor, _ index: IndexTable, positions: Int) -> Tensor {
    embedding(IntTensor(index.indices.scalars), weight: table)
      .reshaped(to: [1, positions, positions, table.shape[1]]).transposed([0, 3, 1, 2])
  }
}

/// The numbers of `RelativePositionBias` by a small network of the logarithms of distances (Liu et al., 2022, "Swin
/// Transformer V2"), so that they go on smoothly in larger windows.
///
/// The cells are torchvision's: `relative_coords_table` [1, 2h − 1, 2w − 1, 2], `relative_position_index`, `cpb_mlp.0` and
/// `cpb_mlp.2`.
public struct ContinuousPositionBias: Layer {
  private let relativeCoordsTable: Buffer
  private let relativePositionIndex: IndexTable
  private let cpbMlp: Sequential
  private let heads: Int
  private let positions: Int

  /// - Parameter window: the height and the width of the window, at least 2 each.
  public init(
    window: [Int], heads: Int, hidden: Int = 512, initializer: Initializer = .normal(mean: 0, deviation: 0.02)
  ) {
    ensure(window.count == 2 && window.allSatisfy { $0 >= 2 }, "ContinuousPositionBias: \(window) is not a window")
    self.heads = heads
    positions = window[0] * window[1]
    relativePositionIndex = IndexTable(RelativePositionBias.index(window: window, isMatrix: false))
    relativeCoordsTable = Buffer(startingAt: Self.coordinates(window))
    cpbMlp = Sequential([
      Linear(2, hidden, initializer: initializer, biasInitializer: .zeros), Activation.relu,
      Linear(hidden, heads, bias: false, initializer: initializer),
    ])
  }

  /// [1, heads, h·w, h·w], between 0 and 16.
  public func callAsFunction() -> Tensor {
    let table = cpbMlp(relativeCoordsTable.tensor).reshaped(to: [-1, heads])
    return sigmoid(RelativePositionBias.bias(table, relativePositionIndex, positions: positions)) * 16
  }

  /// The ways between positions, scaled to ±8 and by sign · log₂(1 + |way|) / 3.
  private static func coordinates(_ window: [Int]) -> Tensor {
    func ways(_ extent: Int) -> [Double] {
      (1 - extent..<extent).map { way in
        let scaled = 8 * Double(way) / Double(extent - 1)
        return (scaled < 0 ? -1 : 1) * logarithm(1 + scaled.magnitude) / logarithm(8)
      }
    }
    let (rows, columns) = (ways(window[0]), ways(window[1]))
    return Tensor(
      rows.flatMap { row in columns.flatMap { [Float(row), Float($0)] } }, shape: [1, rows.count, columns.count, 2])
  }
}
