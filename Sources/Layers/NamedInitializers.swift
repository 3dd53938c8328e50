import AviaryDiagnostics
import AviaryTensors

extension Initializer {
  /// An initializer by the name that PyTorch or Keras gives it, with a number behind `=` for some: `he-normal`, `xavier_uniform`,
  /// `GlorotNormal`, `normal=0.02`, `orthogonal=1.4`. nil where there is none of that name.
  public init?(named text: String) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let number = parts.count > 1 ? Float(parts[1]) : nil
    if parts.count > 1, !(number?.isFinite ?? false) { return nil }
    let takesNumber = ["normal", "uniform", "truncated-normal", "constant", "orthogonal"]
    let name = Self.plain(parts[0])
    if number != nil, !takesNumber.contains(name) { return nil }
    // A deviation, a bound or a gain of 0 or less means nothing.
    if let number, number <= 0, name != "constant" { return nil }
    switch name {
    case "he-normal": self = .heNormal
    case "kaiming-normal": self = .kaimingNormal(.in)
    case "he-uniform", "kaiming-uniform": self = .kaimingUniform()
    case "glorot-normal": self = .glorotNormal
    case "xavier-normal": self = .xavierNormal
    case "glorot-uniform", "xavier-uniform": self = .xavierUniform
    case "lecun-normal": self = .lecunNormal
    case "lecun-uniform": self = .lecunUniform
    case "orthogonal": self = .orthogonal(gain: number ?? 1)
    // The numbers by default are Keras's.
    case "normal": self = .normal(mean: 0, deviation: number ?? 0.05)
    case "uniform": self = .uniform(bound: number ?? 0.05)
    case "truncated-normal": self = .truncatedNormal(deviation: number ?? 0.05)
    case "constant":
      guard let number else { return nil }
      self = .constant(number)
    case "zeros": self = .zeros
    case "ones": self = .ones
    default: return nil
    }
  }

  /// The names, for people.
  public static let names = [
    "he-normal", "he-uniform", "kaiming-normal", "kaiming-uniform", "glorot-normal", "glorot-uniform", "xavier-normal",
    "xavier-uniform", "lecun-normal", "lecun-uniform", "orthogonal", "normal", "uniform", "truncated-normal",
    "constant",
    "zeros", "ones",
  ]

  /// `he_normal`, `HeNormal` and PyTorch's `kaiming_normal_` as `he-normal` and `kaiming-normal`; Keras's `random_normal` as
  /// `normal`.
  private static func plain(_ name: some StringProtocol) -> String {
    var result = ""
    for character in name {
      if character == "_" || character == "-" {
        result += "-"
      } else if character.isUppercase, let last = result.last, last != "-" {
        result += "-" + character.lowercased()
      } else {
        result += character.lowercased()
      }
    }
    while result.hasSuffix("-") { result.removeLast() }
    result = result.replacing("le-cun", with: "lecun")
    for prefix in ["random-", "variance-"] where result.hasPrefix(prefix) { result.removeFirst(prefix.count) }
    return ["trunc-normal": "truncated-normal", "zero": "zeros", "one": "ones"][result] ?? result
  }
}

extension Layer {
  /// Fills the weights of linear maps, convolutions and recurrent layers anew from another initializer than their own: every
  /// parameter of two axes or more that is called `weight` and neither a table of embeddings nor the same number everywhere
  /// at first, as scales of layers are. Biases, norms, embeddings and positions keep their values.
  ///
  /// - Returns: the number of parameters that were filled.
  @discardableResult
  public func initializeWeights(by initializer: Initializer, seed: UInt64) -> Int {
    let tables = Walk.layers(of: self).filter { $0.layer is Embedding }.map { $0.path + "." }
    var count = 0
    for (path, parameter) in namedParameters() where parameter.shape.count >= 2 {
      let name = path.split(separator: ".").last.map(String.init) ?? path
      guard name.hasPrefix("weight") || name.hasSuffix("_weight"), !tables.contains(where: path.hasPrefix) else {
        continue
      }
      switch parameter.initializer {
      case .constant, .zeroRow: continue
      default: break
      }
      parameter.assign(initializer.tensor(shape: parameter.shape, seed: seed, path: path))
      count += 1
    }
    return count
  }
}
