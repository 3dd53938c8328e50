import AviaryDiagnostics
import AviaryTensors
import Synchronization

/// The shapes of a file's tensors by their names, from which a configuration reads its sizes.
///
/// A stranger may have chosen them: extents can be 0, and need not go together. Tensors of more than 2³¹ along an axis, which
/// no network has, are left out, so that the product of two extents is a number.
public struct TensorShapes: Sendable {
  private let shapes: ExactDictionary<[Int]>
  /// Members of the configuration that the shapes narrow down but do not settle, and that were chosen nevertheless.
  public private(set) var assumed: Set<String> = []

  /// Members of the configuration that a person or the file's description gives, and that are not to be assumed.
  package var given: Set<String> = []

  /// Whether any tensor that was asked for is there.
  package var isOfUse: Bool { use.isFound.load(ordering: .relaxed) }
  private let use = Use()

  private final class Use: Sendable {
    let isFound = Atomic(false)
  }

  /// The shapes of a file's tensors, by name.
  public init(_ shapes: some Sequence<(String, [Int])>) {
    self.shapes = ExactDictionary(shapes.filter { $0.1.allSatisfy { (0...1 << 31).contains($0) } })
  }

  /// The shape of a tensor; nil where there is none of this name.
  public subscript(name: String) -> [Int]? {
    guard let shape = shapes[name] else { return nil }
    use.isFound.store(true, ordering: .relaxed)
    return shape
  }

  /// Whether there is a tensor of this name.
  public func contains(_ name: String) -> Bool { self[name] != nil }

  /// The extent of a tensor along an axis; nil where there is no tensor of that name and rank.
  public func extent(_ axis: Int, of name: String, rank: Int) -> Int? {
    guard let shape = self[name], shape.count == rank, shape.indices.contains(axis) else { return nil }
    return shape[axis]
  }

  /// The first extent of a weight: how many outputs a linear layer or a convolution has.
  public func outputs(of name: String, rank: Int = 2) -> Int? { extent(0, of: name, rank: rank) }

  /// The second extent of a weight: how many inputs a linear layer, or a convolution without groups, has.
  public func inputs(of name: String, rank: Int = 2) -> Int? { extent(1, of: name, rank: rank) }

  /// How many tensors there are whose names count on from a number: `fc1.weight`, `fc2.weight`, …
  public func count(from first: Int = 0, _ name: (Int) -> String) -> Int {
    var number = first
    while contains(name(number)) { number += 1 }
    return number - first
  }

  /// What a width was divided by to give the outputs of a convolution; nil where it is not a whole number.
  public func divisor(of width: Int, giving name: String) -> Int? {
    guard let outputs = outputs(of: name, rank: 4), outputs > 0, width % outputs == 0 else { return nil }
    return width / outputs
  }

  /// The side of square maps that have so many values together; nil where there is none.
  public func side(of values: Int, maps: Int) -> Int? {
    guard maps > 0, values > 0, values % maps == 0 else { return nil }
    let side = Int(Double(values / maps).squareRoot().rounded())
    return side.multipliedReportingOverflow(by: side) == (values / maps, false) ? side : nil
  }

  /// The sizes of a recurrent layer by PyTorch's names, such as `rnn.weight_ih_l0`; nil where its first tensors are absent or
  /// do not go together.
  ///
  /// - Parameters:
  ///   - path: the layer's.
  ///   - kind: stays where it has as many gates as the tensors; else `member` is assumed, if that leaves a choice.
  public mutating func recurrent(
    _ path: String, kind: RecurrentKind, member: String
  ) -> (kind: RecurrentKind, inputs: Int, hidden: Int, layers: Int, bidirectional: Bool)? {
    guard let input = self["\(path).weight_ih_l0"], input.count == 2,
      let recurrent = self["\(path).weight_hh_l0"], recurrent.count == 2, recurrent[1] > 0,
      recurrent[0] % recurrent[1] == 0
    else { return nil }
    let gates = recurrent[0] / recurrent[1]
    var known = kind
    if kind.gates != gates {
      guard let other = RecurrentKind.allCases.first(where: { $0.gates == gates }) else { return nil }
      known = other
      if RecurrentKind.allCases.count(where: { $0.gates == gates }) > 1 { assume(member) }
    }
    return (
      known, input[1], recurrent[1], count { "\(path).weight_ih_l\($0)" }, contains("\(path).weight_ih_l0_reverse")
    )
  }

  /// Says that a member was chosen among values that would all have these shapes.
  public mutating func assume(_ member: String) { assumed.insert(member) }
}
