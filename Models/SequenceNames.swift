// The names that recurrent networks have in tutorials: lstm, gru or rnn for the recurrent layers; fc, linear, dense or out, with
// numbers where there are several, for the linear ones behind them.

import AviaryLayers

extension SequenceClassifier.Configuration {
  private static let linear: Set<String> = [
    "fc", "linear", "lin", "dense", "out", "output", "head", "classifier", "hidden",
  ]
  private static let embedding: Set<String> = ["embedding", "embeddings", "emb"]

  /// The only layer with recurrent weights is `rnn`, and linear layers of one name are `fc`, or `fc1`, `fc2`, … in the order of
  /// their numbers.
  public static func ownNames(for paths: [String]) -> [(foreign: String, own: String)] {
    // Such networks have few tensors; of a file with many, nothing is looked for.
    guard paths.count <= 1000 else { return [] }
    var layers: [String] = []
    for path in paths {
      guard let dot = path.lastIndex(of: ".") else { return [] }
      let layer = String(path[..<dot])
      if layers.last != layer, !layers.contains(layer) { layers.append(layer) }
    }
    let recurrent = layers.filter { paths.contains($0 + ".weight_ih_l0") }
    guard recurrent.count == 1 else { return [] }
    var names: [(foreign: String, own: String)] = []
    var linear: [(name: String, number: Int)] = []
    for layer in layers {
      if layer == recurrent[0] {
        names.append((layer, "rnn"))
      } else if embedding.contains(layer) {
        names.append((layer, "embed"))
      } else if let number = numbered(layer), paths.contains(layer + ".weight") {
        linear.append((layer, number))
      } else if layer != "embed" {
        return []
      }
    }
    // Of different names nobody knows the order.
    guard Set(linear.map { base($0.name) }).count <= 1, Set(linear.map { $0.number }).count == linear.count else {
      return []
    }
    let ordered = linear.sorted { $0.number < $1.number }.enumerated().map { place, layer in
      (foreign: layer.name, own: linear.count == 1 ? "fc" : "fc\(place + 1)")
    }
    // One after another, so that no new name is one that is yet to be changed.
    let rises = zip(linear.map { $0.number }.sorted(), 1...).contains { $0 < $1 }
    return (names + (rises ? ordered.reversed() : ordered)).filter { $0.foreign != $0.own }
  }

  /// The number at the end of a linear layer's name, -1 without one; nil of other layers.
  private static func numbered(_ layer: String) -> Int? {
    guard linear.contains(base(layer)) else { return nil }
    let digits = layer.reversed().prefix { $0.isASCII && $0.isNumber }
    return digits.isEmpty ? -1 : Int(String(digits.reversed()))
  }

  /// `fc` of `fc`, `fc1`, `fc_1` and `fc.1`.
  private static func base(_ layer: String) -> String {
    var name = layer[...]
    while let last = name.last, last.isASCII && last.isNumber || last == "_" || last == "." { name.removeLast() }
    return String(name)
  }
}
