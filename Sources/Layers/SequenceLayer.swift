import AviaryDiagnostics
import AviaryTensors

/// A recurrent layer from one tensor to one, as an element of a `Sequential`: [N, T, I] → [N, T, O] or, of the last step
/// alone, [N, O]. Its cells have the paths that they have in the recurrent layer.
public struct SequenceLayer: UnaryLayer {
  /// What becomes of the two directions of a bidirectional layer.
  public enum Merge: String, Codable, Sendable {
    /// Keras's `merge_mode` of these names; `sum`, `multiply` and `average` keep the width.
    case concatenate, sum, multiply, average
  }

  let recurrent: any RecurrentLayer
  let returnsSequences: Bool
  let merge: Merge
  let inReadingOrder: Bool
  let axis: Int

  /// - Parameters:
  ///   - configuration: of a single layer.
  ///   - returnsSequences: whether the result has the states at all steps, or those after the last step of each direction.
  ///   - merge: O is 2·H where the directions are concatenated, else H.
  ///   - inReadingOrder: whether the states of a reversed layer stand in the order in which it reads the steps, as Keras has
  ///     them, or at the steps that they belong to. Of two directions it is the order of the first.
  ///   - axis: where the channels are: -1, or 1 for [N, I, T] → [N, O, T].
  public init(
    _ configuration: RecurrentConfiguration, returnsSequences: Bool = true, merge: Merge = .concatenate,
    inReadingOrder: Bool = false, axis: Int = -1
  ) {
    ensure(
      configuration.layers == 1 && [-1, 1].contains(axis),
      "SequenceLayer: it takes one layer, not \(configuration.layers), along axis -1 or 1, not \(axis)")
    var configuration = configuration
    configuration.batchFirst = false
    recurrent = configuration.layer()
    self.returnsSequences = returnsSequences
    self.merge = merge
    self.inReadingOrder = inReadingOrder && configuration.reversed
    self.axis = axis
  }

  public var children: [Child] { recurrent.children }

  public func forward(_ x: Tensor) -> Tensor { callAsFunction(x, mask: nil).output }

  func merged(_ parts: [Tensor], axis: Int) -> Tensor {
    guard parts.count == 2 else { return parts[0] }
    return switch merge {
    case .concatenate: concatenated(parts, axis: axis)
    case .sum: parts[0] + parts[1]
    case .multiply: parts[0] * parts[1]
    case .average: (parts[0] + parts[1]) * 0.5
    }
  }
}
