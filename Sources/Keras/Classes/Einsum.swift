// Einsum: sums of products by Einstein's convention, as attention that is written by hand has them.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// `ops.einsum("bqhd,bkhd->bhqk", q, k)` of one or two tensors, in Keras's order of axes.
struct KerasEinsum: KerasLayerClass {
  static let key = "einsum"
  static let classes: [String] = []

  /// A letter for each axis, that of the examples first.
  var equation: String

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    throw source.unsupported("it is not one of Keras's layers")
  }

  /// Adds the layer that an equation is, in which `...` may stand for several axes.
  static func add(_ source: KerasLayerDescription, to graph: inout KerasGraphBuilder) throws(KerasModelFault) {
    try graph.turn(to: .channelsLast, for: source)
    let given = try source.word("subscripts", "equation") ?? source.call.arguments.first?.constant?.text ?? ""
    let operands = source.call.arguments.filter { $0.constant?.text == nil }
    guard !operands.isEmpty, operands.allSatisfy({ $0.tensors.count == 1 }) else {
      throw source.unsupported("its operands are not tensors alone, which is not supported")
    }
    guard let terms = Terms(given, ranks: graph.current.map { $0.shape.all.count + 1 }) else {
      throw source.unsupported("the equation '\(given.prefix(80))' of its inputs is not supported")
    }
    try graph.add(source, Self(equation: terms.equation))
    if terms.result.count == 1 { graph.isScalar = true }
  }

  func outputs(of inputs: [KerasShape]) throws(ShapeFault) -> [KerasShape] {
    guard let terms = Terms(equation, ranks: inputs.map { $0.keras.count + 1 }) else {
      throw ShapeFault("the equation '\(equation.prefix(80))' does not go with inputs of the shapes \(inputs)")
    }
    var sizes: [Character: Int] = [:]
    for (term, input) in zip(terms.operands, inputs) {
      for (letter, extent) in zip(term.dropFirst(), input.keras) {
        guard let extent else { continue }
        try require(
          sizes[letter] ?? extent == extent,
          "the axes '\(letter)' of inputs of the shapes \(inputs) have different sizes")
        sizes[letter] = extent
      }
    }
    let rest = terms.result.dropFirst().map { sizes[$0] }
    try require(rest.count <= 4, "its output has \(rest.count) axes")
    return [KerasShape(keras: Array(rest))]
  }

  func module(on inputs: [KerasShape]) -> KerasModule { .joining(Contracted(equation: equation)) }
  var effect: KerasEffect { .mixes }

  private struct Contracted: JoiningLayer {
    let equation: String
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ inputs: [Tensor]) -> [Tensor] {
      let own = inputs.map { $0.channelsLast() }
      let sum = own.count == 1 ? einsum(equation, own[0]) : einsum(equation, own[0], own[1])
      return [KerasAxisOrder.channelsFirst(sum)]
    }
  }

  /// The letters of an equation's operands and result.
  private struct Terms {
    let operands: [[Character]]
    let result: [Character]

    var equation: String { operands.map { String($0) }.joined(separator: ",") + "->" + String(result) }

    /// Nil where an operand has not as many letters as axes or one twice, where the result has one that no operand has, and
    /// where they do not all begin with the same one, that of the examples.
    init?(_ equation: String, ranks: [Int]) {
      let text = equation.filter { $0 != " " }
      let sides = text.components(around: "->")
      let parts = sides[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      guard sides.count == 2, (1...2).contains(parts.count), parts.count == ranks.count else { return nil }
      let spare = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".filter { !text.contains($0) }
      var most = 0
      /// The letters of a term, of which so many more are those of `...`.
      func letters(_ part: String, _ more: Int?) -> [Character]? {
        let around = part.components(around: "...")
        let named = around.joined()
        guard around.count <= 2, named.allSatisfy({ $0.isASCII && $0.isLetter }), Set(named).count == named.count else {
          return nil
        }
        if around.count == 1 { return (more ?? named.count) == named.count ? Array(named) : nil }
        let count = more.map { $0 - named.count } ?? most
        guard (0...spare.count).contains(count) else { return nil }
        most = max(most, count)
        return Array(around[0] + spare.suffix(count) + around[1])
      }
      var operands: [[Character]] = []
      for (part, rank) in zip(parts, ranks) {
        guard let own = letters(part, rank) else { return nil }
        operands.append(own)
      }
      guard let result = letters(sides[1], nil), let examples = result.first,
        operands.allSatisfy({ $0.first == examples }), Set(operands.joined()).isSuperset(of: result)
      else { return nil }
      self.operands = operands
      self.result = result
    }
  }
}

extension String {
  /// The parts before and after each place where another text is.
  fileprivate func components(around other: String) -> [String] {
    split(separator: other, omittingEmptySubsequences: false).map(String.init)
  }
}
