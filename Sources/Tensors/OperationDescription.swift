import AviaryKernels

/// An attribute of an operation.
public enum AttributeValue: Sendable, Equatable {
  /// A whole number.
  case integer(Int)
  /// Whole numbers.
  case integers([Int])
  /// A number.
  case number(Float)
  /// Numbers.
  case numbers([Float])
  /// True or false.
  case flag(Bool)
  /// Text.
  case text(String)
  /// Labels or indices.
  case indices(IntTensor)
}

/// What an operation is: its name and everything beside its operands that is needed to compute it again.
///
/// The name is that of the function of this package: `convolution`, `relu`, `add`, `maxPool`. Attributes are named as the
/// function's parameters: `stride`, `padding`, `axis`.
public struct OperationDescription: Sendable {
  /// The name of the operation, which is its function's.
  public let name: String
  let form: AttributeForm

  /// A description for an operation of your own; see `customOperation`.
  public init(_ name: String, _ attributes: [String: AttributeValue]) {
    self.init(name, .list(attributes))
  }

  init(_ name: String, _ form: AttributeForm = .none) {
    self.name = name
    self.form = form
  }

  /// A description with one attribute.
  init(_ name: String, _ attribute: String, _ value: AttributeValue) {
    self.init(name, .one(attribute, value))
  }

  /// The attributes by their names.
  public var attributes: [String: AttributeValue] { form.attributes }

  /// The value of an attribute; nil where the operation has none of that name.
  public subscript(attribute: String) -> AttributeValue? { attributes[attribute] }

  /// Whether the attributes have been given. An operator that describes itself by nothing but the name of its function
  /// cannot be computed again.
  package var isComplete: Bool {
    if case .undescribed = form { false } else { true }
  }
}

extension AttributeValue {
  /// The number, of a whole number.
  public var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  /// The numbers, of whole numbers.
  public var integers: [Int]? { if case .integers(let values) = self { values } else { nil } }
  /// The number, of a number.
  public var number: Float? { if case .number(let value) = self { value } else { nil } }
  /// The truth value, of one.
  public var flag: Bool? { if case .flag(let value) = self { value } else { nil } }
  /// The text, of text.
  public var text: String? { if case .text(let value) = self { value } else { nil } }
  /// The indices, of indices.
  public var indices: IntTensor? { if case .indices(let value) = self { value } else { nil } }
}

extension OperationDescription: CustomStringConvertible {
  /// The name, and the attributes in alphabetical order.
  public var description: String {
    let attributes = attributes.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
    return attributes.isEmpty ? name : "\(name)(\(attributes.joined(separator: ", ")))"
  }
}

extension AttributeValue: CustomStringConvertible {
  public var description: String {
    switch self {
    case .integer(let value): "\(value)"
    case .integers(let values): "\(values)"
    case .number(let value): "\(value)"
    case .numbers(let values): "\(values)"
    case .flag(let value): "\(value)"
    case .text(let value): value
    case .indices(let value): "indices \(value.shape)"
    }
  }
}

/// The attributes of an operation as the tape keeps them: a few words without memory of their own, since a training step
/// makes one for each of its operations. Names are given only when somebody asks.
enum AttributeForm: Sendable {
  case none
  /// The operator has a name and nothing else; see `isComplete`.
  case undescribed
  case one(String, AttributeValue)
  /// A convolution.
  case window(Window, groups: Int)
  /// A pooling; `countingPadding` belongs to the average alone.
  case pool(Window, roundingUp: Bool, countingPadding: Bool? = nil)
  /// scale · x + shift
  case affine(scale: Float, shift: Float)
  case clamp(Float, Float)
  case axes([Int], keepingAxes: Bool)
  case slice(axis: Int, from: Int, to: Int)
  case batchNormalization(epsilon: Float, isTraining: Bool)
  case layerNormalization(shape: [Int], epsilon: Float)
  case groupNormalization(groups: Int, epsilon: Float)
  case responseNormalization(size: Int, alpha: Float, beta: Float, k: Float)
  /// What falls is decided by the Philox key and the step.
  case dropout(rate: Float, stream: (key: UInt64, step: UInt64))
  case attention(scale: Float, causal: Bool)
  case recurrent(reversed: Bool, lengths: [Int32]?)
  /// Where the elements of a sparse operand stand.
  case sparse(SparsePattern)
  /// Anything else. The dictionary is memory of its own, so that operators of which a network has many get a case above.
  case list([String: AttributeValue])

  var attributes: [String: AttributeValue] {
    switch self {
    case .none, .undescribed: [:]
    case .one(let name, let value): [name: value]
    case .window(let window, let groups): Self.attributes(window).merging(["groups": .integer(groups)]) { $1 }
    case .pool(let window, let roundingUp, let countingPadding):
      Self.attributes(window).merging(
        ["rounding": .text(roundingUp ? "up" : "down"), "countingPadding": countingPadding.map { .flag($0) }]
          .compactMapValues { $0 }
      ) { $1 }
    case .affine(let scale, let shift): ["scale": .number(scale), "shift": .number(shift)]
    case .clamp(let low, let high): ["low": .number(low), "high": .number(high)]
    case .axes(let axes, let keepingAxes): ["axes": .integers(axes), "keepingAxes": .flag(keepingAxes)]
    case .slice(let axis, let start, let end):
      ["axis": .integer(axis), "from": .integer(start), "to": .integer(end)]
    case .batchNormalization(let epsilon, let isTraining):
      ["epsilon": .number(epsilon), "training": .flag(isTraining)]
    case .layerNormalization(let shape, let epsilon): ["shape": .integers(shape), "epsilon": .number(epsilon)]
    case .groupNormalization(let groups, let epsilon): ["groups": .integer(groups), "epsilon": .number(epsilon)]
    case .responseNormalization(let size, let alpha, let beta, let k):
      ["size": .integer(size), "alpha": .number(alpha), "beta": .number(beta), "k": .number(k)]
    case .dropout(let rate, let stream):
      [
        "rate": .number(rate), "key": .integer(Int(bitPattern: UInt(stream.key))),
        "step": .integer(Int(bitPattern: UInt(stream.step))),
      ]
    case .attention(let scale, let causal): ["scale": .number(scale), "causal": .flag(causal)]
    case .recurrent(let reversed, let lengths):
      ["reversed": .flag(reversed)].merging(lengths.map { ["lengths": .indices(IntTensor($0))] } ?? [:]) { $1 }
    case .sparse(let pattern):
      [
        "rows": .integer(pattern.compressed.rows), "columns": .integer(pattern.compressed.columnCount),
        "rowOffsets": .integers(pattern.compressed.offsets),
        "columnIndices": .indices(IntTensor(pattern.compressed.columns)),
      ]
    case .list(let attributes): attributes
    }
  }

  private static func attributes(_ window: Window) -> [String: AttributeValue] {
    [
      "kernel": .integers(window.kernel), "stride": .integers(window.stride), "dilation": .integers(window.dilation),
      "padding": .integers(window.paddingLow), "endPadding": .integers(window.paddingHigh),
    ]
  }
}

extension RandomStream {
  /// What the tape keeps of a stream.
  var identity: (key: UInt64, step: UInt64) { (key, step) }
}
