/// The version of Keras that wrote a file, where it matters: layers have changed what they do.
struct KerasVersion: Equatable, Sendable {
  /// 1, 2 or 3.
  let major: Int
  /// The second number; a large one where the file does not say, which stands for the newest.
  let minor: Int

  /// - Parameter text: "3.15.0"; "1" where a file does not say.
  init(_ text: String) {
    let numbers = text.split(separator: ".").map { Int($0) }
    major = numbers.first.flatMap { $0 } ?? 1
    minor = numbers.dropFirst().first.flatMap { $0 } ?? .max
  }

  /// Whether it is this version of Keras 3, or a later one.
  private func isKeras3(from minor: Int) -> Bool { major > 3 || (major == 3 && self.minor >= minor) }

  /// Keras 3, which has not the layers of TensorFlow's Keras.
  var isKeras3: Bool { isKeras3(from: 0) }

  // MARK: Norms

  /// The least norm that vectors are divided by in Keras 2, and in UnitNormalization of Keras 3 until 3.5.
  static let oldLeastNorm: Float = 1e-6
  /// That of Normalize and other functions of Keras 3, where none is given.
  static let leastNormOfFunctions: Float = 1e-7
  /// That of UnitNormalization; nil for the old one.
  var leastUnitNorm: Float? { isKeras3(from: 6) ? 1e-12 : nil }
  /// That of Dot with `normalize=True`; nil for the old one.
  var leastDotNorm: Float? { isKeras3 ? Self.leastNormOfFunctions : nil }

  // MARK: Masks

  /// Whether a recurrent layer leaves out its input's mask where it is given initial states: Keras 3 hands a mask on only where
  /// a layer's call has one tensor.
  var dropsMaskBesideStates: Bool { isKeras3 }
  /// Whether layers of a list of inputs have a mask after them: Keras 3 forgot it until 3.4.
  var masksLists: Bool { !isKeras3 || isKeras3(from: 4) }
  /// Whether Multiply, Maximum and Minimum leave masked steps out: since 3.4.
  var mergesByMasks: Bool { isKeras3(from: 4) }
  /// Whether MultiHeadAttention takes the masks of its inputs away from them, so that no later layer finds them: since 3.8.
  var attentionTakesMasksAway: Bool { isKeras3(from: 8) }
  /// Whether an attention with dropout, which does not use the backend's function, puts out nothing for a step that no step
  /// counts for, in place of the mean of all: since 3.10.
  var emptiesMaskedRows: Bool { isKeras3(from: 10) }
  /// Whether a mask that a call names is also that of the layer's output: in Keras 2, and in Keras 3 since 3.11.
  var keepsNamedMasks: Bool { !isKeras3 || isKeras3(from: 11) }
}
