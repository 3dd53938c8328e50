import AviaryDiagnostics
import AviaryTensors

// One step of a recurrent layer as a layer, for loops that a model writes itself.

/// The parameters of a cell.
private struct CellParameters {
  let weightIh: Parameter
  let weightHh: Parameter
  let biasIh: Parameter?
  let biasHh: Parameter?

  init(_ kind: RecurrentKind, _ inputs: Int, _ hidden: Int, bias: Bool) {
    let gates = kind.gates * hidden
    let initializer = Initializer.uniform(bound: 1 / Float(hidden).squareRoot())
    weightIh = Parameter(shape: [gates, inputs], initializer: initializer)
    weightHh = Parameter(shape: [gates, hidden], initializer: initializer)
    biasIh = bias ? Parameter(shape: [gates], initializer: initializer) : nil
    biasHh = bias ? Parameter(shape: [gates], initializer: initializer) : nil
  }
}

/// What the shared step needs of a cell.
private protocol RecurrentCell {
  var kind: RecurrentKind { get }
  var weightIh: Parameter { get }
  var weightHh: Parameter { get }
  var biasIh: Parameter? { get }
  var biasHh: Parameter? { get }
}

extension RecurrentCell {
  func step(_ x: Tensor, _ hidden: Tensor?, _ cell: Tensor?) -> (hidden: Tensor, cell: Tensor?) {
    ensure(
      x.rank == 2 && x.shape[1] == weightIh.shape[1],
      "\(weightIh.layerPath): \(kind.rawValue) cell: input \(x.shape) does not go with weight \(weightIh.shape)")
    let weights = RecurrentWeights(
      input: weightIh.tensor, recurrent: weightHh.tensor, inputBias: biasIh?.tensor, recurrentBias: biasHh?.tensor)
    let result = recurrent(x.reshaped(to: [1] + x.shape), kind: kind, weights: weights, hidden: hidden, cell: cell)
    return (result.hidden, result.cell)
  }
}

/// One step of an `RNN`: [N, I] and states [N, H] → states [N, H]; PyTorch's `nn.RNNCell`.
public struct RNNCell: Layer, RecurrentCell {
  /// The weights of the input, the gates one after the other: [gates · H, I].
  public let weightIh: Parameter
  /// The weights of the state: [gates · H, H].
  public let weightHh: Parameter
  /// The biases of the input: [gates · H]; nil for none.
  public let biasIh: Parameter?
  /// The biases of the state: [gates · H]; nil for none.
  public let biasHh: Parameter?
  fileprivate let kind: RecurrentKind

  /// A cell with `inputs` inputs and a state of width `hidden`.
  public init(_ inputs: Int, _ hidden: Int, relu: Bool = false, bias: Bool = true) {
    kind = relu ? .rnnRelu : .rnnTanh
    let cells = CellParameters(kind, inputs, hidden, bias: bias)
    (weightIh, weightHh, biasIh, biasHh) = (cells.weightIh, cells.weightHh, cells.biasIh, cells.biasHh)
  }

  /// - Parameter hidden: nil for zeros.
  public func callAsFunction(_ x: Tensor, hidden: Tensor? = nil) -> Tensor { step(x, hidden, nil).hidden }
}

/// One step of a `GRU`: [N, I] and states [N, H] → states [N, H]; PyTorch's `nn.GRUCell`.
public struct GRUCell: Layer, RecurrentCell {
  /// The weights of the input, the gates one after the other: [gates · H, I].
  public let weightIh: Parameter
  /// The weights of the state: [gates · H, H].
  public let weightHh: Parameter
  /// The biases of the input: [gates · H]; nil for none.
  public let biasIh: Parameter?
  /// The biases of the state: [gates · H]; nil for none.
  public let biasHh: Parameter?
  fileprivate var kind: RecurrentKind { .gru }

  /// A cell with `inputs` inputs and a state of width `hidden`.
  public init(_ inputs: Int, _ hidden: Int, bias: Bool = true) {
    let cells = CellParameters(.gru, inputs, hidden, bias: bias)
    (weightIh, weightHh, biasIh, biasHh) = (cells.weightIh, cells.weightHh, cells.biasIh, cells.biasHh)
  }

  /// - Parameter hidden: nil for zeros.
  public func callAsFunction(_ x: Tensor, hidden: Tensor? = nil) -> Tensor { step(x, hidden, nil).hidden }
}

/// One step of an `LSTM`: [N, I], states and cells [N, H] → states and cells [N, H]; PyTorch's `nn.LSTMCell`.
public struct LSTMCell: Layer, RecurrentCell {
  /// The weights of the input, the gates one after the other: [gates · H, I].
  public let weightIh: Parameter
  /// The weights of the state: [gates · H, H].
  public let weightHh: Parameter
  /// The biases of the input: [gates · H]; nil for none.
  public let biasIh: Parameter?
  /// The biases of the state: [gates · H]; nil for none.
  public let biasHh: Parameter?
  fileprivate var kind: RecurrentKind { .lstm }

  /// A cell with `inputs` inputs and a state of width `hidden`.
  public init(_ inputs: Int, _ hidden: Int, bias: Bool = true) {
    let cells = CellParameters(.lstm, inputs, hidden, bias: bias)
    (weightIh, weightHh, biasIh, biasHh) = (cells.weightIh, cells.weightHh, cells.biasIh, cells.biasHh)
  }

  /// - Parameters:
  ///   - hidden, cell: nil for zeros.
  public func callAsFunction(
    _ x: Tensor, hidden: Tensor? = nil, cell: Tensor? = nil
  ) -> (hidden: Tensor, cell: Tensor) {
    let result = step(x, hidden, cell)
    guard let cell = result.cell else { stopProgram("an LSTM ended without cells") }
    return (result.hidden, cell)
  }
}
