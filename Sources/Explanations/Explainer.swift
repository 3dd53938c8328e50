import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// Explains single outputs of a model: which parts of an input speak for them.
///
/// ```swift
/// let explainer = Explainer(network)
/// let map = try explainer.gradCAM(photograph, 3)
/// let gradients = try explainer.saliency(photograph, 3)
/// ```
///
/// Inputs are batches, [N, …]; the model gives [N, K], of which one output of each input is explained. Everything runs in
/// inference mode. Values are those of Captum's methods of the same names.
public struct Explainer {
  /// Which output is explained: of every input the same, or one for each.
  public enum Target: Hashable, Sendable, ExpressibleByIntegerLiteral {
    /// The same output of every input.
    case output(Int)
    /// One output for each input.
    case outputs([Int])
    /// The largest of each input: the most probable class, which is the predicted one unless a checkpoint has thresholds.
    case highest

    public init(integerLiteral value: Int) { self = .output(value) }
  }

  let model: any Layer
  let outputs: (Tensor) -> Tensor
  /// How many inputs the model is given at once, which bounds the memory: methods that look at many variants of an input go
  /// through them in batches of this size.
  public var batchSize = 8

  /// - Parameter outputs: what the model computes, [N, …] → [N, K].
  /// - Parameter model: the model to look into.
  public init(_ model: some Layer, outputs: @escaping (Tensor) -> Tensor) {
    self.model = model
    self.outputs = outputs
  }

  /// Explains the outputs of a model; of a classifier, what speaks for each class: `Classifier.evidence`.
  public init(_ model: some UnaryLayer) {
    self.init(model) { x in
      let y = model(x)
      return (model as? any Classifier)?.evidence(y) ?? y
    }
  }

  // MARK: Outputs

  /// All outputs of all inputs: [N, …] → N rows of K.
  func rows(_ x: Tensor) throws(ExplanationFault) -> [[Float]] {
    var rows: [[Float]] = []
    for part in parts(of: x) {
      let y = inference { outputs(part) }
      let count = part.shape[0]
      guard y.rank <= 2, y.shape.first == count, y.count > 0 else { throw .outputs(shape: y.shape, inputs: count) }
      let scalars = y.scalars
      guard scalars.allSatisfy(\.isFinite) else { throw .notFinite }
      let width = scalars.count / count
      for row in 0..<count { rows.append(Array(scalars[row * width..<(row + 1) * width])) }
    }
    return rows
  }

  /// One output of each input.
  func values(_ x: Tensor, _ chosen: [Int]) throws(ExplanationFault) -> [Double] {
    zip(try rows(x), chosen).map { Double($0[$1]) }
  }

  /// The output to explain of each input.
  public func chosen(_ target: Target, for x: Tensor) throws(ExplanationFault) -> [Int] {
    ensure(x.rank >= 1 && x.count > 0, "Explainer: an input of shape \(x.shape) has nothing to explain")
    let rows = try rows(x)
    return try Self.chosen(target, rows)
  }

  static func chosen(_ target: Target, _ rows: [[Float]]) throws(ExplanationFault) -> [Int] {
    let width = rows[0].count
    let chosen =
      switch target {
      case .output(let output): rows.map { _ in output }
      case .outputs(let outputs): outputs
      case .highest: rows.map { row in row.indices.max { (row[$0], $1) < (row[$1], $0) } ?? 0 }
      }
    ensure(chosen.count == rows.count, "Explainer: \(chosen.count) outputs for \(rows.count) inputs")
    if let unknown = chosen.first(where: { !(0..<width).contains($0) }) {
      throw .noOutput(unknown, count: width)
    }
    return chosen
  }

  /// The chosen outputs as one tensor, [N, K] → [N, 1].
  func selected(_ y: Tensor, _ chosen: [Int]) -> Tensor {
    y.reshaped(to: [chosen.count, -1]).gathered(
      at: IntTensor(chosen.map(Int32.init), shape: [chosen.count, 1]), axis: 1)
  }

  // MARK: Batches

  /// Batches of at most `batchSize` inputs.
  func parts(of x: Tensor) -> [Tensor] {
    let count = x.shape[0]
    if count <= batchSize { return [x] }
    return stride(from: 0, to: count, by: max(1, batchSize)).map {
      x.slice(axis: 0, from: $0, to: min(count, $0 + batchSize))
    }
  }

  /// What `body` makes of every batch and the outputs chosen of it, put together.
  func inParts(
    _ x: Tensor, _ chosen: [Int], _ body: (Tensor, [Int]) throws(ExplanationFault) -> Tensor
  ) throws(ExplanationFault) -> Tensor {
    var results: [Tensor] = []
    var start = 0
    for part in parts(of: x) {
      results.append(try body(part, Array(chosen[start..<start + part.shape[0]])))
      start += part.shape[0]
    }
    return results.count == 1 ? results[0] : concatenated(results, axis: 0)
  }

  /// What `body` makes of every input by itself, [1, …], put together.
  func oneByOne(
    _ x: Tensor, _ chosen: [Int], _ body: (Tensor, Int) throws(ExplanationFault) -> Tensor
  ) throws(ExplanationFault) -> Tensor {
    var results: [Tensor] = []
    for (place, output) in chosen.enumerated() {
      results.append(try body(x.slice(axis: 0, from: place, to: place + 1), output))
    }
    return results.count == 1 ? results[0] : concatenated(results, axis: 0)
  }

  // MARK: Gradients

  /// The gradient of the chosen outputs with respect to the inputs, of the inputs' shape.
  func gradient(_ x: Tensor, _ chosen: [Int]) throws(ExplanationFault) -> Tensor {
    try finite(
      inParts(x, chosen) { part, chosen in
        let (_, gradients, input) = valueWithGradients(of: [Parameter](), mode: .inference) {
          let input = watched(part)
          return (selected(outputs(input), chosen).sum(), input)
        }
        return gradients[input] ?? Tensor(zerosLike: part)
      })
  }

  func finite(_ x: Tensor) throws(ExplanationFault) -> Tensor {
    guard x.scalars.allSatisfy(\.isFinite) else { throw .notFinite }
    return x
  }
}
