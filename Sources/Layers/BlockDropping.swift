import AviaryDiagnostics
import AviaryTensors

/// Of which layers' outputs blocks are dropped, and how many.
struct DroppedBlocks {
  let layers: Set<String>
  let block: Int
  let rate: Float
}

/// DropBlock (Ghiasi et al., 2018) behind layers of any convolutional network, without a change of the network: in training,
/// squares of their outputs are zero. See `dropBlock`.
public struct BlockDropping {
  /// The paths of the layers whose outputs lose blocks.
  public let layers: [String]
  private let block: Int
  private let rate: Float
  private let paths: [ObjectIdentifier: String]

  /// Chooses the layers of a model: the normalisations of maps, or the convolutions where the model has none, that are not
  /// frozen and not in a head. Without patterns those whose maps have the two smallest sizes above 1×1, as the paper's groups
  /// 3 and 4 of a ResNet have.
  ///
  /// - Parameters:
  ///   - patterns: see `PathPattern`; what lies below a layer is meant, too.
  ///   - block: the side of a square.
  ///   - rate: the share of the elements that is dropped in the end.
  ///   - forward: runs the model on a batch.
  /// - Returns: nil where the model has no such layer.
  public init?(
    in model: some Layer, layers patterns: [PathPattern]? = nil, block: Int, rate: Float, forward: () throws -> Void
  ) rethrows {
    ensure(
      block >= 1 && (0..<1).contains(rate), "BlockDropping: no blocks of size \(block) fall with probability \(rate)")
    let network = model as? any Network
    let calls = try model.layerCalls(forward).filter { call in
      call.outputShape.count == 4 && network?.isInHead(call.path + ".") != true
        && !call.layer.parameters.allSatisfy(\.isFrozen)
    }
    let norms = calls.filter { $0.layer is BatchNorm }
    let chosen = norms.isEmpty ? calls.filter { $0.layer is Conv2d } : norms
    if let patterns {
      layers = chosen.map(\.path).filter { path in patterns.contains { $0.matches(path) } }
    } else {
      let areas = Set(chosen.map { $0.outputShape[2] * $0.outputShape[3] }).filter { $0 > 1 }.sorted().prefix(2)
      layers = chosen.filter { areas.contains($0.outputShape[2] * $0.outputShape[3]) }.map(\.path)
    }
    guard !layers.isEmpty else { return nil }
    self.block = block
    self.rate = rate
    paths = Dictionary(
      model.inventory.cells.map { ($0.cell.identity, $0.path) }, uniquingKeysWith: { first, _ in first })
  }

  /// Runs `body`, in which training passes drop blocks.
  ///
  /// - Parameter progress: the share of the training that is over: the paper's schedule drops none at first, and more and more
  ///   in a straight line.
  public func callAsFunction<Result, Failure>(
    progress: Double, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let rate = rate * Float(min(max(progress, 0), 1))
    guard rate > 0 else { return try body() }
    return try Observation.dropping(
      DroppedBlocks(layers: Set(layers), block: block, rate: rate), paths, body)
  }
}
