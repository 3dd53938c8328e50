import AviaryDiagnostics
import AviaryTensors

/// The states of a recurrent layer between two sequences: [layers · directions, N, H], as PyTorch orders them.
public struct RecurrentState: Sendable {
  /// [layers · directions, N, H]
  public var hidden: Tensor
  /// The cells of an LSTM.
  public var cell: Tensor?

  /// A state; only an LSTM has cells.
  public init(hidden: Tensor, cell: Tensor? = nil) {
    self.hidden = hidden
    self.cell = cell
  }

  /// The same values without gradient: the states that truncated backpropagation through time carries on.
  public func detached() -> RecurrentState {
    RecurrentState(hidden: hidden.detached(), cell: cell?.detached())
  }
}

/// The sizes and options of a recurrent layer.
public struct RecurrentConfiguration: LayerConfiguration, Equatable {
  /// Plain, GRU or LSTM.
  public var kind: RecurrentKind
  /// I and H.
  public var inputs: Int
  /// The width of the state.
  public var hidden: Int
  /// The number of layers, one above the other.
  public var layers: Int
  /// Whether the sequence is read in both directions.
  public var bidirectional: Bool
  /// The rate of the dropout between layers; the last layer's output is unchanged.
  public var dropout: Float
  /// Whether sequences are [N, T, I] rather than [T, N, I]. The order of states does not change.
  public var batchFirst: Bool
  /// Whether biases are added.
  public var bias: Bool
  /// Other functions than PyTorch has; nil for its own.
  public var functions: RecurrentFunctions?
  /// Whether sequences are read from their ends; of a bidirectional layer, whether the first direction does so and the second
  /// does not.
  public var reversed: Bool

  /// A configuration of these values.
  public init(
    kind: RecurrentKind, inputs: Int, hidden: Int, layers: Int = 1, bidirectional: Bool = false, dropout: Float = 0,
    batchFirst: Bool = false, bias: Bool = true, functions: RecurrentFunctions? = nil, reversed: Bool = false
  ) {
    self.kind = kind
    self.inputs = inputs
    self.hidden = hidden
    self.layers = layers
    self.bidirectional = bidirectional
    self.dropout = dropout
    self.batchFirst = batchFirst
    self.bias = bias
    self.functions = functions
    self.reversed = reversed
  }

  /// 2 of a layer that reads in both directions, else 1.
  public var directions: Int { bidirectional ? 2 : 1 }

  /// The layer that the configuration describes.
  public func layer() -> any RecurrentLayer {
    switch kind {
    case .rnnTanh, .rnnRelu: RNN(self)
    case .lstm: LSTM(self)
    case .gru: GRU(self)
    }
  }

  /// PyTorch's parameters in PyTorch's order, uniform with the bound 1 / √H.
  fileprivate func parameters() -> [NamedParameter] {
    ensure(
      inputs > 0 && hidden > 0 && layers > 0 && (0...1).contains(dropout),
      "\(kind.rawValue): a layer cannot have \(inputs) inputs, \(hidden) states, \(layers) layers and dropout \(dropout)"
    )
    let gates = kind.gates * hidden
    let initializer = Initializer.uniform(bound: 1 / Float(hidden).squareRoot())
    var entries: [NamedParameter] = []
    for layer in 0..<layers {
      for suffix in ["_l\(layer)", "_l\(layer)_reverse"].prefix(directions) {
        let width = layer == 0 ? inputs : directions * hidden
        var shapes = [("weight_ih", [gates, width]), ("weight_hh", [gates, hidden])]
        if bias { shapes += [("bias_ih", [gates]), ("bias_hh", [gates])] }
        entries += shapes.map { ($0 + suffix, Parameter(shape: $1, initializer: initializer)) }
      }
    }
    return entries
  }
}

/// A parameter and its name in the layer.
public typealias NamedParameter = (name: String, parameter: Parameter)

/// A stack of recurrent layers in one or both directions: `RNN`, `LSTM` and `GRU`.
public protocol RecurrentLayer: Layer {
  /// What the layer was built from.
  var configuration: RecurrentConfiguration { get }
  /// `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, `weight_ih_l0_reverse` …
  var weights: [NamedParameter] { get }
  /// The position of the dropout between the layers.
  var site: Site { get }
}

extension RecurrentLayer {
  public var children: [Child] { weights.map { Child($0.name, $0.parameter) } + [Child("site", site)] }

  /// [T, N, I] → [T, N, directions · H], or [N, T, I] → [N, T, directions · H] where the batch is first.
  ///
  /// - Parameters:
  ///   - state: the initial states; nil for zeros.
  ///   - lengths: of each of the N sequences, in 1...T and in any order, as PyTorch's packed sequences have: outputs are
  ///     zero beyond them, final states are those at each sequence's own end, and the reverse direction begins there.
  ///     Nil if all have T steps.
  /// - Returns: the output of the last layer, and the states of all layers at the end.
  public func callAsFunction(
    _ x: Tensor, state: RecurrentState? = nil, lengths: [Int]? = nil
  ) -> (output: Tensor, state: RecurrentState) {
    guard Observation.isActive else { return forward(x, state, lengths) }
    var last: RecurrentState?
    let output = Observation.observe(self) {
      let (output, state) = forward(x, state, lengths)
      last = state
      return output
    }
    guard let last else { stopProgram("a recurrent layer ended without states") }
    return (output, last)
  }

  private func forward(_ x: Tensor, _ state: RecurrentState?, _ lengths: [Int]?) -> (Tensor, RecurrentState) {
    check(x, state)
    let directions = configuration.directions
    let dropsOut = configuration.dropout > 0 && !site.isFrozen
    var x = configuration.batchFirst ? x.transposed([1, 0, 2]) : x
    var (hidden, cells): ([Tensor], [Tensor]) = ([], [])
    for layer in 0..<configuration.layers {
      if layer > 0, dropsOut { x = dropout(x, rate: configuration.dropout, path: site.path) }
      var outputs: [Tensor] = []
      for direction in 0..<directions {
        let place = layer * directions + direction
        let (y, lastHidden, lastCell) = configuration.direction(
          x, weights(at: place), hidden: state?.hidden.element(at: place), cell: state?.cell?.element(at: place),
          lengths: lengths, reversed: (direction == 1) != configuration.reversed)
        outputs.append(y)
        hidden.append(lastHidden)
        if let lastCell { cells.append(lastCell) }
      }
      x = directions == 1 ? outputs[0] : concatenated(outputs, axis: 2)
    }
    let output = configuration.batchFirst ? x.transposed([1, 0, 2]) : x
    return (output, RecurrentState(hidden: stacked(hidden), cell: cells.isEmpty ? nil : stacked(cells)))
  }

  /// The weights of the layer and direction with this number.
  private func weights(at place: Int) -> RecurrentWeights {
    let first = place * (configuration.bias ? 4 : 2)
    func tensor(_ offset: Int) -> Tensor { weights[first + offset].parameter.tensor }
    return RecurrentWeights(
      input: tensor(0), recurrent: tensor(1), inputBias: configuration.bias ? tensor(2) : nil,
      recurrentBias: configuration.bias ? tensor(3) : nil)
  }

  private func stacked(_ states: [Tensor]) -> Tensor {
    concatenated(states.map { $0.reshaped(to: [1] + $0.shape) }, axis: 0)
  }

  private func check(_ x: Tensor, _ state: RecurrentState?) {
    ensure(
      x.rank == 3 && x.shape[2] == configuration.inputs,
      "\(path): input \(x.shape) does not go with weight \(weights[0].parameter.shape)")
    guard let state else { return }
    let batch = x.shape[configuration.batchFirst ? 0 : 1]
    let expected = [configuration.layers * configuration.directions, batch, configuration.hidden]
    ensure(
      state.hidden.shape == expected && (state.cell?.shape ?? expected) == expected,
      "\(path): states \(state.hidden.shape), \(state.cell?.shape ?? []) instead of \(expected)")
    ensure(
      (configuration.kind == .lstm) == (state.cell != nil),
      "\(path): only an LSTM's states have cells")
  }

  /// The layer in messages.
  private var path: String { "\(weights[0].parameter.layerPath): \(type(of: self))" }
}

/// An Elman recurrent network: PyTorch's `nn.RNN`.
public struct RNN: RecurrentLayer {
  /// What the layer was built from.
  public let configuration: RecurrentConfiguration
  public let weights: [NamedParameter]
  public let site = Site()

  /// - Parameters:
  ///   - inputs, hidden: I and H.
  ///   - relu: whether the nonlinearity is relu instead of tanh.
  public init(
    _ inputs: Int, _ hidden: Int, relu: Bool = false, layers: Int = 1, bidirectional: Bool = false, dropout: Float = 0,
    batchFirst: Bool = false, bias: Bool = true
  ) {
    self.init(
      RecurrentConfiguration(
        kind: relu ? .rnnRelu : .rnnTanh, inputs: inputs, hidden: hidden, layers: layers, bidirectional: bidirectional,
        dropout: dropout, batchFirst: batchFirst, bias: bias))
  }

  fileprivate init(_ configuration: RecurrentConfiguration) {
    self.configuration = configuration
    weights = configuration.parameters()
  }
}

/// Long short-term memory (Hochreiter & Schmidhuber, 1997): PyTorch's `nn.LSTM`.
public struct LSTM: RecurrentLayer {
  /// What the layer was built from.
  public let configuration: RecurrentConfiguration
  public let weights: [NamedParameter]
  public let site = Site()

  /// - Parameter inputs, hidden: I and H.
  public init(
    _ inputs: Int, _ hidden: Int, layers: Int = 1, bidirectional: Bool = false, dropout: Float = 0,
    batchFirst: Bool = false, bias: Bool = true
  ) {
    self.init(
      RecurrentConfiguration(
        kind: .lstm, inputs: inputs, hidden: hidden, layers: layers, bidirectional: bidirectional, dropout: dropout,
        batchFirst: batchFirst, bias: bias))
  }

  fileprivate init(_ configuration: RecurrentConfiguration) {
    self.configuration = configuration
    weights = configuration.parameters()
  }
}

/// Gated recurrent units (Cho et al., 2014): PyTorch's `nn.GRU`, n = tanh(W·x + b + r · (U·h + c)).
public struct GRU: RecurrentLayer {
  /// What the layer was built from.
  public let configuration: RecurrentConfiguration
  public let weights: [NamedParameter]
  public let site = Site()

  /// - Parameter inputs, hidden: I and H.
  public init(
    _ inputs: Int, _ hidden: Int, layers: Int = 1, bidirectional: Bool = false, dropout: Float = 0,
    batchFirst: Bool = false, bias: Bool = true
  ) {
    self.init(
      RecurrentConfiguration(
        kind: .gru, inputs: inputs, hidden: hidden, layers: layers, bidirectional: bidirectional, dropout: dropout,
        batchFirst: batchFirst, bias: bias))
  }

  fileprivate init(_ configuration: RecurrentConfiguration) {
    self.configuration = configuration
    weights = configuration.parameters()
  }
}
