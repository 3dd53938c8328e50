import CKernels
import COneDNN

/// What a recurrent layer does at each step.
public enum RecurrentKind: String, Codable, Sendable, CaseIterable {
  /// h' = tanh(W·x + b + U·h + c) (Elman, 1990).
  case rnnTanh = "rnn-tanh"
  /// The same with relu.
  case rnnRelu = "rnn-relu"
  /// Long short-term memory (Hochreiter & Schmidhuber, 1997), with forget gates.
  case lstm
  /// Gated recurrent unit (Cho et al., 2014), its reset gate behind the product with the state.
  case gru

  /// How many gates have weights of their own, in PyTorch's order: LSTM i, f, g, o; GRU r, z, n.
  public var gates: Int {
    switch self {
    case .rnnTanh, .rnnRelu: 1
    case .lstm: 4
    case .gru: 3
    }
  }

  var code: ak_recurrent_kind {
    switch self {
    case .rnnTanh: AK_RNN_TANH
    case .rnnRelu: AK_RNN_RELU
    case .lstm: AK_LSTM
    case .gru: AK_GRU
    }
  }
}

/// The geometry of one recurrent layer in one direction, over a whole sequence [T, N, I] → [T, N, H].
///
/// The product with the input is one matrix product for all steps; each step then is a product with the state and one
/// pass over the gates. Backward it is the other way round: the steps find the gradients of all gates, from which single
/// products make those of weights, biases and input.
package struct RecurrentShape: Hashable, Sendable {
  package let kind: RecurrentKind
  package let steps: Int
  package let rows: Int
  package let inputs: Int
  package let hidden: Int
  package let hasBias: Bool
  /// Whether the sequence is read from its end.
  package let reversed: Bool

  package init(
    kind: RecurrentKind, steps: Int, rows: Int, inputs: Int, hidden: Int, hasBias: Bool, reversed: Bool
  ) {
    self.kind = kind
    self.steps = steps
    self.rows = rows
    self.inputs = inputs
    self.hidden = hidden
    self.hasBias = hasBias
    self.reversed = reversed
  }

  /// Row-major weights and biases: [G·H, I], [G·H, H] and twice [G·H].
  package struct Weights: Sendable {
    package let input: Buffer
    package let recurrent: Buffer
    package let inputBias: Buffer?
    package let recurrentBias: Buffer?

    package init(input: Buffer, recurrent: Buffer, inputBias: Buffer?, recurrentBias: Buffer?) {
      self.input = input
      self.recurrent = recurrent
      self.inputBias = inputBias
      self.recurrentBias = recurrentBias
    }
  }

  /// What the backward pass needs of the forward pass. It is used up: the gates become their gradients.
  package struct Trace: Sendable {
    /// [T, N, G·H], activated.
    let gates: Buffer
    /// [T + 1, N, H]: the states between the steps, in the order of time.
    let states: Buffer
    /// The same of the cells of an LSTM.
    let cells: Buffer?
    /// [T, N, H]: of a GRU, the product that the reset gate scales.
    let candidates: Buffer?
  }

  /// What a layer reads: the sequence [T, N, I], or the rows of which it consists, [U, I], and which of them comes where.
  package enum Input: Sendable {
    case sequence(Buffer)
    case rows(Buffer, places: [Int32])

    fileprivate var elements: Buffer {
      switch self {
      case .sequence(let x): x
      case .rows(let rows, _): rows
      }
    }
  }

  package struct Gradients: Sendable {
    /// Of the sequence, or of the rows.
    package var x: Buffer?
    package var input: Buffer?
    package var recurrent: Buffer?
    package var inputBias: Buffer?
    package var recurrentBias: Buffer?
    /// [N, H]
    package var hidden: Buffer
    package var cell: Buffer?
  }

  /// The number of floats of one step's gates, and of one step's states.
  private var wide: Int { rows * kind.gates * hidden }
  private var narrow: Int { rows * hidden }

  private func inputShape(_ x: Input) -> LinearShape {
    let rows = x.elements.count / inputs
    return LinearShape(rows: rows, inputs: inputs, outputs: kind.gates * hidden, hasBias: hasBias)
  }
  private var recurrentShape: LinearShape {
    LinearShape(rows: steps * rows, inputs: hidden, outputs: kind.gates * hidden, hasBias: hasBias)
  }

  /// One step's product with the state. The weights are packed once for all steps.
  private func stepProduct(_ kind: ad_kind) -> Plan {
    var request = ad_request(kind, flags: Int32(AD_TRAINING.rawValue))
    let outputs = self.kind.gates * hidden
    request.source = Layout.plain([rows, hidden]).id
    request.weights = Layout.any([outputs, hidden]).id
    if hasBias, kind == AD_LINEAR_FORWARD { request.bias = Layout.plain([outputs]).id }
    request.destination = Layout.plain([rows, outputs]).id
    return .required(request, "linear map of \([rows, hidden]) by \([outputs, hidden])")
  }

  private func at(_ step: Int, _ lengths: UnsafePointer<Int32>?) -> ak_recurrent_rows {
    unsafe ak_recurrent_rows(kind: kind.code, rows: rows, width: hidden, step: Int64(step), lengths: lengths)
  }

  /// The steps in the order in which they are made, each with where in `states` the state before it and after it lies.
  private func order(backward: Bool = false) -> some Sequence<(step: Int, before: Int, after: Int)> {
    let fromEnd = reversed != backward
    return (0..<steps).lazy.map { [steps, reversed] index in
      let step = fromEnd ? steps - 1 - index : index
      return (step, reversed ? step + 1 : step, reversed ? step : step + 1)
    }
  }
}

// MARK: - Forward

extension RecurrentShape {
  /// - Parameters:
  ///   - x: row-major.
  ///   - hidden, cell: [N, H], the states at the beginning; nil for zeros.
  ///   - lengths: of each sequence; nil where none ends early.
  ///   - training: whether the trace for the backward pass is kept.
  /// - Returns: y [T, N, H], and the states at each sequence's end, [N, H].
  package func forward(
    _ x: Input, weights: Weights, hidden: Buffer?, cell: Buffer?, lengths: [Int32]?, training: Bool
  ) -> (y: Buffer, hidden: Buffer, cell: Buffer?, trace: Trace?) {
    let gates = products(with: x, weights, training: training)
    let y = Buffer(.plain([steps, rows, self.hidden]))
    // Without a backward pass two places take turns.
    let places = training ? steps + 1 : 2
    func place(_ slot: Int) -> Int { training ? slot : slot & 1 }
    let states = Buffer(.plain([places, rows, self.hidden]))
    let cells = kind == .lstm ? Buffer(.plain([places, rows, self.hidden])) : nil
    let candidates = kind == .gru && training ? Buffer(.plain([steps, rows, self.hidden])) : nil
    let start = place(reversed ? steps : 0)
    states.put(hidden, at: start * narrow, count: narrow)
    cells?.put(cell, at: start * narrow, count: narrow)

    let product = Buffer(.plain([rows, kind.gates * self.hidden]))
    let plan = stepProduct(AD_LINEAR_FORWARD)
    let packed = weights.recurrent.reordered(to: plan.weights)
    unsafe withLengths(lengths) { lengths in
      for (step, before, after) in order() {
        let (before, after) = (place(before) * narrow, place(after) * narrow)
        unsafe plan.execute { buffers in
          unsafe buffers.source = UnsafeMutableRawPointer(states.floats + before)
          unsafe buffers.weights = packed.address
          unsafe buffers.bias = weights.recurrentBias?.address
          unsafe buffers.destination = product.address
        }
        var work = unsafe ak_recurrent_forward_step()
        unsafe work.at = at(step, lengths)
        unsafe work.gates = gates.floats + step * wide
        unsafe work.product = UnsafePointer(product.floats)
        unsafe work.hidden = UnsafePointer(states.floats + before)
        unsafe work.next_hidden = states.floats + after
        if let cells {
          unsafe work.cell = UnsafePointer(cells.floats + before)
          unsafe work.next_cell = cells.floats + after
        }
        if let candidates { unsafe work.candidate = candidates.floats + step * narrow }
        unsafe work.output = y.floats + step * narrow
        kernel("gates", product.layout, floats: 2 * wide + 3 * narrow) { unsafe ak_recurrent_forward(&work) }
      }
    }
    let end = place(reversed ? 0 : steps) * narrow
    let trace = training ? Trace(gates: gates, states: states, cells: cells, candidates: candidates) : nil
    return (
      y, states.part(at: end, shape: [rows, self.hidden]), cells?.part(at: end, shape: [rows, self.hidden]), trace
    )
  }

  /// The product of all steps with the input, [T, N, G·H].
  private func products(with x: Input, _ weights: Weights, training: Bool) -> Buffer {
    let plan = inputShape(x).forward(training: training, relu: false)
    let width = kind.gates * hidden
    func product(shape: [Int]) -> Buffer {
      let result = Buffer(.plain(shape))
      plan.forward(source: x.elements, weights: weights.input, bias: weights.inputBias, into: result)
      return result
    }
    switch x {
    case .sequence: return product(shape: [steps, rows, width])
    case .rows(let distinct, let places):
      return product(shape: [distinct.count / inputs, width]).rows(places, width: width)
        .reshaped(to: [steps, rows, width])
    }
  }

  private func withLengths<Result>(_ lengths: [Int32]?, _ body: (UnsafePointer<Int32>?) -> Result) -> Result {
    guard let lengths else { return body(nil) }
    return unsafe lengths.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
  }
}

// MARK: - Backward

extension RecurrentShape {
  /// What gradients a caller asks for, besides those of the states.
  package struct Wanted: Sendable {
    package var x: Bool
    package var input: Bool
    package var recurrent: Bool

    package init(x: Bool, input: Bool, recurrent: Bool) {
      self.x = x
      self.input = input
      self.recurrent = recurrent
    }
  }

  /// - Parameters:
  ///   - gradient: of y, [T, N, H], row-major.
  ///   - hidden, cell: the gradients of the states at the end, [N, H]; nil for zeros.
  ///   - trace: what the forward pass left, which is used up.
  package func backward(
    _ gradient: Buffer, hidden: Buffer?, cell: Buffer?, x: Input, weights: Weights, lengths: [Int32]?, trace: Trace,
    wanted: Wanted
  ) -> Gradients {
    let shape = [rows, self.hidden]
    // Elsewhere than in a GRU the gradient of a gate's sum is that of both its products.
    let productGradients = kind == .gru ? Buffer(trace.gates.layout) : trace.gates
    let direct = Buffer.zeros(.plain(shape))
    let hiddenGradient = Buffer(.plain(shape))
    hiddenGradient.put(hidden, at: 0, count: narrow)
    let cellGradient = kind == .lstm ? Buffer(.plain(shape)) : nil
    cellGradient?.put(cell, at: 0, count: narrow)

    let plan = stepProduct(AD_LINEAR_BACKWARD_DATA)
    let packed = weights.recurrent.reordered(to: plan.weights)
    unsafe withLengths(lengths) { lengths in
      for (step, before, after) in order(backward: true) {
        var work = unsafe ak_recurrent_backward_step()
        unsafe work.at = at(step, lengths)
        unsafe work.gates = trace.gates.floats + step * wide
        unsafe work.product_gradient = productGradients.floats + step * wide
        if let candidates = trace.candidates {
          unsafe work.candidate = UnsafePointer(candidates.floats + step * narrow)
        }
        unsafe work.hidden = UnsafePointer(trace.states.floats + before * narrow)
        if let cells = trace.cells {
          unsafe work.cell = UnsafePointer(cells.floats + before * narrow)
          unsafe work.next_cell = UnsafePointer(cells.floats + after * narrow)
        }
        unsafe work.output_gradient = UnsafePointer(gradient.floats + step * narrow)
        unsafe work.hidden_gradient = UnsafePointer(hiddenGradient.floats)
        unsafe work.direct_gradient = direct.floats
        if let cellGradient { unsafe work.cell_gradient = cellGradient.floats }
        kernel("gates, gradient", trace.gates.layout, floats: 2 * wide + 6 * narrow) {
          unsafe ak_recurrent_backward(&work)
        }
        unsafe plan.execute { buffers in
          unsafe buffers.destination_gradient = UnsafeMutableRawPointer(productGradients.floats + step * wide)
          unsafe buffers.weights = packed.address
          unsafe buffers.source_gradient = hiddenGradient.address
        }
      }
    }
    var result = Gradients(hidden: hiddenGradient.adding(direct, relu: false), cell: cellGradient)
    if wanted.x || wanted.input {
      let (shape, gates) = (inputShape(x), gradientOfProducts(with: x, trace))
      if wanted.x { result.x = shape.backwardData().backwardData(gradient: gates, weights: weights.input) }
      if wanted.input {
        (result.input, result.inputBias) = shape.weightGradients(source: x.elements, gradient: gates)
      }
    }
    if wanted.recurrent {
      // The states before each step: all but the last, in the order of time or against it.
      let before =
        reversed ? trace.states.part(at: narrow, shape: [steps, rows, self.hidden]) : trace.states
      (result.recurrent, result.recurrentBias) = recurrentShape.weightGradients(
        source: before, gradient: productGradients)
    }
    return result
  }

  /// Of the products with the input, each of which goes to all places where its row comes.
  private func gradientOfProducts(with x: Input, _ trace: Trace) -> Buffer {
    switch x {
    case .sequence: trace.gates
    case .rows(let distinct, let places):
      trace.gates.gathered(intoRows: places, of: [distinct.count / inputs, kind.gates * hidden])
    }
  }
}

extension Buffer {
  /// Sets `count` floats from `start` on to those of a row-major buffer, or to zeros.
  fileprivate func put(_ values: Buffer?, at start: Int, count: Int) {
    if let values {
      unsafe (floats + start).update(from: values.floats, count: count)
    } else {
      unsafe (floats + start).update(repeating: 0, count: count)
    }
  }

  /// A copy of the floats from `start` on.
  fileprivate func part(at start: Int, shape: [Int]) -> Buffer {
    let result = Buffer(.plain(shape))
    unsafe result.floats.update(from: floats + start, count: shape.reduce(1, *))
    return result
  }
}

extension Buffer {
  /// This row-major buffer in the midst of zeros, of the shape given: from float `start` on.
  package func alone(at start: Int, in shape: [Int]) -> Buffer {
    let result = Buffer.filled(0, shape: shape)
    result.put(self, at: start, count: count)
    return result
  }
}
