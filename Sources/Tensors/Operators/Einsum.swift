import AviaryDiagnostics

/// Sums of products by Einstein's convention, as PyTorch's and NumPy's `einsum`: `einsum("bij,bjk->bik", a, b)`.
///
/// Each letter names an axis; `...` stands for any number of axes, which broadcast. An axis that the result does not name is
/// summed over; a letter twice in one operand takes the diagonal. Without `->` the result has the letters that occur once, in
/// the order of the alphabet (capitals first), after the axes of `...`. Operands are contracted from the left to the right,
/// each pair by a batched matrix product.
public func einsum(_ equation: String, _ operands: Tensor...) -> Tensor {
  let parsed = EinsumEquation(equation, shapes: operands.map(\.shape))
  var terms = zip(operands, parsed.inputs).map { EinsumTerm($0, axes: $1).diagonalized() }
  var product = terms.removeFirst()
  while !terms.isEmpty {
    let next = terms.removeFirst()
    let needed = Set(terms.flatMap(\.axes) + parsed.output)
    product = product.contracted(with: next, keeping: needed)
  }
  return product.arranged(parsed.output)
}

/// Which axes operands and result have. The axes of `...` are numbered from the last.
private struct EinsumEquation {
  enum Axis: Hashable {
    case letter(Character)
    case broadcast(Int)
  }

  let inputs: [[Axis]]
  let output: [Axis]

  init(_ equation: String, shapes: [[Int]]) {
    let text = String(equation.filter { $0 != " " })
    let arrow = text.firstRange(of: "->")
    let left = arrow.map { String(text[..<$0.lowerBound]) } ?? text
    let parts = left.split(separator: ",", omittingEmptySubsequences: false)
    ensure(
      parts.count == shapes.count, "einsum: \"\(equation)\" has \(parts.count) operands, but \(shapes.count) are given")
    inputs = zip(parts, shapes).map { Self.axes(String($0), rank: $1.count, equation) }
    let all = inputs.joined()
    let broadcasts = (0..<(all.compactMap { if case .broadcast(let n) = $0 { n + 1 } else { nil } }.max() ?? 0))
      .reversed().map(Axis.broadcast)
    if let arrow {
      output = Self.axes(String(text[arrow.upperBound...]), rank: nil, equation, broadcasts: broadcasts)
    } else {
      let counts = Dictionary(all.map { ($0, 1) }, uniquingKeysWith: +)
      let letters = counts.compactMap { if case .letter(let letter) = $0.key, $0.value == 1 { letter } else { nil } }
      output = broadcasts + letters.sorted().map(Axis.letter)
    }
    ensure(
      Set(output).count == output.count && output.allSatisfy(Set(all).contains),
      "einsum: the result of \"\(equation)\" names an axis twice, or one that no operand has")
  }

  /// - Parameter rank: of the operand; of the result it is not known beforehand.
  private static func axes(_ part: String, rank: Int?, _ equation: String, broadcasts: [Axis] = []) -> [Axis] {
    let dots = part.firstRange(of: "...")
    let front = dots.map { part[..<$0.lowerBound] } ?? part[...]
    let back = dots.map { part[$0.upperBound...] } ?? ""
    ensure(
      (front + back).allSatisfy { $0.isASCII && $0.isLetter },
      "einsum: \"\(equation)\" is more than letters and one ...")
    let named = front.count + back.count
    let missing = (rank ?? named) - named
    ensure(
      dots == nil ? missing == 0 : missing >= 0,
      "einsum: \"\(part)\" in \"\(equation)\" does not go with \(rank ?? 0) axes")
    let between = dots == nil ? [] : rank == nil ? broadcasts : (0..<missing).reversed().map(Axis.broadcast)
    return front.map(Axis.letter) + between + back.map(Axis.letter)
  }
}

/// A tensor whose axes have names.
private struct EinsumTerm {
  typealias Axis = EinsumEquation.Axis
  let tensor: Tensor
  let axes: [Axis]

  init(_ tensor: Tensor, axes: [Axis]) {
    self.tensor = tensor
    self.axes = axes
  }

  /// Each axis once.
  func diagonalized() -> EinsumTerm {
    for (first, axis) in axes.enumerated() {
      guard let second = axes.indices.last(where: { $0 > first && axes[$0] == axis }) else { continue }
      ensure(
        tensor.shape[first] == tensor.shape[second],
        "einsum: the axes of one name in \(tensor.shape) are not of one size")
      let others = axes.indices.filter { $0 != first && $0 != second }
      let diagonal = tensor.transposed(others + [first, second]).diagonal()
      return EinsumTerm(diagonal, axes: others.map { axes[$0] } + [axis]).diagonalized()
    }
    return self
  }

  /// Without the axes that nobody needs.
  func summed(keeping needed: Set<Axis>) -> EinsumTerm {
    let dropped = axes.indices.filter { !needed.contains(axes[$0]) }
    if dropped.isEmpty { return self }
    return EinsumTerm(tensor.sum(over: dropped), axes: axes.filter(needed.contains))
  }

  func size(_ axis: Axis) -> Int { axes.firstIndex(of: axis).map { tensor.shape[$0] } ?? 1 }

  /// The axes in the order given; those that it does not have are new ones of size 1.
  func arranged(_ order: [Axis], sizes: [Int]? = nil) -> Tensor {
    let reduced = summed(keeping: Set(order))
    let present = order.filter(reduced.axes.contains)
    let permuted = reduced.tensor.transposed(present.map { reduced.axes.firstIndex(of: $0)! })
    let apart = permuted.reshaped(to: order.map(reduced.size))
    return sizes.map { apart.expanded(to: $0) } ?? apart
  }

  func contracted(with other: EinsumTerm, keeping needed: Set<Axis>) -> EinsumTerm {
    let left = summed(keeping: needed.union(other.axes))
    let right = other.summed(keeping: needed.union(axes))
    let shared = left.axes.filter(right.axes.contains)
    let batch = shared.filter(needed.contains)
    let inner = shared.filter { !needed.contains($0) }
    let rows = left.axes.filter { !right.axes.contains($0) }
    let columns = right.axes.filter { !left.axes.contains($0) }
    // Sizes of 1 repeat, as everywhere.
    func sizes(_ axes: [Axis]) -> [Int] {
      axes.map { axis in
        let (a, b) = (left.size(axis), right.size(axis))
        ensure(a == b || a == 1 || b == 1, "einsum: \(left.tensor.shape) does not go with \(right.tensor.shape)")
        return a == 1 ? b : a
      }
    }
    let (batchSizes, innerSizes) = (sizes(batch), sizes(inner))
    let (rowSizes, columnSizes) = (rows.map(left.size), columns.map(right.size))
    func count(_ sizes: [Int]) -> Int { sizes.reduce(1, *) }
    let first = left.arranged(batch + rows + inner, sizes: batchSizes + rowSizes + innerSizes)
      .reshaped(to: [count(batchSizes), count(rowSizes), count(innerSizes)])
    let second = right.arranged(batch + inner + columns, sizes: batchSizes + innerSizes + columnSizes)
      .reshaped(to: [count(batchSizes), count(innerSizes), count(columnSizes)])
    let product = matmul(first, second).reshaped(to: batchSizes + rowSizes + columnSizes)
    return EinsumTerm(product, axes: batch + rows + columns)
  }
}
